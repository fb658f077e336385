"""The radius within which two pictures count as the same, from codes of pictures that are known to differ."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.hasher.copies.photos import Grays
from dshcli.hasher.waves import Distance

Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

REPEAT_CORRELATION = 0.6  # of two thumbnails: above it the pair may show the same, and counts neither way
FITTED = (10, 1000)  # pairs within a radius: enough to be no accident, few enough to be the tail


@dataclass(frozen=True)
class Calibration:
    """The radius, and within[r], the number of unrelated pairs within each radius r = 0..bits."""

    radius: int
    within: tuple[int, ...]

    @property
    def pairs(self) -> int:
        """Unrelated pairs looked at."""
        return self.within[-1]

    @property
    def rates(self) -> tuple[float, ...]:
        """The share of unrelated pairs within each radius."""
        return tuple(count / max(self.pairs, 1) for count in self.within)

    def expected_rate(self, radius: int) -> float:
        """The share of unrelated pairs to expect within a radius, also where hardly one was seen.

        What was seen, or what the tail's line tells if that is more: the two limits of choose_radius.
        """
        line, pairs = tail_line(self.within), max(self.pairs, 1)
        told = float(np.exp(line[0] * radius + line[1])) if line and self.within[radius] < FITTED[0] else 0.0
        return max(self.within[radius], told) / pairs


def calibrate(unrelated: Counts, false_rate: float) -> Calibration:
    """The largest radius that is expected to join at most `false_rate` of the unrelated pairs.

    unrelated (bits + 1,): how many such pairs were seen at each distance.
    """
    within = tuple(np.cumsum(unrelated).tolist())
    return Calibration(choose_radius(within, false_rate), within)


def unrelated_distances(distance: Distance, codes: Codes, others: Codes, unknown: Mask, bits: int) -> Counts:
    """How many pairs of codes (m, bytes) and others (n, bytes) lie at each distance 0..bits.

    unknown (m, n): pairs that may show the same and so count neither way.
    """
    counts = np.zeros(bits + 1, np.int64)
    for code, left_out in zip(codes, unknown, strict=True):
        counts += np.bincount(distance(code[None], others)[~left_out], minlength=bits + 1)
    return counts


def choose_radius(within: tuple[int, ...], false_rate: float) -> int:
    """The radius for a rate so small that few pairs were seen at it, or none; within as in Calibration.

    Two limits, and the smaller one counts. Observed: at most `false_rate` of the pairs lie within it. Extrapolated: a
    line through log(pairs within r) over the radii that hold FITTED pairs, drawn on downwards, stays below that rate.
    """
    counts = np.asarray(within)
    allowed = false_rate * counts[-1]
    radius = int(np.searchsorted(counts, allowed, side="right")) - 1
    line = tail_line(within)
    if line is not None and allowed > 0:
        slope, start = line
        radius = min(radius, int(np.floor((np.log(allowed) - start) / slope)))
    return max(radius, 0)


def tail_line(within: tuple[int, ...]) -> tuple[float, float] | None:
    """Slope (> 0) and value at radius 0 of the line through log(pairs within r) over the radii that hold FITTED pairs;
    None if fewer than two do, or the line does not rise."""
    counts = np.asarray(within)
    tail = np.flatnonzero((counts >= FITTED[0]) & (counts <= FITTED[1]))
    if len(tail) < 2:
        return None
    slope, start = np.polyfit(tail, np.log(counts[tail]), 1)
    return (float(slope), float(start)) if slope > 0 else None


def look_alike(grays: Grays) -> Mask:
    """Which pairs (n, n) of gray copies (Photos.grays) correlate above REPEAT_CORRELATION: it knows no codes."""
    alike: Mask = grays @ grays.T > REPEAT_CORRELATION
    return alike
