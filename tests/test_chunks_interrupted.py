"""Packed chunks equal the rows, wherever their writing is interrupted: by an error, by Ctrl-C, or by a kill."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dshcli.errors import DshError
from dshcli.images.walk import Found
from dshcli.library.chunks import CHUNK_IDS, load_codes
from dshcli.library.recording import Recorder
from dshcli.library.store import Content, Index
from dshcli.library.workers import Batch, Outcome

FIRST_ID = CHUNK_IDS - 3  # so that the images lie in two chunks
Codes = dict[str, bytes]  # by path


def batch(codes: dict[str, int], time: int) -> Batch:
    return Batch([outcome(path, code, time) for path, code in codes.items()], 0.0, 0.0)


def outcome(path: str, code: int, time: int) -> Outcome:
    content = Content(code.to_bytes(32), 8, 8, "PNG", code.to_bytes(3), 0.5)
    return Outcome(Found(path, 1, time), content)


def write_all(index: Index) -> None:
    """Two runs of `dsh index`: six new images in two batches; then two of them changed, one moved and two gone."""
    model = index.ensure_model("toy-1", "toy", 24, 2)
    run = Recorder(index, model, index.known(["/p"], model), set())
    run.save(batch({"/p/a": 1, "/p/b": 2, "/p/c": 3}, 1))
    run.save(batch({"/p/d": 4, "/p/e": 5, "/p/f": 6}, 1))
    run.finish(prune=False)
    run = Recorder(index, model, index.known(["/p"], model), {"/p/c", "/p/d", "/p/e"} & {*index.known(["/p"], model)})
    run.save(batch({"/p/a": 11, "/p/b": 2, "/p/f": 16, "/p/z": 3}, 2))
    run.finish(prune=True)


AT_THE_END = {"/p/0": 0, "/p/a": 11, "/p/b": 2, "/p/f": 16, "/p/z": 3}


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """An index with one image, of an id near the end of a chunk."""
    db = tmp_path / "new.db"
    with writing(db) as index:
        model = index.ensure_model("toy-1", "toy", 24, 2)
        run = Recorder(index, model, {}, set())
        run.save(batch({"/p/0": 0}, 1))
        with index.write() as connection:
            connection.execute("UPDATE images SET id = ?", [FIRST_ID])
            connection.execute("UPDATE codes SET image = ?", [FIRST_ID])
        run.finish(prune=False)
    return db


@contextmanager
def writing(db: Path) -> Iterator[Index]:
    """The index, open for writing. No power cut is played here, so nothing waits for the disk."""
    with Index.open_or_create(db) as index:
        index.connection.execute("PRAGMA synchronous = OFF")
        yield index


def codes_of(db: Path) -> Codes:
    """The code of each path, as searches load them; fails if they are not those of the rows, or the file is damaged."""
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = dict(connection.execute("SELECT image, code FROM codes").fetchall())
        paths = dict(connection.execute("SELECT id, path FROM images").fetchall())
    with Index.open(db) as index:
        found = load_codes(index, index.models()[0])
    loaded = {id: code.tobytes() for id, code in zip(found.ids.tolist(), found.codes, strict=True)}
    assert loaded == rows
    return {paths[id]: code for id, code in loaded.items()}


def whole(codes: dict[str, int]) -> Codes:
    return {path: code.to_bytes(3) for path, code in codes.items()}


class Stopping:
    """A connection whose user is stopped by Ctrl-C at a step; a step lies before, and one after, each statement."""

    def __init__(self, connection: sqlite3.Connection, at: int) -> None:
        self._connection, self._at, self.count = connection, at, 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._step()
        cursor = self._connection.execute(*arguments)
        self._step()
        return cursor

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._step()
        cursor = self._connection.executemany(*arguments)
        self._step()
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def _step(self) -> None:
        self.count += 1
        if self.count == self._at:
            raise KeyboardInterrupt


def stop_at(db: Path, at: int) -> int:
    """Writes, is stopped at that step, and gives the number of steps it has come to."""
    with writing(db) as index:
        stopping = Stopping(index.connection, at)
        index.connection = stopping  # type: ignore[assignment]
        try:
            write_all(index)
        except KeyboardInterrupt:
            return at
        return stopping.count


@pytest.fixture
def states(new: Path, tmp_path: Path) -> list[Codes]:
    """What the index holds after each transaction of an undisturbed run, the first state being that before it."""
    found: list[Codes] = []

    def note(db: Path) -> None:
        codes = codes_of(db)
        if codes not in found:
            found.append(codes)

    snapshots(new, tmp_path, note)
    assert found[0] == whole({"/p/0": 0}) and found[-1] == whole(AT_THE_END)
    assert len(found) == 5  # two batches, a third one, and the dropping of what is gone
    return found


def snapshots(new: Path, tmp_path: Path, note: Callable[[Path], None]) -> int:
    """Writes, and notes before each statement, those of triggers too, what a kill at that moment would leave on disk:
    the file and its log as they are. The page cache is tiny, so that pages of open transactions are among it."""
    db, copy = tmp_path / "running.db", tmp_path / "killed.db"
    shutil.copy(new, db)
    taken = 0

    def take(statement: str) -> None:
        nonlocal taken
        taken += 1
        copy.with_name(copy.name + "-shm").unlink(missing_ok=True)
        for suffix in ("", "-wal"):
            source, target = (path.with_name(path.name + suffix) for path in (db, copy))
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copy(source, target)
        note(copy)

    with writing(db) as index:
        index.connection.execute("PRAGMA cache_size = 1")
        index.connection.set_trace_callback(take)
        write_all(index)
        index.connection.set_trace_callback(None)
        take("the end")
    return taken


def test_killed_at_every_statement(new: Path, tmp_path: Path, states: list[Codes]) -> None:
    seen: list[int] = []

    def note(db: Path) -> None:
        seen.append(states.index(codes_of(db)))
        with writing(db) as index:
            write_all(index)
        assert codes_of(db) == whole(AT_THE_END)

    assert snapshots(new, tmp_path, note) > 80
    assert seen == sorted(seen) and set(seen) == set(range(len(states)))


def test_stopped_before_and_after_every_statement(new: Path, tmp_path: Path, states: list[Codes]) -> None:
    db, at, seen = tmp_path / "stopped.db", 1, []
    while True:
        shutil.copy(new, db)
        stopped = stop_at(db, at)
        seen.append(states.index(codes_of(db)))
        if stopped < at:
            break
        with writing(db) as index:
            write_all(index)
        assert codes_of(db) == whole(AT_THE_END)
        at += 1
    assert at > 80 and seen == sorted(seen) and set(seen) == set(range(len(states)))


def test_interrupted_inside_statements(new: Path, tmp_path: Path, states: list[Codes]) -> None:
    """SQLite gives up after so many steps of its own, in the middle of a statement or of a trigger."""
    db, seen, steps = tmp_path / "inside.db", set(), 1
    while states[-1] not in (left := [states[at] for at in seen]) or not left:
        shutil.copy(new, db)
        with writing(db) as index:
            calls = iter(range(steps))
            index.connection.set_progress_handler(lambda calls=calls: next(calls, None) is None, 1)
            try:
                write_all(index)
            except (DshError, sqlite3.OperationalError):
                index.connection.set_progress_handler(None, 0)
        seen.add(states.index(codes_of(db)))
        steps = steps * 21 // 20 + 7
    assert seen == set(range(len(states)))
