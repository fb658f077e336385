"""Labelled images to train on: what a source looks like before it is read, and how it is divided.

source = sources.open_source("mnist", data_dir=None, reporter)      what is there: classes, counts, sides
dataset = source.load(InputSpec(28, 1), reporter)                   pixels, as the network wants them
parts = divide(dataset, seed=0)                                     training, validation, test
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dshcli.hasher.labels import Labels, has_several
from dshcli.images.spec import InputSpec
from dshcli.progress import Reporter

HELD_OUT = 0.1  # of the training images of each class go to a split that the data set does not bring
MOST_HELD_OUT = 5_000  # images in all: beyond that a split is not worth what training loses

FEATURES_AT_ONCE = 8  # images: the layers' outputs for more are so large that fresh memory is asked for each time

Indices = npt.NDArray[np.int64]


class Features(Protocol):
    """What is kept in the place of pixels (n, size, size, channels): float32 (n, views, f), by frozen layers."""

    def __call__(self, images: npt.NDArray[np.uint8], *, views: bool) -> npt.NDArray[np.float32]:
        """With `views`, features of changed copies too: of images that are trained on."""
        ...


@dataclass(frozen=True)
class Split:
    """One of training, validation and test.

    inputs are pixels uint8 (n, size, size, channels), or the features kept instead, float32 (n, ...). labels are int64
    (n,), each the place of a class in Dataset.classes; or, where an image may have several, bool (n, classes).
    """

    inputs: npt.NDArray[Any]
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Indices) -> "Split":
        return Split(self.inputs[indices], self.labels[indices])


@dataclass(frozen=True)
class Survey:
    """What is known of a source before its pixels are read.

    images is the number to train on; side the typical shorter side of an image in pixels; channels 1 if all seem
    gray, else 3; balanced: no class has many more images than another; mirrors: a mirrored image is as good an
    example of its class, which is not so for digits and letters; labels_each: how many labels an image has on average.
    """

    name: str
    classes: tuple[str, ...]
    images: int
    side: int
    channels: int
    balanced: bool
    mirrors: bool
    labels_each: float = 1.0


@dataclass(frozen=True)
class Dataset:
    """Everything that was read; a split is None where the source does not bring it. skipped: (path, reason)."""

    classes: tuple[str, ...]
    train: Split
    validation: Split | None
    test: Split | None
    skipped: tuple[tuple[str, str], ...] = ()


class Source(Protocol):
    """A data set that was found: looked at already, not yet read."""

    @property
    def survey(self) -> Survey: ...

    def load(self, spec: InputSpec, reporter: Reporter, features: Features | None = None) -> Dataset:
        """All pixels in the shape of `spec`, or `features` of them. Raises DshError if too few can be read."""
        ...


def gathered(
    images: Iterable[npt.NDArray[np.uint8]],
    at_most: int,
    shape: tuple[int, ...],
    features: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]] | None,
) -> npt.NDArray[Any]:
    """Images one after another as one array (n, *shape), or their features, for which the pixels are not kept."""
    if features is not None:
        images = iter(images)
        parts = []
        while chunk := list(islice(images, FEATURES_AT_ONCE)):
            parts.append(features(np.stack(chunk)))
        return np.concatenate(parts) if parts else np.empty((0, *shape), np.uint8)
    array = np.empty((at_most, *shape), np.uint8)
    count = 0
    for count, pixels in enumerate(images, start=1):  # noqa: B007
        array[count - 1] = pixels
    return array[:count]


@dataclass(frozen=True)
class Parts:
    """A data set divided for training; own_test tells that the source itself said which images are for testing."""

    train: Split
    validation: Split
    test: Split
    own_test: bool
    own_validation: bool


def divide(dataset: Dataset, seed: int) -> Parts:
    """Training, validation and test images, disjoint, the same for the same seed.

    A split that the source does not bring is cut from its training images, HELD_OUT of every class, at least one
    where that leaves one to train on; validation comes first, so that a class of two images has none to test.
    """
    random = np.random.default_rng(seed)
    train, validation, test = dataset.train, dataset.validation, dataset.test
    if validation is None or not len(validation):
        train, validation = _cut(train, random)
    if test is None or not len(test):
        train, test = _cut(train, random)
    own_test, own_validation = test is dataset.test, validation is dataset.validation
    return Parts(train, validation, test, own_test, own_validation)


def _cut(split: Split, random: np.random.Generator) -> tuple[Split, Split]:
    rest, part = stratified(split.labels, HELD_OUT, random)
    return split.take(rest), split.take(part)


def stratified(labels: Labels, share: float, random: np.random.Generator) -> tuple[Indices, Indices]:
    """Two sorted, disjoint sets of indices that cover `labels`: the rest, and about `share` of each class.

    Each class of two images or more has at least one in both; a single image stays in the rest. Where images have
    several labels, the rest has every label, and the part each that it can have without taking another's last image.
    """
    share = min(share, MOST_HELD_OUT / max(len(labels), 1))
    part = (_part_of_rows if has_several(labels) else _part_of_classes)(labels, share, random)
    return np.setdiff1d(np.arange(len(labels)), part), part


def _part_of_classes(labels: Labels, share: float, random: np.random.Generator) -> Indices:
    taken: list[Indices] = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = _held_out(share, len(members))
        taken.append(random.permutation(members)[:count])
    return np.sort(np.concatenate(taken)) if taken else np.empty(0, np.int64)


def _part_of_rows(held: Labels, share: float, random: np.random.Generator) -> Indices:
    """Label by label, the rarest first, as in Sechidis et al. (ECML PKDD 2011): later ones find their share half full.

    Images come first none of whose labels has had its share yet.
    """
    total = held.sum(axis=0)
    wanted = np.array([_held_out(share, int(count)) for count in total], np.int64)
    taken, in_part = np.zeros_like(total), np.zeros(len(held), bool)
    for label in np.argsort(total, kind="stable"):
        members = random.permutation(np.flatnonzero(held[:, label] & ~in_part))
        overfull = (held[members] & (taken >= wanted)).sum(axis=1)
        for image in members[np.argsort(overfull, kind="stable")]:
            if taken[label] >= wanted[label]:
                break
            if (total - taken > 1)[held[image]].all():
                taken += held[image]
                in_part[image] = True
    return np.flatnonzero(in_part)


def _held_out(share: float, images: int) -> int:
    return max(min(max(round(share * images), 1), images - 1), 0)
