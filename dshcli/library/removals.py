"""What was removed, as rows of the index: a run of steps for each plan that is applied, one step a file.

A step is written before anything happens to its file and closed after it, each in a transaction that is on disk when
the call returns. So whatever stops a run, the steps that it left open are the only ones that may be half done. Other
processes must not work on the same steps: `lock_removals` sees to that.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from dshcli.errors import DshError
from dshcli.library.connection import translated
from dshcli.library.store import Index, PathKey, path_from_key, path_key


class State(StrEnum):
    """How far a step is. BEGUN and UNDOING are open: what happened to the file has to be seen."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"  # nothing happened
    UNDOING = "undoing"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as a plan has it: absolute path, SHA-256 of its bytes, and their number."""

    path: str
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Step:
    """A file to remove in favour of another one.

    target: the path where it goes (quarantine) or where something is built before it replaces the file; "" where
    there is none. mode, mtime_ns: of the file before the step, to restore them.
    """

    number: int
    group: int
    keep: PlannedFile
    remove: PlannedFile
    target: str
    mode: int
    mtime_ns: int
    state: State = State.BEGUN


@dataclass(frozen=True, slots=True)
class Sidecar:
    """An XMP file beside a kept one, which a step writes to: before: its bytes until then, None if it is new; mode,
    mtime_ns: its permissions from then on, and its time until then; digest: the SHA-256 of the bytes from then on."""

    path: str
    before: bytes | None
    mode: int
    mtime_ns: int
    digest: bytes


@dataclass(frozen=True)
class Run:
    """The steps by which one plan was applied in one way. started: local time, to the second; plan: the path of its
    file, whose bytes have this digest; folder: the quarantine's of this run, else ""."""

    number: int
    started: str
    plan: str
    plan_digest: bytes
    way: str
    folder: str


@dataclass(frozen=True)
class RunTotals:
    """A run with the number of files that are removed, those that were restored, and the bytes of the former."""

    run: Run
    removed: int
    restored: int
    bytes: int


class Removals:
    """The runs and steps of an index that is open for reading or, to write them, for writing."""

    def __init__(self, index: Index) -> None:
        self.index, self.path = index, index.path

    def keep_safe(self) -> None:
        """From now on a transaction is on disk when it ends, even if the power fails then."""
        with translated(self.index.path):
            self.index.connection.execute("PRAGMA synchronous = FULL")

    def runs(self) -> list[RunTotals]:
        """All runs, the oldest first."""
        sql = f"""
            SELECT {_RUN}, count(*) FILTER (WHERE state IN ('done', 'begun', 'undoing')),
                   count(*) FILTER (WHERE state = 'undone'),
                   coalesce(sum(size) FILTER (WHERE state IN ('done', 'begun', 'undoing')), 0)
            FROM removal_runs LEFT JOIN removal_steps USING (run) GROUP BY run ORDER BY run
        """
        return [RunTotals(_run(row[:6]), *row[6:]) for row in self.index.rows(sql)]  # type: ignore[arg-type]

    def quarantines(self) -> list[str]:
        """The folders that files were moved into, of all runs."""
        rows = self.index.rows("SELECT DISTINCT folder FROM removal_runs WHERE folder != '' ORDER BY folder")
        return [_path(folder) for (folder,) in rows]

    def steps(self, run: int) -> list[Step]:
        """All steps of a run, in their order."""
        rows = self.index.rows(f"SELECT {_STEP} FROM removal_steps WHERE run = ? ORDER BY step", [run])
        return [_step(row) for row in rows]

    def open_steps(self) -> list[tuple[Run, Step]]:
        """The steps, of whatever run, that were begun or being undone when something stopped it."""
        sql = f"""
            SELECT {_RUN}, {_STEP} FROM removal_steps JOIN removal_runs USING (run)
            WHERE state IN ('begun', 'undoing') ORDER BY run, step
        """
        return [(_run(row[:6]), _step(row[6:])) for row in self.index.rows(sql)]

    def maybe_sidecar(self, run: Run, step: Step) -> Sidecar | None:
        """What a step writes beside the kept file."""
        sql = "SELECT path, before, mode, mtime_ns, digest FROM removal_sidecars WHERE run = ? AND step = ?"
        for path, *facts in self.index.rows(sql, [run.number, step.number]):
            return Sidecar(_path(path), *facts)  # type: ignore[arg-type]
        return None

    def begin(self, run: Run, step: Step, sidecar: Sidecar | None = None) -> None:
        """Writes a step that is about to happen, with its sidecar, and, before its first one, the run."""
        with self.index.write() as db:
            db.execute(
                "INSERT INTO removal_runs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [run.number, run.started, path_key(run.plan), run.plan_digest, run.way, path_key(run.folder)],
            )
            values = [
                run.number, step.number, step.state, step.group, path_key(step.keep.path), step.keep.digest,
                step.keep.size, path_key(step.remove.path), step.remove.digest, step.remove.size,
                path_key(step.target), step.mode, step.mtime_ns,
            ]  # fmt: skip
            db.execute(f"INSERT INTO removal_steps VALUES ({', '.join('?' * len(values))})", values)
            if sidecar is not None:
                row = [path_key(sidecar.path), sidecar.before, sidecar.mode, sidecar.mtime_ns, sidecar.digest]
                db.execute("INSERT INTO removal_sidecars VALUES (?, ?, ?, ?, ?, ?, ?)", [*values[:2], *row])

    def mark(self, run: Run, step: Step, state: State) -> None:
        """Writes how far a step is now."""
        with self.index.write() as db:
            db.execute(
                "UPDATE removal_steps SET state = ? WHERE run = ? AND step = ?", [state, run.number, step.number]
            )


_RUN = "run, started, plan, plan_digest, way, folder"
_STEP = 'step, "group", keep_path, keep_digest, keep_size, path, digest, size, target, mode, mtime_ns, state'


def _run(row: tuple[object, ...]) -> Run:
    number, started, plan, digest, way, folder = row
    return Run(number, started, _path(plan), digest, way, _path(folder))  # type: ignore[arg-type]


def _step(row: tuple[object, ...]) -> Step:
    number, group, keep_path, keep_digest, keep_size, path, digest, size, target, mode, mtime_ns, state = row
    keep = PlannedFile(_path(keep_path), keep_digest, keep_size)  # type: ignore[arg-type]
    remove = PlannedFile(_path(path), digest, size)  # type: ignore[arg-type]
    return Step(number, group, keep, remove, _path(target), mode, mtime_ns, State(state))  # type: ignore[arg-type]


def _path(key: object) -> str:
    assert isinstance(key, PathKey)
    return path_from_key(key)


def now() -> str:
    """The local time to the second, as rows have it."""
    return datetime.now().strftime("%Y-%m-%d %H:%M:%S")


@contextmanager
def lock_removals(index: Path) -> Iterator[None]:
    """Only one process at a time removes or restores by an index. Raises DshError if another one does so now.

    The lock is SQLite's, on an empty file beside the index: it works on every system, and ends with its process.
    """
    path = index.with_name(index.name + "-apply")
    with translated(path), closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY":
                raise
            raise DshError(
                f"{index}: another dsh apply or undo is at work with this index",
                hint="Wait until it is done, then run the same command again.",
            ) from error
        yield
