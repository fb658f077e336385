"""Indexing through its own door, with a toy hasher: what is read, what is not, and what the rows say afterwards."""

import os
import shutil
import sqlite3
import threading
from contextlib import closing, nullcontext
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from conftest import draw
from PIL import Image

from dshcli.codes import Codes
from dshcli.errors import DshError
from dshcli.images.spec import InputSpec
from dshcli.images.walk import WalkOptions
from dshcli.library.chunks import load_codes
from dshcli.library.indexing import IndexOptions, Ledger, index_folder
from dshcli.library.store import Index
from dshcli.library.workers import KnownContents
from dshcli.progress import Silent
from dshcli.proof.information import FLAT


class MeanColour:
    """The code is the mean colour: 8 bits each of red, green and blue. Counts the images it is given."""

    bits, radius, spec = 24, 2, InputSpec(8, 3)

    def __init__(self, name: str = "toy") -> None:
        self.name, self.model_id, self.encoded = name, f"{name}-1", 0
        self._lock = threading.Lock()

    def encode(self, pixels: npt.NDArray[np.uint8]) -> Codes:
        with self._lock:
            self.encoded += len(pixels)
        return pixels.mean(axis=(1, 2)).astype(np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number in range(5):
        draw(folder / f"{number}.png", number)
    return folder


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


def run(db: Path, *folders: Path, hasher: MeanColour | None = None, **options: object) -> Ledger:
    return index_folder(db, folders, hasher or MeanColour(), IndexOptions(**options), Silent())  # type: ignore[arg-type]


def dump(db: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of ours."""
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        tables = ("models", "images", "codes", "code_chunks")
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}


def counts(ledger: Ledger) -> dict[str, int]:
    return {
        name: value
        for name in ("hashed", "unchanged", "moved", "removed", "missing")
        if (value := getattr(ledger, name))
    } | ({"skipped": len(ledger.skipped)} if ledger.skipped else {})


def test_rows_say_what_the_files_are(photos: Path, db: Path) -> None:
    assert counts(run(db, photos)) == {"hashed": 5}
    rows = dump(db)
    path = photos / "2.png"
    (row,) = [row for row in rows["images"] if row[1] == str(path)]
    assert row[2:4] == (path.stat().st_size, path.stat().st_mtime_ns)
    assert row[5:9] == (96, 64, "PNG", None) and 0.5 < row[9] < 1
    assert len(rows["codes"]) == 5
    with Index.open(db) as index:
        loaded = load_codes(index, index.models()[0])
    assert {id: code for _, id, code in rows["codes"]} == {
        int(id): code.tobytes() for id, code in zip(loaded.ids, loaded.codes, strict=True)
    }


def test_a_second_run_opens_nothing(photos: Path, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photos / "bad.jpg").write_bytes(b"no picture")
    run(db, photos)
    before = dump(db)
    monkeypatch.setattr("dshcli.library.workers.image_file", lambda path, most: pytest.fail(f"opened {path}"))
    assert counts(run(db, photos)) == {"unchanged": 5, "skipped": 1}
    assert dump(db) == before


def test_a_second_run_writes_nothing_and_loads_no_network(photos: Path, db: Path) -> None:
    run(db, photos)
    before = db.read_bytes()
    hasher = MeanColour()
    assert counts(run(db, photos, hasher=hasher)) == {"unchanged": 5}
    assert db.read_bytes() == before and hasher.encoded == 0
    assert [path.name for path in db.parent.iterdir() if path.is_file()] == ["index.db"]


def test_a_known_content_is_looked_up_not_searched_for(photos: Path, db: Path) -> None:
    """Without statistics SQLite liked to go through all codes of the model, for each new file."""
    run(db, photos)
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        ids = range(10, 20_010)
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO images (id, path, size, mtime_ns, digest) VALUES (?, ?, 0, 0, ?)",
            ((id, f"/{id}", id.to_bytes(32, "big")) for id in ids),
        )
        connection.executemany("INSERT INTO codes VALUES (1, ?, 'abc')", ((id,) for id in ids))
        connection.execute("COMMIT")
    with KnownContents(db, 1) as contents:
        steps = [0]

        def count_steps() -> None:
            steps[0] += 1

        contents._connection.set_progress_handler(count_steps, 10)
        found = contents.find((20_000).to_bytes(32, "big"))
        missing = contents.find(b"x" * 32)
    assert found is not None and found.code == "abc" and missing is None
    assert steps[0] < 100


def test_a_changed_file_is_hashed_again_and_a_touched_one_is_not(photos: Path, db: Path) -> None:
    run(db, photos)
    draw(photos / "0.png", 99)
    os.utime(photos / "1.png", ns=(0, 1_000_000_000))
    hasher = MeanColour()
    assert counts(run(db, photos, hasher=hasher)) == {"hashed": 1, "unchanged": 4}
    assert hasher.encoded == 1
    assert counts(run(db, photos)) == {"unchanged": 5}


def test_moved_files_keep_their_row_and_are_not_hashed(photos: Path, db: Path) -> None:
    run(db, photos)
    ids = {row[4]: row[0] for row in dump(db)["images"]}
    (photos / "new").mkdir()
    (photos / "0.png").rename(photos / "new" / "zero.png")
    hasher = MeanColour()
    assert counts(run(db, photos, hasher=hasher)) == {"moved": 1, "unchanged": 4}
    assert hasher.encoded == 0
    assert {row[4]: row[0] for row in dump(db)["images"]} == ids
    assert str(photos / "new" / "zero.png") in {row[1] for row in dump(db)["images"]}


def test_a_copy_is_a_row_of_its_own_without_hashing(photos: Path, db: Path) -> None:
    run(db, photos)
    shutil.copy(photos / "0.png", photos / "copy.png")
    hasher = MeanColour()
    assert counts(run(db, photos, hasher=hasher)) == {"hashed": 1, "unchanged": 5}
    assert hasher.encoded == 0 and len(dump(db)["codes"]) == 6


def test_vanished_files_are_told_and_dropped_only_with_prune(photos: Path, db: Path) -> None:
    run(db, photos)
    (photos / "0.png").unlink()
    assert counts(run(db, photos)) == {"unchanged": 4, "missing": 1}
    assert len(dump(db)["images"]) == 5
    assert counts(run(db, photos, prune=True)) == {"unchanged": 4, "removed": 1}
    rows = dump(db)
    assert len(rows["images"]) == len(rows["codes"]) == 4
    with Index.open(db) as index:
        assert len(load_codes(index, index.models()[0]).ids) == 4


def test_prune_touches_nothing_but_what_is_gone_below_the_folder(photos: Path, db: Path, tmp_path: Path) -> None:
    other = draw(tmp_path / "other" / "x.png", 50)
    run(db, photos, other.parent)
    other.unlink()
    assert counts(run(db, photos, prune=True, walk=WalkOptions(exclude=("0.png",)))) == {"unchanged": 4}
    assert len(dump(db)["images"]) == 6


def test_a_file_behind_a_closed_folder_is_not_gone(photos: Path, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(photos / "sub" / "x.png", 9)
    run(db, photos)
    scandir, lstat = os.scandir, os.lstat

    def closed(function: object, path: object) -> object:
        if "/sub" in os.fspath(path):  # type: ignore[call-overload]
            raise PermissionError(13, "Permission denied")
        return function(path)  # type: ignore[operator]

    monkeypatch.setattr(os, "scandir", lambda path: closed(scandir, path))
    monkeypatch.setattr(os, "lstat", lambda path: closed(lstat, path))
    ledger = run(db, photos, prune=True)
    assert counts(ledger) == {"unchanged": 5, "skipped": 1}
    assert ledger.reasons == [("permission denied", 1)]


def test_bad_files_are_skipped_with_their_reason_and_remembered(photos: Path, db: Path) -> None:
    (photos / "zero.jpg").touch()
    (photos / "text.jpg").write_text("Dear diary, this is no picture at all.")
    (photos / "notes.txt").write_text("Nor is this, but it does not claim to be.")
    whole = draw(photos / "cut.jpg", 3, (300, 200)).read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    ledger = run(db, photos)
    assert {os.path.basename(path): reason for path, reason in ledger.skipped} == {
        "zero.jpg": "empty file",
        "text.jpg": "not an image",
        "cut.jpg": "truncated",
    }
    assert (ledger.hashed, ledger.others, ledger.seen) == (5, 1, 8)
    assert {row[8] for row in dump(db)["images"]} == {None, "empty file", "not an image", "truncated"}
    (photos / "cut.jpg").write_bytes(whole)
    assert counts(run(db, photos)) == {"hashed": 1, "unchanged": 5, "skipped": 2}


def test_a_picture_that_became_unreadable_loses_its_code(photos: Path, db: Path) -> None:
    run(db, photos)
    (photos / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    assert counts(run(db, photos)) == {"unchanged": 4, "skipped": 1}
    assert len(dump(db)["codes"]) == 4


def test_what_is_not_the_contents_fault_is_tried_again(photos: Path, db: Path) -> None:
    assert counts(run(db, photos, max_pixels=10)) == {"skipped": 5}
    assert counts(run(db, photos)) == {"hashed": 5}


def test_retry_opens_failed_files_again(photos: Path, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photos / "bad.jpg").write_bytes(b"no picture")
    run(db, photos)
    opened: list[str] = []
    monkeypatch.setattr(
        "dshcli.library.workers.image_file",
        lambda path, most: nullcontext(opened.append(path)),  # type: ignore[func-returns-value]
    )
    run(db, photos, retry=True)
    assert opened == [str(photos / "bad.jpg")]


@pytest.mark.parametrize("name", ["a.heic", "b.jpg", "c", "d.png.tmp"])
def test_the_type_comes_from_the_content(name: str, tmp_path: Path, db: Path) -> None:
    draw(tmp_path / "p" / name, 1, format="JPEG")
    assert counts(run(db, tmp_path / "p")) == {"hashed": 1}
    assert dump(db)["images"][0][7] == "JPEG"


def test_a_file_that_changes_while_being_read(photos: Path, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fstat, lapse = os.fstat, {"calls": 0}

    def growing(descriptor: int) -> os.stat_result:
        lapse["calls"] += 1
        if lapse["calls"] == 2:  # between the look before and the look after reading the first file
            with open(photos / "0.png", "ab") as file:
                file.write(b"more")
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", growing)
    ledger = run(db, photos, jobs=1)
    assert ledger.reasons == [("changed while being read", 1)]
    monkeypatch.undo()
    assert counts(run(db, photos)) == {"hashed": 1, "unchanged": 4}


def test_a_file_that_disappears_after_the_walk(photos: Path, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dshcli.library import indexing

    find = indexing._find

    def find_then_lose(*arguments: object) -> object:
        found = find(*arguments)  # type: ignore[arg-type]
        (photos / "3.png").unlink()
        return found

    monkeypatch.setattr(indexing, "_find", find_then_lose)
    assert run(db, photos).reasons == [("no such file", 1)]


def test_two_models_side_by_side(photos: Path, db: Path) -> None:
    run(db, photos)
    assert counts(run(db, photos, hasher=MeanColour("other"))) == {"hashed": 5}
    draw(photos / "0.png", 99)
    assert counts(run(db, photos, hasher=MeanColour("other"))) == {"hashed": 1, "unchanged": 4}
    with Index.open(db) as index:
        first, second = index.models()
        # the first model's code of the changed picture described pixels that are gone
        assert len(load_codes(index, first).ids) == 4 and len(load_codes(index, second).ids) == 5
    assert counts(run(db, photos)) == {"hashed": 1, "unchanged": 4}


def holds(db: Path) -> dict[str, float | None]:
    return {Path(row[1]).name: row[9] for row in dump(db)["images"]}


def test_information_tells_a_blank_page_from_a_picture(photos: Path, db: Path) -> None:
    Image.new("RGB", (90, 60), (250, 250, 240)).save(photos / "blank.png")
    (photos / "bad.jpg").write_text("no picture")
    shutil.copy(photos / "0.png", photos / "copy.png")
    run(db, photos)
    found = holds(db)
    assert found["blank.png"] < 1e-6 and found["bad.jpg"] is None
    assert min(found[f"{number}.png"] for number in range(5)) > FLAT
    draw(photos / "blank.png", 7)
    shutil.copy(photos / "0.png", photos / "late.png")
    (photos / "1.png").unlink()
    run(db, photos)
    after = holds(db)
    assert after["blank.png"] > FLAT
    assert after["0.png"] == after["copy.png"] == after["late.png"] == found["0.png"]
    Image.new("RGB", (90, 60)).save(photos / "0.png")
    run(db, photos)
    assert holds(db)["0.png"] < 1e-6


def test_a_model_that_sees_less_takes_no_information_away(photos: Path, db: Path) -> None:
    class Tiny(MeanColour):  # 4 pixels show no more than a plain colour and a gradient would
        spec = InputSpec(2, 3)

    run(db, photos)
    found = holds(db)
    assert counts(run(db, photos, hasher=Tiny("tiny"))) == {"hashed": 5}
    assert holds(db) == found
    other = db.with_name("other.db")
    run(other, photos, hasher=Tiny("tiny"))
    assert set(holds(other).values()) == {0.0}
    run(other, photos)
    assert holds(other) == found


def test_information_of_an_older_version_stays_unknown_until_the_file_is_hashed_again(photos: Path, db: Path) -> None:
    run(db, photos)
    found = holds(db)
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("UPDATE images SET information = NULL")
    os.utime(photos / "0.png", ns=(0, 1_000_000_000))
    run(db, photos)
    assert set(holds(db).values()) == {None}
    run(db, photos, hasher=MeanColour("other"))
    assert holds(db) == found


def test_names_that_no_one_expects(photos: Path, db: Path) -> None:
    odd = [b"caf\xe9.png", b"new\nline.png", b"\x1b[31mred.png", b"quo\"te's.png", "鳥.png".encode()]
    data = (photos / "0.png").read_bytes()
    for number, name in enumerate(odd):
        with open(os.fsencode(photos) + b"/" + name, "wb") as file:
            file.write(data + bytes([number]))
    assert run(db, photos).hashed == 10
    assert counts(run(db, photos)) == {"unchanged": 10}
    with Index.open(db) as index:
        stored = {os.path.basename(os.fsencode(image.path)) for image in index.images(range(1, 20)).values()}
    assert set(odd) <= stored


def test_the_result_does_not_depend_on_threads(photos: Path, tmp_path: Path) -> None:
    for number in range(60):
        draw(photos / "more" / f"{number}.jpg", number)
    one, many = tmp_path / "one.db", tmp_path / "many.db"
    run(one, photos, jobs=1)
    run(many, photos, jobs=5)
    assert dump(one) == dump(many)


def test_missing_folder_is_an_error_and_makes_no_index(tmp_path: Path, db: Path) -> None:
    with pytest.raises(DshError, match="no such file"):
        run(db, tmp_path / "nowhere")
    assert not db.exists()
