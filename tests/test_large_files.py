"""Files that are too large to be held while their picture is decoded: read from the disk, with the same outcome."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from typer.testing import Result

from dshcli.errors import BadImage, TryAgain
from dshcli.images.opening import open_image, pillow_ready
from dshcli.images.reading import image_file
from dshcli.images.spec import InputSpec
from dshcli.library import workers
from dshcli.library.store import Index

Dsh = Callable[..., Result]
FORMATS = {
    "jpg": {}, "png": {}, "tif": {}, "deflated.tif": {"compression": "tiff_deflate"}, "bmp": {}, "webp": {},
    "gif": {}, "avif": {}, "heic": {},
}  # fmt: skip
SPEC = InputSpec(16, 3)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    pillow_ready()
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed, (ending, options) in enumerate(FORMATS.items()):
        picture(seed, (200, 120)).save(folder / f"a.{ending}", **options)
    return folder


@pytest.mark.parametrize("ending", FORMATS)
def test_an_open_file_gives_the_pixels_of_its_bytes(ending: str, files: Path) -> None:
    path = files / f"a.{ending}"
    data = path.read_bytes()
    with image_file(str(path), most=10) as file:
        assert file is not None and not isinstance(file.source, bytes)
        assert (file.digest, file.size) == (hashlib.sha256(data).digest(), len(data))
        found, expected = open_image(file.source, SPEC), open_image(data, SPEC)
        assert np.array_equal(found.pixels, expected.pixels)
        assert (found.width, found.height, found.format) == (200, 120, file.format)
    with image_file(str(path), most=len(data)) as file:
        assert file is not None and file.data == data


def test_an_index_is_the_same(files: Path, dsh: Dsh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Bad ones have the same reasons."""
    (files / "cut.png").write_bytes((files / "a.png").read_bytes()[:-30])
    (files / "cut.jpg").write_bytes((files / "a.jpg").read_bytes()[:-300])
    whole = bytearray((files / "a.png").read_bytes())
    whole[whole.index(b"IDAT") + 8] ^= 1
    (files / "damaged.png").write_bytes(whole)
    rows = []
    for most in (10, 1 << 20):
        monkeypatch.setattr(workers, "BIG_FILE", most)
        dsh("index", files, "--db", tmp_path / f"{most}.db")
        rows.append(dump(tmp_path / f"{most}.db"))
    assert rows[0] == rows[1]
    assert len(rows[0]) == len(FORMATS) + 3
    assert {os.path.basename(str(row[0])): row[6] for row in rows[0] if row[6]} == {
        "cut.png": "truncated", "cut.jpg": "truncated", "damaged.png": "damaged: wrong checksum in PNG chunk b'IDAT'",
    }  # fmt: skip


def dump(path: Path) -> list[tuple[object, ...]]:
    with Index.open(path) as index:
        return index.rows(
            "SELECT path, size, digest, width, height, format, error, information, code "
            "FROM images LEFT JOIN codes ON image = id ORDER BY path"
        )


def test_a_file_that_changes_while_it_is_decoded_is_tried_again(files: Path) -> None:
    path = files / "a.bmp"
    before = path.read_bytes()
    with pytest.raises(TryAgain, match="changed while being read"), image_file(str(path), most=10):
        path.write_bytes(before + b"more")


def test_what_is_empty_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(BadImage, match="empty"), image_file(str(tmp_path / "empty.jpg"), most=0):
        pass
