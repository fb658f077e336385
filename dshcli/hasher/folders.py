"""A folder with one sub-folder per class, or with train/, validation/ and test/ above those: any images, any sizes."""

import os
import statistics
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dshcli.errors import BadImage, DshError
from dshcli.hasher.data import Dataset, Features, Split, Survey, gathered
from dshcli.images.opening import open_image
from dshcli.images.sniff import IMAGE_SUFFIXES, SNIFF_BYTES, sniff
from dshcli.images.spec import InputSpec
from dshcli.images.walk import Passed, WalkOptions, walk
from dshcli.machine import cores
from dshcli.progress import Reporter, Task

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
LOOKED_AT = 60  # images that tell what the rest may be like
LOOKED_AT_SIDE = 32
BALANCED_WITHIN = 1.5  # the largest class has at most so many times the images of the smallest
AHEAD = 8  # decoded images per thread that may wait for their turn

Pixels = npt.NDArray[np.uint8]
Kept = Callable[[Pixels], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class _File:
    path: str
    split: str
    label: int


@dataclass(frozen=True)
class FolderSource:
    """A folder whose files have been listed; `load` decodes them."""

    folder: Path
    survey: Survey
    files: tuple[_File, ...]

    def load(self, spec: InputSpec, reporter: Reporter, features: Features | None = None) -> Dataset:
        """All images as `spec` wants them, decoded by several threads. An unreadable one is skipped, with its reason.

        Raises DshError if fewer than two classes are left, or no class with two images.
        """
        skipped: list[tuple[str, str]] = []
        splits: dict[str, Split] = {}
        with reporter.task("reading images", total=len(self.files), unit="image") as task:
            for name in ("train", "validation", "test"):
                files = [file for file in self.files if file.split == name]
                kept = partial(features, views=name == "train") if features else None
                splits[name] = _read(files, spec, kept, skipped, task)
        if skipped:
            reporter.say(f"{len(skipped)} images could not be read, such as {skipped[0][0]}: {skipped[0][1]}")
        train = splits["train"]
        _check_counts(self.folder, Counter(train.labels.tolist()))
        return Dataset(
            self.survey.classes,
            train,
            _or_none(splits["validation"]),
            _or_none(splits["test"]),
            tuple(skipped),
        )


def open_folder(folder: Path, reporter: Reporter) -> FolderSource:
    """Lists the images of a folder by class and looks at a few. Raises DshError if there is nothing to learn from."""
    splits = _split_folders(folder)
    listed = {name: _classes_in(path) for name, path in splits.items()}
    classes = tuple(sorted(listed["train"]))
    _check_found(folder, classes)
    files = tuple(
        _File(path, split, classes.index(name))
        for split, by_class in listed.items()
        for name, paths in sorted(by_class.items())
        if name in listed["train"]
        for path in paths
    )
    strangers = sorted({name for by_class in listed.values() for name in by_class} - set(classes))
    if strangers:
        reporter.say(f"left out, since they have no training images: {', '.join(strangers)}")
    counts = Counter(file.label for file in files if file.split == "train")
    survey = _survey(folder.resolve().name, classes, files, counts)
    _check_counts(folder, counts)
    return FolderSource(folder, survey, files)


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


def _check_counts(folder: Path, counts: Counter[int]) -> None:
    """Raises DshError unless two classes have training images, and one of them at least two."""
    if len(counts) < 2:
        raise DshError(
            f"{folder}: fewer than two classes have training images that can be read",
            hint="Look at the files that were skipped.",
        )
    if max(counts.values()) < 2:
        raise DshError(
            f"{folder}: every class has one training image only, so there is nothing to compare it with",
            hint="Add images to the classes: ten of each at the very least, better a hundred.",
        )


def _survey(name: str, classes: tuple[str, ...], files: tuple[_File, ...], counts: Counter[int]) -> Survey:
    step = -(-len(files) // LOOKED_AT)
    sample = [file.path for file in files[::step]]
    sides, gray = [], True
    for path in sample:
        try:
            picture = open_image(path, InputSpec(LOOKED_AT_SIDE, 3))
        except BadImage:
            continue
        sides.append(min(picture.width, picture.height))
        gray = gray and bool((picture.pixels == picture.pixels[:, :, :1]).all())
    return Survey(
        name=name,
        classes=classes,
        images=counts.total(),
        side=round(statistics.median(sides)) if sides else 1,
        channels=1 if gray else 3,
        balanced=max(counts.values()) <= BALANCED_WITHIN * min(counts.values()),
        mirrors=any(len(c) > 1 for c in classes),  # classes named by one sign each are most likely signs
    )


def _read(
    files: list[_File], spec: InputSpec, features: Kept | None, skipped: list[tuple[str, str]], task: Task
) -> Split:
    def readable() -> Iterator[Pixels]:
        for file, outcome in zip(files, _decoded([f.path for f in files], spec), strict=True):
            task.advance()
            if isinstance(outcome, str):
                skipped.append((file.path, outcome))
            else:
                labels.append(file.label)
                yield outcome

    labels: list[int] = []
    inputs = gathered(readable(), len(files), (spec.size, spec.size, spec.channels), features)
    return Split(inputs, np.array(labels, np.int64))


def _decoded(paths: list[str], spec: InputSpec) -> Iterator[Pixels | str]:
    """Pixels, or the reason why there are none, in the order of `paths`; one thread a core runs a little ahead."""
    jobs = cores()
    with ThreadPoolExecutor(jobs) as pool:
        ahead: deque[Future[Pixels | str]] = deque()
        try:
            for path in paths:
                ahead.append(pool.submit(_pixels_or_reason, path, spec))
                if len(ahead) > AHEAD * jobs:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _pixels_or_reason(path: str, spec: InputSpec) -> Pixels | str:
    try:
        return open_image(path, spec).pixels
    except BadImage as error:
        return str(error)


def _or_none(split: Split) -> Split | None:
    return split if len(split) else None
