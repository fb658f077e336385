"""IDX files, as MNIST and its relatives come: read, found in a folder, and made a source.

The format (LeCun): two zero bytes, the type (8 = uint8), the number of axes, the length of each axis as a big-endian
32-bit number, then the values.
"""

import gzip
import io
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dshcli.errors import DshError, NoData
from dshcli.hasher.arrays import ArraySource
from dshcli.hasher.data import Dataset, Split, Survey

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MAX_BYTES = 1 << 30  # uncompressed, a file: EMNIST's largest takes 550 MB
UINT8 = 8
INSIDE = (
    "",
    "raw",
    "MNIST/raw",
    "FashionMNIST/raw",
    "package/data",
)  # where torchvision and npm put the files


def maybe_open_idx_folder(folder: Path) -> ArraySource | None:
    """A folder of four IDX files of any content, or None if the files are not there. Raises DshError if damaged."""
    found = folder_with_files(folder)
    if found is None:
        return None
    contents = [(str(path), uncompressed(path)) for path in files_in(found)]
    return idx_source(folder.resolve().name, contents, None, mirrors=False)


def idx_source(
    name: str, contents: list[tuple[str, bytes]], classes: tuple[str, ...] | None, mirrors: bool
) -> ArraySource:
    arrays = [read_idx(content, path) for path, content in contents]
    train, test = _split(arrays[0], arrays[1], contents[0][0]), _split(arrays[2], arrays[3], contents[2][0])
    if classes is None:
        classes = tuple(str(i) for i in range(int(max(train.labels.max(), test.labels.max())) + 1))
    survey = Survey(
        name=name,
        classes=classes,
        images=len(train),
        side=min(train.inputs.shape[1:3]),
        channels=train.inputs.shape[3],
        balanced=True,
        mirrors=mirrors,
    )
    return ArraySource(survey, Dataset(classes, train, None, test))


def _split(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], path: str) -> Split:
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels) or not len(labels):
        raise DshError(
            f"{path}: images of shape {images.shape} and labels of shape {labels.shape} do not belong together",
            hint="Images have three axes and labels one, both of the same length.",
        )
    return Split(images[..., np.newaxis], labels.astype(np.int64))


def read_idx(content: bytes, path: str) -> npt.NDArray[np.uint8]:
    """The array of an IDX file's bytes (uncompressed). Raises DshError, naming `path`, if they are not one of uint8."""
    axes = content[3] if len(content) > 3 else 0
    start = 4 + 4 * axes
    if content[:3] != bytes((0, 0, UINT8)) or not axes or len(content) < start:
        raise DshError(f"{path} is not an IDX file of 8-bit values", hint="It may be damaged, or another kind of file.")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", axes, 4))
    if len(content) - start != math.prod(shape):
        raise DshError(f"{path} is cut off or damaged: {shape} values are announced", hint="Get the file again.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def folder_with_files(folder: Path) -> Path | None:
    candidates = (folder / inside for inside in INSIDE)
    return next((c for c in candidates if all(_maybe_file(c, name) for name in FILES)), None)


def _maybe_file(folder: Path, name: str) -> Path | None:
    other = name.replace("-idx", ".idx")  # another spelling that is in use
    candidates = (folder / f"{stem}{suffix}" for stem in (name, other) for suffix in ("", ".gz"))
    return next((c for c in candidates if c.is_file()), None)


def files_in(folder: Path) -> Iterator[Path]:
    for name in FILES:
        path = _maybe_file(folder, name)
        if path is None:  # it was there a moment ago
            raise NoData(f"{folder / name} is gone")
        yield path


def uncompressed(path: Path) -> bytes:
    try:
        return gunzipped(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DshError(f"{path}: {error}", hint="The file is damaged. Get it again.") from error


def gunzipped(content: bytes) -> bytes:
    """The content, uncompressed if it is gzip's; the limit keeps a hostile file from filling the memory."""
    if content[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(content)) as file:
            content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(f"more than {MAX_BYTES} bytes uncompressed")
    return content
