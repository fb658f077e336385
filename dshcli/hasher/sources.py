"""From what the user typed to a source: a public data set by name, a folder, or a CSV file of labels."""

from pathlib import Path

from dshcli.errors import DshError, UsageError
from dshcli.hasher import cifar, folders, idx, labels_csv, published
from dshcli.hasher.data import Source
from dshcli.progress import Reporter

NAMES = ("mnist", "fashion-mnist", "cifar10")


def open_source(source: str, data_dir: Path | None, reporter: Reporter) -> Source:
    """The data set of that name, or in that folder, or that a CSV file lists.

    A folder has one sub-folder per class (or train/ and test/ above), or IDX files; a CSV file has a line per image,
    `path,label[,label...]`. A name goes before a folder; write ./mnist for a folder of that name. Raises NoData if a
    public data set cannot be had, UsageError if data_dir is given for a folder or file, DshError if there is nothing to
    learn from.
    """
    if source == "cifar10":
        return cifar.open_cifar10(data_dir, reporter)
    if source in NAMES:
        which = published.MNIST if source == "mnist" else published.FASHION_MNIST
        return published.open_published(which, data_dir, reporter)
    if data_dir is not None:
        raise UsageError(f"--data-dir does not go with {source}", hint=f"It is for {', '.join(NAMES)} only.")
    path = Path(source)
    if path.is_dir():
        return idx.maybe_open_idx_folder(path) or folders.open_folder(path, reporter)
    if path.is_file() and path.suffix.lower() == labels_csv.SUFFIX:
        return labels_csv.open_labels(path, reporter)
    problem = "is a file, but no CSV file" if path.exists() else "is neither a folder, a CSV file nor a known data set"
    raise DshError(
        f"{source} {problem}",
        hint=f"Name a folder with one sub-folder per class, a CSV file of path,label lines, or {' or '.join(NAMES)}.",
    )
