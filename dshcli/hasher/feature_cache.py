"""Features of frozen layers on disk, so that the next training on the same images need not compute them again.

features/KEY-VIEWS-BLOCK.npy    rows of an image's digest, a checksum, and its features float32 (views, f)

KEY is a digest of all that features depend on beside the pixels. Rows are found by the digest of the pixels, so images
that were moved, renamed or divided in another way are found again, and of a folder that grew only what is new is
computed. A file that is damaged counts as absent, and so does a row.
"""

import hashlib
import io
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from dshcli.errors import DshError
from dshcli.hasher.data import Features
from dshcli.hasher.download import write_atomically
from dshcli.progress import Reporter

LIMIT = 4 << 30  # bytes of all files together; beyond it those go that were not used for the longest time
BLOCK = 1024  # images a file: what a stopped training has to compute again is less than that

Pixels = npt.NDArray[np.uint8]
Row = npt.NDArray[np.float32]


def image_digest(image: Pixels) -> bytes:
    """32 bytes that stand for the pixels of one image."""
    return hashlib.sha256(image.tobytes()).digest()


class FeatureCache:
    """`compute`, asked only for what is not on disk. A context manager: at its end all that is new is on disk.

    `compute` must give an image the same features whatever other images it is given. Where the folder cannot be
    written, the features are computed all the same, and `reporter` is told why they are not kept.
    """

    def __init__(self, compute: Features, key: str, folder: Path, reporter: Reporter) -> None:
        self._compute, self._reporter = compute, reporter
        self._shelves = {views: _Shelf(folder, f"{key}-{'views' if views else 'plain'}-") for views in (False, True)}
        self._reused = self._computed = 0
        self._told = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for shelf in self._shelves.values():
            self._write(shelf)
            shelf.mark_used()
        if self._reused:
            anew = f", {self._computed:,} computed" if self._computed else ""
            self._reporter.say(f"features of {self._reused:,} images from the cache{anew}")

    def __call__(self, images: Pixels, *, views: bool) -> Row:
        """Features (n, views, f) of pixels (n, size, size, channels)."""
        return np.stack([self._of_one(image, views) for image in images])

    def _of_one(self, image: Pixels, views: bool) -> Row:
        shelf, digest = self._shelves[views], image_digest(image)
        kept = shelf.maybe_take(digest)
        if kept is not None:
            self._reused += 1
            return kept
        row: Row = self._compute(image[None], views=views)[0].astype(np.float32, copy=False)
        self._computed += 1
        shelf.new[digest] = row
        if len(shelf.new) >= BLOCK:
            self._write(shelf)
        return row

    def _write(self, shelf: "_Shelf") -> None:
        try:
            shelf.write()
        except DshError as error:
            if not self._told:
                self._reporter.say(f"the features are not kept for another training: {error}")
            self._told = True
            shelf.new.clear()


class _Shelf:
    """The files whose names begin with `prefix`, and the new rows that are to come into the next file."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder, self._prefix = folder, prefix
        self.new: dict[bytes, Row] = {}
        self._places: dict[bytes, tuple[Path, Any, int]] = {}  # a file, features in its memory map, their checksum
        self._used: set[Path] = set()
        for path in sorted(folder.glob(f"{prefix}*.npy")):
            self._open(path)

    def maybe_take(self, digest: bytes) -> Row | None:
        """A copy of an image's row; None if there is none, or if its bytes are not those that were written."""
        if digest in self.new:
            return self.new[digest]
        if digest not in self._places:
            return None
        path, mapped, check = self._places[digest]
        features = np.array(mapped)
        if _check(digest, features) != check:
            del self._places[digest]
            _if_possible(os.unlink, path)
            return None
        self._used.add(path)
        return features

    def write(self) -> None:
        """Puts the new rows into a file of their own, and makes room for it. Raises DshError if the disk refuses."""
        if not self.new:
            return
        path = self._folder / f"{self._prefix}{hashlib.sha256(b''.join(self.new)).hexdigest()[:16]}.npy"
        content = io.BytesIO()
        np.save(content, _table(self.new))
        write_atomically(path, content.getvalue())
        self.new.clear()
        self._open(path)
        _make_room(self._folder)

    def mark_used(self) -> None:
        """Lets the files that rows were taken from be the last to be removed."""
        for path in self._used:
            _if_possible(os.utime, path)

    def _open(self, path: Path) -> None:
        try:
            table = np.load(path, mmap_mode="r", allow_pickle=False)
            rows = zip(table["image"], table["features"], table["check"], strict=True)
            self._places |= {digest.tobytes(): (path, features, check) for digest, features, check in rows}
        except Exception:  # a damaged file fails in as many ways as there are bytes
            _if_possible(os.unlink, path)


def _table(rows: dict[bytes, Row]) -> npt.NDArray[Any]:
    shape = next(iter(rows.values())).shape
    table = np.zeros(len(rows), [("image", "u1", 32), ("check", "<u4"), ("features", "<f4", shape)])
    table["image"] = [np.frombuffer(digest, np.uint8) for digest in rows]
    table["check"] = [_check(digest, row) for digest, row in rows.items()]
    table["features"] = list(rows.values())
    return table


def _check(digest: bytes, row: Row) -> int:
    """A checksum of a row, and of what the file's header says of its form."""
    return zlib.crc32(row.tobytes(), zlib.crc32(digest + repr((row.dtype.str, row.shape)).encode()))


def _make_room(folder: Path) -> None:
    """Removes the files that were not used for the longest time until the rest keeps to LIMIT."""
    files = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process removed it
            stat = path.stat()
            files.append((stat.st_mtime_ns, stat.st_size, path))
    excess = sum(size for _, size, _ in files) - LIMIT
    for _, size, path in sorted(files):
        if excess <= 0:
            break
        _if_possible(os.unlink, path)
        excess -= size


def _if_possible(act: Callable[[Path], None], path: Path) -> None:
    """What only tidies the cache must not end a training: another process may have been there before."""
    with suppress(OSError):
        act(path)
