"""CIFAR-10: its binary version, which is plain bytes; or the Python batches that torchvision and Keras leave behind.

What is downloaded is the binary version, since the Python one is pickles, and a pickle may run code when it is
read. Pickled batches that are here already are read too, after their MD5 was compared with the published one, and by
a reader that can make arrays and nothing else.
"""

import hashlib
import io
import pickle
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dshcli import paths
from dshcli.errors import DshError, NoData
from dshcli.hasher.arrays import ArraySource
from dshcli.hasher.data import Dataset, Split, Survey
from dshcli.hasher.download import fetch, sha256, write_atomically
from dshcli.progress import Reporter

NAME = "cifar10"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE = "cifar-10-binary.tar.gz"
MAX_BYTES = 1 << 29  # the archives take 170 MB
SIDE = 32
ROW = 1 + 3 * SIDE * SIDE  # a label and three planes

BINARY, PYTHON = "cifar-10-batches-bin", "cifar-10-batches-py"
DIGESTS = {  # the last of each is the test set
    BINARY: {  # SHA-256
        "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    },
    PYTHON: {  # MD5, the only digests that were published
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
}
HINT = (
    f"Three ways: connect to the internet and run the command again; put {ARCHIVE} into the cache folder {{cache}}; "
    f"or name a folder with {ARCHIVE}, cifar-10-python.tar.gz, {BINARY}/ or {PYTHON}/ with --data-dir."
)

Rows = npt.NDArray[np.uint8]


def open_cifar10(data_dir: Path | None, reporter: Reporter) -> ArraySource:
    """CIFAR-10 from data_dir alone if given, else from the cache or its home page; the content is checked.

    Raises NoData if it is not there or cannot be fetched, DshError if the files are there but are others.
    """
    cache = paths.cache_folder() / NAME
    folder = data_dir or cache
    hint = HINT.format(cache=cache)
    batches = _in_folder(folder)
    if batches is None and data_dir is None:
        try:
            write_atomically(cache / ARCHIVE, fetch([ADDRESS], reporter, MAX_BYTES))
        except NoData as error:
            raise NoData(f"{NAME} is not on this computer and could not be fetched: {error}", hint=hint) from error
        batches = _in_folder(cache)
    if batches is None:
        raise NoData(f"{folder} does not have CIFAR-10", hint=hint)
    splits = [_split(rows) for rows in (np.concatenate(batches[:-1]), batches[-1])]
    survey = Survey(NAME, CLASSES, len(splits[0]), SIDE, 3, balanced=True, mirrors=True)
    return ArraySource(survey, Dataset(CLASSES, splits[0], None, splits[1]))


def _in_folder(folder: Path) -> list[Rows] | None:
    """The six batches as rows, the test batch last; None if the folder has none of the known forms."""
    for form, read in ((BINARY, read_binary), (PYTHON, read_pickled)):
        archive = folder / form.replace("batches-bin", "binary.tar.gz").replace("batches-py", "python.tar.gz")
        for holder in (folder / form, folder):
            if all((holder / name).is_file() for name in DIGESTS[form]):
                return [
                    _checked(read, (holder / name).read_bytes(), str(holder / name), digest)
                    for name, digest in DIGESTS[form].items()
                ]
        if archive.is_file():
            return [
                _checked(read, _member(archive, f"{form}/{name}"), f"{archive}, {name}", digest)
                for name, digest in DIGESTS[form].items()
            ]
    return None


def _member(archive: Path, name: str) -> bytes:
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(name)
            return file.read(MAX_BYTES) if file else b""
    except (tarfile.TarError, KeyError, OSError, EOFError, zlib.error) as error:
        raise DshError(f"{archive}: {error}", hint="The file is damaged. Remove it and get it again.") from error


def _checked(read: Callable[[bytes], Rows], content: bytes, path: str, digest: str) -> Rows:
    found = sha256(content) if len(digest) == 64 else hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != digest:
        raise DshError(
            f"{path} is not a file of CIFAR-10: its content has another digest",
            hint="It is damaged. Remove it and get it again.",
        )
    return read(content)


def read_binary(content: bytes) -> Rows:
    """Rows (n, 3073) of the binary version: a label, then the red, green and blue planes."""
    return np.frombuffer(content, np.uint8).reshape(-1, ROW)


def read_pickled(content: bytes) -> Rows:
    """The same rows from a batch of the Python version. Raises UnpicklingError if it holds anything but arrays."""
    batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    labels = np.array(batch[b"labels"], np.uint8)[:, np.newaxis]
    return np.hstack([labels, batch[b"data"]])


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles numpy arrays and plain values; any other class is refused before it is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        if module == "numpy" and name == "ndarray":
            return np.ndarray
        if module == "numpy" and name == "dtype":
            return _dtype
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a CIFAR-10 batch")


def _dtype(kind: Any, *flags: int) -> np.dtype[Any]:
    """np.dtype as batches written by Python 2 call it: the flags are numbers, which numpy no longer takes."""
    made: np.dtype[Any] = np.dtype(kind, *map(bool, flags))
    return made


def _split(rows: Rows) -> Split:
    images = rows[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return Split(np.ascontiguousarray(images), rows[:, 0].astype(np.int64))
