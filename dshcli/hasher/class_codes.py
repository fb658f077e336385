"""The codes of classes: what a class's images mostly look like in bits, and how well that separates the classes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, bits_from_codes, hamming
from dshcli.hasher.labels import Labels, has_several

Ints = npt.NDArray[np.int64]

BLOCK = 1 << 22  # bytes of the largest array that is held at once


@dataclass(frozen=True)
class ClassCodes:
    """The codes (classes, bytes) of the classes that have images, their numbers (classes,), and pairwise distances."""

    classes: Ints
    codes: Codes
    distances: npt.NDArray[np.uint16]

    @property
    def closest(self) -> tuple[int, int, int]:
        """The least distance between two classes, and the numbers of the first such pair; (0, -1, -1) for one class."""
        if len(self.classes) < 2:
            return 0, -1, -1
        first, second = np.triu_indices(len(self.classes), k=1)
        worst = int(self.distances[first, second].argmin())
        a, b = first[worst], second[worst]
        return int(self.distances[a, b]), int(self.classes[a]), int(self.classes[b])

    @property
    def radius(self) -> int:
        """The largest radius at which no code lies within reach of two classes: floor((d_min - 1) / 2)."""
        return max((self.closest[0] - 1) // 2, 0)


def class_codes(codes: Codes, labels: Labels, bits: int) -> ClassCodes:
    """Each class's code: bit by bit the value that most of its images have (a bit that is split even is 1).

    Where images have several labels, a class's images are all that have its label.
    """
    values = bits_from_codes(codes, bits)
    classes, counts, ones = (_ones_by_label if has_several(labels) else _ones_by_class)(values, labels)
    found = np.packbits(2 * ones >= counts[:, None], axis=1)
    return ClassCodes(classes.astype(np.int64), found, hamming(found[:, None], found[None]))


def _ones_by_class(values: npt.NDArray[np.uint8], labels: Labels) -> tuple[Ints, Ints, Ints]:
    """The classes that have images, how many, and how many of those have a 1 at each bit."""
    classes, counts = np.unique(labels, return_counts=True)
    values = values[np.argsort(labels, kind="stable")]
    return classes, counts, np.add.reduceat(values, counts.cumsum() - counts, axis=0, dtype=np.int64)


def _ones_by_label(values: npt.NDArray[np.uint8], labels: Labels) -> tuple[Ints, Ints, Ints]:
    """The same where images have several labels; an image counts for each of them."""
    counts = np.count_nonzero(labels, axis=0).astype(np.int64)
    classes = np.flatnonzero(counts)
    ones = [values[labels[:, label] > 0].sum(axis=0, dtype=np.int64) for label in classes]
    return classes, counts[classes], np.stack(ones)


@dataclass(frozen=True)
class Assignment:
    """How images fall to the class codes, averaged over images and (exact_by_class) over those of each class.

    exact: the share whose code is that of their class; nearest: the share whose class's code is the nearest, counted
    as 1/m where m classes are equally near; predicted: the number of the nearest class (n,), the first of those.
    """

    exact: float
    nearest: float
    exact_by_class: npt.NDArray[np.float64]
    predicted: Ints


def assign(codes: Codes, labels: npt.NDArray[np.generic], classes: ClassCodes) -> Assignment:
    """Compares images (n, bytes) of classes (n,) with the class codes; the rate of a class without images is NaN."""
    numbers, exact, nearest = labels.astype(np.int64), np.zeros(len(codes), bool), np.zeros(len(codes))
    predicted = np.zeros(len(codes), np.int64)
    rows = max(BLOCK // classes.codes.size, 1)
    for part in (slice(start, start + rows) for start in range(0, len(codes), rows)):
        distances = hamming(codes[part, None], classes.codes[None])
        own = classes.classes == numbers[part, None]
        least = distances == distances.min(axis=1, keepdims=True)
        exact[part] = ((distances == 0) & own).any(axis=1)
        nearest[part] = (least & own).sum(axis=1) / least.sum(axis=1)
        predicted[part] = classes.classes[distances.argmin(axis=1)]
    by_class = [exact[numbers == c].mean() if (numbers == c).any() else np.nan for c in classes.classes]
    return Assignment(float(exact.mean()), float(nearest.mean()), np.array(by_class), predicted)


@dataclass(frozen=True)
class CodeSpace:
    """How codes use their bits. balance: each bit's share of ones (bits,); correlation: of bits, (bits, bits)."""

    balance: npt.NDArray[np.float64]
    correlation: npt.NDArray[np.float64]
    distinct: int
    entropy: float  # of the distribution of codes, in bits
    largest_bucket: int  # images with the most frequent code


def code_space(codes: Codes, bits: int) -> CodeSpace:
    """Describes codes (n, bytes); a bit that never changes is correlated with none."""
    values = bits_from_codes(codes, bits).astype(np.float64)
    centred = values - values.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    products = centred.T @ centred / len(codes)
    scale = np.outer(spread, spread)
    correlation = np.divide(products, scale, out=np.eye(bits), where=scale > 1e-12)
    _, counts = np.unique(codes, axis=0, return_counts=True)
    shares = counts / len(codes)
    entropy = float(-(shares * np.log2(shares)).sum())
    return CodeSpace(values.mean(axis=0), correlation, len(counts), abs(entropy), int(counts.max()))
