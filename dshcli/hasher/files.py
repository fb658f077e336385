"""Image files whose labels are known: looked at before they are read, then decoded by several threads."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dshcli.errors import BadImage, DshError
from dshcli.hasher.data import Dataset, Features, Split, Survey, gathered
from dshcli.hasher.labels import Labels, has_several, images_by_class
from dshcli.images.opening import open_image
from dshcli.images.spec import InputSpec
from dshcli.machine import a_little_ahead, cores
from dshcli.progress import Reporter, Task

LOOKED_AT = 60  # images that tell what the rest may be like
LOOKED_AT_SIDE = 32
BALANCED_WITHIN = 1.5  # the largest class has at most so many times the images of the smallest
AHEAD = 8  # decoded images per thread that may wait for their turn

Pixels = npt.NDArray[np.uint8]
Kept = Callable[[Pixels], npt.NDArray[np.float32]]
Skipped = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Listed:
    """The image files of one split and their labels: class numbers int64 (n,), or bool (n, classes)."""

    paths: tuple[str, ...]
    labels: Labels


@dataclass(frozen=True)
class FileSource:
    """Image files that have been listed; `load` decodes them.

    origin is the folder or file that named them; splits are by train, validation and test, of which only train must be
    there; skipped are (path, reason) of what was left out of the list.
    """

    origin: Path
    survey: Survey
    splits: dict[str, Listed]
    skipped: Skipped = ()

    def load(self, spec: InputSpec, reporter: Reporter, features: Features | None = None) -> Dataset:
        """All images as `spec` wants them, decoded by several threads. An unreadable one is skipped, with its reason.

        Raises DshError if fewer than two classes are left, or no class with two images.
        """
        skipped = list(self.skipped)
        loaded: dict[str, Split] = {}
        total = sum(len(listed.paths) for listed in self.splits.values())
        with reporter.task("reading images", total=total, unit="image") as task:
            for name, listed in self.splits.items():
                kept = partial(features, views=name == "train") if features else None
                loaded[name] = _read(listed, spec, kept, skipped, task)
        if skipped:
            path, reason = skipped[0]
            reporter.say(f"{len(skipped)} of {total + len(self.skipped)} images skipped, such as {path}: {reason}")
        check_labels(self.origin, loaded["train"].labels, self.survey.classes)
        validation, test = (_maybe_split(loaded.get(name)) for name in ("validation", "test"))
        return Dataset(self.survey.classes, loaded["train"], validation, test, tuple(skipped))


def check_labels(origin: Path, labels: Labels, classes: tuple[str, ...]) -> None:
    """Raises DshError unless the labels of training images tell some images apart and some alike."""
    counts = images_by_class(labels)
    if len(counts) < 2:
        raise DshError(
            f"{origin}: fewer than two classes have training images that can be read",
            hint="Look at the files that were skipped.",
        )
    if max(counts.values()) < 2:
        raise DshError(
            f"{origin}: every class has one training image only, so there is nothing to compare it with",
            hint="Add images to the classes: ten of each at the very least, better a hundred.",
        )
    everywhere = [classes[number] for number, count in counts.items() if count == len(labels)]
    if has_several(labels) and everywhere:
        raise DshError(
            f"{origin}: every image has the label {everywhere[0]!r}, so that all count as alike",
            hint="Leave that label out: it tells no image from another.",
        )


def survey_of(name: str, classes: tuple[str, ...], splits: dict[str, Listed]) -> Survey:
    """What is known from the lists of files, and from a look at a few of them."""
    paths = [path for listed in splits.values() for path in listed.paths]
    side, channels = _look_at(paths[:: -(-len(paths) // LOOKED_AT)])
    train = splits["train"]
    counts = images_by_class(train.labels).values()
    return Survey(
        name=name,
        classes=classes,
        images=len(train.paths),
        side=side,
        channels=channels,
        balanced=max(counts) <= BALANCED_WITHIN * min(counts),
        mirrors=any(len(c) > 1 for c in classes),  # classes named by one sign each are most likely signs
        labels_each=sum(counts) / len(train.paths),
    )


def _look_at(paths: list[str]) -> tuple[int, int]:
    """The median of the shorter sides in pixels, and 1 channel if all pictures are gray, else 3."""
    sides, gray = [], True
    for path in paths:
        try:
            picture = open_image(path, InputSpec(LOOKED_AT_SIDE, 3))
        except BadImage:
            continue
        sides.append(min(picture.width, picture.height))
        gray = gray and bool((picture.pixels == picture.pixels[:, :, :1]).all())
    return round(statistics.median(sides)) if sides else 1, 1 if gray else 3


def _read(listed: Listed, spec: InputSpec, features: Kept | None, skipped: list[tuple[str, str]], task: Task) -> Split:
    def readable() -> Iterator[Pixels]:
        for place, outcome in enumerate(_decoded(listed.paths, spec)):
            task.advance()
            if isinstance(outcome, str):
                skipped.append((listed.paths[place], outcome))
            else:
                places.append(place)
                yield outcome

    places: list[int] = []
    inputs = gathered(readable(), len(listed.paths), (spec.size, spec.size, spec.channels), features)
    return Split(inputs, listed.labels[np.array(places, np.int64)])


def _decoded(paths: tuple[str, ...], spec: InputSpec) -> Iterator[Pixels | str]:
    """Pixels, or the reason why there are none, in the order of `paths`; one thread a core runs a little ahead."""
    jobs = cores()
    return a_little_ahead(partial(_pixels_or_reason, spec=spec), paths, jobs, AHEAD * jobs)


def _pixels_or_reason(path: str, spec: InputSpec) -> Pixels | str:
    try:
        return open_image(path, spec).pixels
    except BadImage as error:
        return str(error)


def _maybe_split(split: Split | None) -> Split | None:
    return split if split is not None and len(split) else None
