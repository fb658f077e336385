"""From what the user typed to a source: a public data set by name, or a folder."""

from pathlib import Path

from dshcli.errors import DshError, UsageError
from dshcli.hasher import cifar, folders, idx, published
from dshcli.hasher.data import Source
from dshcli.progress import Reporter

NAMES = ("mnist", "fashion-mnist", "cifar10")


def open_source(source: str, data_dir: Path | None, reporter: Reporter) -> Source:
    """The data set of that name, or in that folder: one sub-folder per class (or train/ and test/ above), or IDX files.

    A name goes before a folder; write ./mnist for a folder of that name. Raises NoData if a public data set cannot
    be had, UsageError if data_dir is given for a folder, DshError if the folder holds nothing to learn from.
    """
    if source == "cifar10":
        return cifar.open_cifar10(data_dir, reporter)
    if source in NAMES:
        which = published.MNIST if source == "mnist" else published.FASHION_MNIST
        return published.open_published(which, data_dir, reporter)
    if data_dir is not None:
        raise UsageError(f"--data-dir does not go with the folder {source}", hint=f"It is for {', '.join(NAMES)} only.")
    folder = Path(source)
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "is neither a folder nor a known data set"
        raise DshError(
            f"{source} {problem}",
            hint=f"Name a folder with one sub-folder per class, or one of {', '.join(NAMES)}.",
        )
    return idx.maybe_open_idx_folder(folder) or folders.open_folder(folder, reporter)
