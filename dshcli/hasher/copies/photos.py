"""Photos in memory, small and encoded, so that thousands fit and decoding one takes about a millisecond. No torch."""

import hashlib
import io
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.Image import Image as Picture

from dshcli.errors import BadImage, DshError
from dshcli.images.reading import read_image_file
from dshcli.images.upright import open_upright
from dshcli.images.walk import Passed, WalkOptions, absolute_root, walk
from dshcli.machine import cores, in_threads
from dshcli.progress import Reporter

SIDE = 288  # pixels of the longer side
QUALITY = 95
GRAY_SIDE = 24  # of the small gray copies that tell which photos may show the same

Grays = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Photos:
    """JPEG files in memory, the long side SIDE pixels at most, and what they are called."""

    names: tuple[str, ...]
    files: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.files)

    def picture(self, number: int) -> Picture:
        return Image.open(io.BytesIO(self.files[number])).convert("RGB")

    def some(self, numbers: Sequence[int]) -> "Photos":
        """Those photos alone, in that order."""
        return Photos(tuple(self.names[i] for i in numbers), tuple(self.files[i] for i in numbers))

    @cached_property
    def grays(self) -> Grays:
        """Small gray copies (n, GRAY_SIDE ** 2) of mean 0 and norm 1: the product of two is their correlation."""
        return grays_of(self.picture(i) for i in range(len(self)))


@dataclass(frozen=True)
class Read:
    """The photos of some folders, each content once, and (path, reason) of what could not be read.

    files: how many lie in the folders, photos or not, read or not.
    """

    photos: Photos
    skipped: tuple[tuple[str, str], ...]
    files: int


def read_photos(folders: Sequence[str], reporter: Reporter, *, at_most: int | None = None, seed: int = 0) -> Read:
    """All photos under `folders`, in the order of their contents' digests; or those of `at_most` files, chosen by seed.

    Raises DshError if a folder is not there, or no photo is.
    """
    passed = Passed()
    paths = [found.path for found in walk([absolute_root(folder) for folder in folders], WalkOptions(), passed)]
    files = len(paths)
    if at_most is not None and files > at_most:
        chosen = np.random.default_rng(seed).choice(files, at_most, replace=False)
        paths = [paths[i] for i in sorted(chosen.tolist())]
    found: dict[bytes, tuple[str, bytes]] = {}
    skipped = list(passed.unreadable)
    with (
        reporter.task("reading photos", total=len(paths), unit="photo") as task,
        closing(in_threads(_read, paths, cores())) as read,
    ):
        for path, photo in zip(paths, read, strict=True):
            if isinstance(photo, str):
                skipped.append((path, photo))
            elif photo is not None:
                found.setdefault(photo[0], (path, photo[1]))
            task.advance()
    ordered = [found[digest] for digest in sorted(found)]
    if not ordered:
        raise DshError(f"{', '.join(folders)}: no photo could be read", hint="Give a folder that holds images.")
    photos = Photos(tuple(path for path, _ in ordered), tuple(file for _, file in ordered))
    return Read(photos, tuple(skipped), files)


def _read(path: str) -> tuple[bytes, bytes] | str | None:
    """The digest of a file and its picture, small; the reason why it has none; or None for a file of another kind."""
    try:
        file = read_image_file(path)
        return (
            None if file is None else (file.digest, small_jpeg(Image.fromarray(open_upright(file.data, SIDE).pixels)))
        )
    except BadImage as error:
        return str(error)


def small_jpeg(image: Picture) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def divided(photos: Photos, held_out: float) -> tuple[Photos, Photos]:
    """Photos to learn from, and about that share of them held out: by their contents, whatever else is there."""
    bytes_of = [hashlib.sha256(file).digest() for file in photos.files]
    out = [int.from_bytes(digest[:4], "big") < held_out * 2**32 for digest in bytes_of]
    return (
        photos.some([i for i, held in enumerate(out) if not held]),
        photos.some([i for i, held in enumerate(out) if held]),
    )


def grays_of(pictures: Iterable[Picture]) -> Grays:
    """See Photos.grays."""
    small = [np.asarray(picture.convert("L").resize((GRAY_SIDE, GRAY_SIDE))) for picture in pictures]
    flat = np.stack(small).reshape(len(small), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return flat


def squared(image: Picture, size: int, channels: int = 3) -> npt.NDArray[np.uint8]:
    """The pixels (size, size, channels: 1 or 3) that a hasher sees of an RGB picture."""
    small = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small if channels == 3 else small.convert("L")).reshape(size, size, channels)
