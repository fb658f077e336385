"""A folder with one sub-folder per class, or with train/, validation/ and test/ above those: any images, any sizes."""

import os
from pathlib import Path

import numpy as np

from dshcli.errors import DshError
from dshcli.hasher.files import FileSource, Listed, check_labels, survey_of
from dshcli.images.sniff import IMAGE_SUFFIXES, SNIFF_BYTES, sniff
from dshcli.images.walk import Passed, WalkOptions, walk
from dshcli.progress import Reporter

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


def open_folder(folder: Path, reporter: Reporter) -> FileSource:
    """Lists the images of a folder by class and looks at a few. Raises DshError if there is nothing to learn from."""
    by_split = {name: _classes_in(path) for name, path in _split_folders(folder).items()}
    classes = tuple(sorted(by_split["train"]))
    _check_found(folder, classes)
    strangers = sorted({name for by_class in by_split.values() for name in by_class} - set(classes))
    if strangers:
        reporter.say(f"left out, since they have no training images: {', '.join(strangers)}")
    splits: dict[str, Listed] = {
        name: _listed(by_split[name], classes) for name in ("train", "validation", "test") if name in by_split
    }
    check_labels(folder, splits["train"].labels, classes)
    return FileSource(folder, survey_of(folder.resolve().name, classes, splits), splits)


def _listed(by_class: dict[str, list[str]], classes: tuple[str, ...]) -> Listed:
    files = [(path, number) for number, name in enumerate(classes) for path in by_class.get(name, [])]
    return Listed(tuple(path for path, _ in files), np.array([number for _, number in files], np.int64))


def _split_folders(folder: Path) -> dict[str, Path]:
    """The folders of each split; the folder itself is the training split where it is not divided."""
    named = {SPLIT_NAMES.get(path.name.lower(), ""): path for path in _sub_folders(folder)}
    divided = "" not in named and "train" in named and any(True for _ in _sub_folders(named["train"]))
    return named if divided else {"train": folder}


def _sub_folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise DshError(f"{folder}: {error.strerror or error}", hint="Check the folder's permissions.") from error


def _classes_in(folder: Path) -> dict[str, list[str]]:
    """The image files of each class, those in deeper folders too; classes without any are left out."""
    options = WalkOptions(follow_symlinks=True)  # data sets are often made of links, and nothing is written here
    found = {}
    for path in _sub_folders(folder):
        files = [file.path for file in walk([os.path.abspath(path)], options, Passed()) if _is_image(file.path)]
        if files:
            found[path.name] = files
    return found


def _is_image(path: str) -> bool:
    """Whether a file claims to be an image, by its name or by its first bytes."""
    if os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES:
        return True
    try:
        with open(path, "rb") as file:
            return sniff(file.read(SNIFF_BYTES)) is not None
    except OSError:
        return False


def _check_found(folder: Path, classes: tuple[str, ...]) -> None:
    if len(classes) > 1:
        return
    hint = "Put the images of each class into a folder of its own, all of them in one folder."
    if classes:
        raise DshError(f"{folder} has one class only, {classes[0]!r}: there is nothing to tell apart", hint=hint)
    if any(_is_image(str(path)) for path in folder.iterdir() if path.is_file()):
        raise DshError(f"{folder} has images, but no sub-folders that tell their classes", hint=hint)
    raise DshError(f"{folder} has no images in its sub-folders", hint=hint)
