"""The index file itself: what is refused and why, what survives, and who may use it at once."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import as_nobody, draw
from test_indexing import MeanColour

from dshcli.errors import DshError, NoIndex
from dshcli.library.chunks import CHUNK_IDS, load_codes, pack_chunks
from dshcli.library.connection import SCHEMA, open_for_writing
from dshcli.library.contents import flat_images
from dshcli.library.indexing import IndexOptions, index_folder
from dshcli.library.schema import migrations
from dshcli.library.store import Index, path_from_key, path_key, within
from dshcli.progress import Silent
from dshcli.proof.information import FLAT


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


def make(db: Path, images: int = 3, bits: int = 24) -> None:
    """An index of one model whose codes are the image ids, in big-endian bytes."""
    with Index.open_or_create(db) as index:
        model = index.ensure_model("toy-1", "toy", bits, 2)
        add(index, model, range(1, images + 1), bits)


def add(index: Index, model: int, ids: range, bits: int = 24) -> None:
    with index.write() as connection:
        connection.executemany(
            "INSERT INTO images (id, path, size, mtime_ns, digest, width, height, format) VALUES (?,?,1,1,?,1,1,'PNG')",
            [(id, f"/p/{id}", id.to_bytes(32)) for id in ids],
        )
        connection.executemany(
            "INSERT INTO codes VALUES (?, ?, ?)", [(model, id, id.to_bytes(bits // 8)) for id in ids]
        )


def loaded(db: Path) -> dict[int, int]:
    with Index.open(db) as index:
        codes = load_codes(index, index.models()[0])
    assert (np.diff(codes.ids) > 0).all()
    return {int(id): int.from_bytes(code.tobytes()) for id, code in zip(codes.ids, codes.codes, strict=True)}


# --- chunks ----------------------------------------------------------------------------------------------


def test_chunks_are_true_before_and_after_packing(db: Path) -> None:
    make(db, 5)
    assert loaded(db) == {i: i for i in range(1, 6)}
    with Index.open_or_create(db) as index:
        pack_chunks(index)
    assert loaded(db) == {i: i for i in range(1, 6)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE codes SET code = x'0000ff' WHERE image = 2", {1: 1, 2: 255, 3: 3}),
        ("DELETE FROM codes WHERE image = 2", {1: 1, 3: 3}),
        ("DELETE FROM images WHERE id = 2", {1: 1, 3: 3}),
        ("INSERT INTO codes VALUES (1, 70000, x'000009')", {1: 1, 2: 2, 3: 3, 70000: 9}),
        ("INSERT OR REPLACE INTO codes VALUES (1, 2, x'000009')", {1: 1, 2: 9, 3: 3}),
        ("DELETE FROM images", {}),
    ],
)
def test_any_change_of_a_code_shows_at_once(db: Path, change: str, expected: dict[int, int]) -> None:
    """Also one made by another program: triggers keep the packed copy true."""
    make(db)
    with Index.open_or_create(db) as index:
        pack_chunks(index)
        index.connection.execute(change)
        if expected:
            assert loaded(db) == expected
        pack_chunks(index)
    if expected:
        assert loaded(db) == expected
    else:
        with Index.open(db) as index:
            assert index.models() == []


def test_ids_beyond_one_chunk(db: Path) -> None:
    make(db, 2)
    with Index.open_or_create(db) as index:
        add(index, 1, range(CHUNK_IDS - 1, CHUNK_IDS + 2))
        add(index, 1, range(5 * CHUNK_IDS, 5 * CHUNK_IDS + 1))
        pack_chunks(index)
    assert sorted(loaded(db)) == [1, 2, CHUNK_IDS - 1, CHUNK_IDS, CHUNK_IDS + 1, 5 * CHUNK_IDS]


def test_codes_of_more_than_63_bits(db: Path) -> None:
    make(db, 1, bits=64)
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("UPDATE codes SET code = ?", [b"\xff" * 8])
    assert loaded(db) == {1: 2**64 - 1}


# --- paths -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"/a/b.jpg", b"/caf\xe9", "/鳥.png".encode(), b"/new\nline", b"/\xff\xfe"])
def test_paths_round_trip(raw: bytes) -> None:
    assert os.fsencode(path_from_key(path_key(os.fsdecode(raw)))) == raw


def test_within_is_a_matter_of_whole_names(db: Path) -> None:
    paths = ["/p/a/1", "/p/a/b/2", "/p/ab/3", "/p/a", "/p/A/4", "/p/a!/5", os.fsdecode(b"/p/a/\xe9"), "/p/a%/6"]
    with Index.open_or_create(db) as index, index.write() as connection:
        connection.executemany(
            "INSERT INTO images (path, size, mtime_ns) VALUES (?, 1, 1)", [[path_key(path)] for path in paths]
        )

    def found(*roots: str) -> list[str]:
        where, values = within(roots)
        with Index.open(db) as index:
            return sorted(
                path_from_key(path) for (path,) in index.rows(f"SELECT path FROM images WHERE {where}", values)
            )

    assert found("/p/a") == sorted(["/p/a", "/p/a/1", "/p/a/b/2", os.fsdecode(b"/p/a/\xe9")])
    assert found("/p/a/b", "/p/ab") == ["/p/a/b/2", "/p/ab/3"]
    assert len(found("/")) == len(paths)
    assert found() == []


# --- what is refused -------------------------------------------------------------------------------------


def test_reading_never_creates(db: Path) -> None:
    with pytest.raises(NoIndex, match="there is no index yet"):
        Index.open(db)
    assert not db.exists()


def test_an_empty_file_holds_nothing_yet(db: Path) -> None:
    db.touch()
    with pytest.raises(NoIndex, match="holds nothing yet"):
        Index.open(db)
    make(db)
    assert len(loaded(db)) == 3


def refusals(db: Path) -> Iterator[DshError]:
    """What reading and writing say; neither may change the file."""
    before = db.read_bytes()
    for opening in (Index.open, Index.open_or_create):
        with pytest.raises(DshError) as caught, opening(db) as index:
            load_codes(index, index.models()[0])
            index.ensure_model("x", "x", 8, 0)
        yield caught.value
    assert db.read_bytes() == before


def test_not_sqlite(db: Path) -> None:
    db.write_bytes(b"Dear diary, today was a long day. " * 99)
    for error in refusals(db):
        assert str(db) in str(error) and "no SQLite database" in str(error) and "--db" in error.hint


def test_another_programs_database(db: Path) -> None:
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    for error in refusals(db):
        assert "of another program" in str(error)


def test_a_newer_schema(db: Path) -> None:
    make(db)
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('dsh', 'm999_future', '')"
        )
        connection.execute("PRAGMA journal_mode = DELETE")
    for error in refusals(db):
        assert "newer version" in str(error) and "Update" in error.hint


def make_older(db: Path, images: int) -> None:
    """An index as the first version made it."""
    with closing(sqlite3.connect(db, isolation_level=None)) as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr("dshcli.library.connection.SCHEMA", SCHEMA[:1])
        apply = migrations.apply
        patch.setattr(migrations, "apply", lambda database: apply(database, stop_before=SCHEMA[1]))
        open_for_writing(db).close()
        assert [n for (n,) in connection.execute("SELECT name FROM _sqlite_migrations")] == list(SCHEMA[:1])
        columns = [row[1] for row in connection.execute("PRAGMA table_info(images)")]
        assert columns[-1] == "error"
        connection.execute("INSERT INTO models (model_id, name, bits, radius) VALUES ('toy-1', 'toy', 24, 2)")
        for id in range(1, images + 1):
            values = [id, f"/p/{id}", 1, 1, id.to_bytes(32), 1, 1, "PNG", None]
            connection.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            connection.execute("INSERT INTO codes VALUES (1, ?, ?)", [id, id.to_bytes(3)])


def test_an_older_schema_is_read_after_the_next_dsh_index(db: Path, tmp_path: Path) -> None:
    make_older(db, 3)
    with pytest.raises(DshError, match="older version") as caught:
        Index.open(db)
    assert "dsh index" in caught.value.hint
    photo = draw(tmp_path / "photos" / "new.png", 1)
    assert index_folder(db, [photo.parent], MeanColour(), IndexOptions(), Silent()).hashed == 1
    assert loaded(db).keys() == {1, 2, 3, 4}
    with Index.open(db) as index:
        known = index.rows("SELECT path, information IS NULL FROM images ORDER BY id")
        assert known == [("/p/1", 1), ("/p/2", 1), ("/p/3", 1), (str(photo), 0)]
        assert index.rows("SELECT count(*) FROM proofs") == [(0,)]
        assert flat_images(index, FLAT).tolist() == []


def test_a_corrupt_file(db: Path) -> None:
    make(db, 2000)
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    data = bytearray(db.read_bytes())
    for at in range(4096 * 2, len(data), 4096):
        data[at : at + 200] = os.urandom(200)
    db.write_bytes(data)
    with pytest.raises(DshError, match="damaged|no SQLite database") as caught, Index.open(db) as index:
        index.facts()
        load_codes(index, index.models()[0])
    assert caught.value.hint


def test_a_folder_in_its_place(db: Path) -> None:
    db.mkdir()
    for opening in (Index.open, Index.open_or_create):
        with pytest.raises(DshError, match="is a folder"):
            opening(db)


def test_a_read_only_index_can_be_searched_but_not_written(public: Path) -> None:
    db = public / "index.db"
    make(db)
    db.chmod(0o444)
    public.chmod(0o555)
    with as_nobody():
        assert len(loaded(db)) == 3
        with pytest.raises(DshError, match="cannot be written") as caught, Index.open_or_create(db) as index:
            index.ensure_model("x", "x", 8, 0)
    assert str(db) in str(caught.value) and "--db" in caught.value.hint


def test_an_index_without_permission(public: Path) -> None:
    db = public / "index.db"
    make(db)
    db.chmod(0o000)
    with as_nobody(), pytest.raises(DshError, match="cannot be opened"):
        Index.open(db)
    with as_nobody(), pytest.raises(DshError, match="permission denied") as caught:
        Index.open_or_create(public / "sub" / "index.db")
    assert "--db" in caught.value.hint


def test_an_image_without_permission_is_skipped_and_tried_again(public: Path) -> None:
    """A real closed file; opening it later needs no `--retry`, since its content was never to blame."""
    closed, open_one = draw(public / "photos" / "closed.png", 1), draw(public / "photos" / "open.png", 2)
    os.chmod(public / "photos", 0o755)
    closed.chmod(0o000)
    db = public / "index.db"
    public.chmod(0o777)
    with as_nobody():
        ledger = index_folder(db, [public / "photos"], MeanColour(), IndexOptions(jobs=1), Silent())
    assert ledger.skipped == ((str(closed), "permission denied"),) and ledger.hashed == 1
    closed.chmod(0o644)
    with as_nobody():
        ledger = index_folder(db, [public / "photos"], MeanColour(), IndexOptions(jobs=1), Silent())
    assert (ledger.hashed, ledger.unchanged, ledger.skipped) == (1, 1, ()), open_one


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_keeps_what_was_saved(small_disk: Path) -> None:
    db = small_disk / "index.db"
    make(db, 10)
    with pytest.raises(DshError, match="disk is full|did not take") as caught, Index.open_or_create(db) as index:
        for start in range(100, 1_000_000, 500):
            add(index, 1, range(start, start + 500))
    assert "goes on from there" in caught.value.hint
    saved = loaded(db)
    assert len(saved) >= 10 and all(id == code for id, code in saved.items())
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# --- several processes at once ---------------------------------------------------------------------------

CREATE = """
import sys; sys.path.insert(0, {root!r})
from pathlib import Path
from dshcli.library.schema import migrations
from dshcli.library.store import Index
with Index.open_or_create(Path({db!r})) as index: index.ensure_model('toy-1', 'toy', 24, 2)
"""


def test_six_processes_create_the_index_at_once(db: Path) -> None:
    code = CREATE.format(root=str(Path(__file__).parents[1]), db=str(db))
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(6)]
    assert [process.communicate()[1] for process in processes] == [b""] * 6
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        assert connection.execute("SELECT count(*) FROM models").fetchone() == (1,)
        assert [n for (n,) in connection.execute("SELECT name FROM _sqlite_migrations")] == list(SCHEMA)


def test_an_interrupted_creation_leaves_nothing_half(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dshcli.library import schema

    broken = schema._chunk_trigger
    monkeypatch.setattr(schema, "_chunk_trigger", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_for_writing(db)
    monkeypatch.setattr(schema, "_chunk_trigger", broken)
    make(db)
    assert len(loaded(db)) == 3
