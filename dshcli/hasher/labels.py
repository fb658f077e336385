"""Labels of images in both forms: class numbers int64 (n,), or bool (n, classes) where an image may have several."""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[Any]


def has_several(labels: Labels) -> bool:
    """Whether an image may have several labels."""
    return labels.ndim == 2


def images_by_class(labels: Labels) -> dict[int, int]:
    """How many images have each label, for the labels that any image has; in the order of their numbers."""
    if has_several(labels):
        counts = labels.sum(axis=0)
        return {int(number): int(counts[number]) for number in np.flatnonzero(counts)}
    numbers, counts = np.unique(labels, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def rarest(labels: Labels) -> Ints:
    """One label of each image (n,): of several the one that the fewest images have, of equally rare ones the first.

    Every image needs a label.
    """
    if not has_several(labels):
        return labels
    counts = labels.sum(axis=0)
    return np.asarray(np.where(labels, counts, len(labels) + 1).argmin(axis=1))


def words(labels: Labels, classes: tuple[str, ...]) -> list[str]:
    """The labels of each image by name, several joined by commas."""
    if not has_several(labels):
        return [classes[number] for number in labels]
    return [", ".join(classes[number] for number in np.flatnonzero(row)) for row in labels]
