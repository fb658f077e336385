"""The radius within which two pictures count as the same, from codes of pictures that are known to differ."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, hamming

Mask = npt.NDArray[np.bool_]

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


def calibrate(codes: Codes, unknown: Mask, bits: int, false_rate: float) -> Calibration:
    """The largest radius that is expected to join at most `false_rate` of the unrelated pairs among n pictures.

    codes (n, bytes); unknown (n, n), symmetric: pairs that may show the same and so count neither way.
    """
    counts = np.zeros(bits + 1, np.int64)
    for i in range(len(codes) - 1):
        distances = hamming(codes[i], codes[i + 1 :])
        counts += np.bincount(distances[~unknown[i, i + 1 :]], minlength=bits + 1)
    within = tuple(np.cumsum(counts).tolist())
    return Calibration(choose_radius(within, false_rate), within)


def choose_radius(within: tuple[int, ...], false_rate: float) -> int:
    """The radius for a rate so small that few pairs were seen at it, or none; within as in Calibration.

    Two limits, and the smaller one counts. Observed: at most `false_rate` of the pairs lie within it. Extrapolated: a
    line through log(pairs within r) over the radii that hold FITTED pairs, drawn on downwards, stays below that rate.
    """
    counts = np.asarray(within)
    allowed = false_rate * counts[-1]
    radius = int(np.searchsorted(counts, allowed, side="right")) - 1
    tail = np.flatnonzero((counts >= FITTED[0]) & (counts <= FITTED[1]))
    if len(tail) >= 2 and allowed > 0:
        slope, start = np.polyfit(tail, np.log(counts[tail]), 1)
        if slope > 0:
            radius = min(radius, int(np.floor((np.log(allowed) - start) / slope)))
    return max(radius, 0)


def look_alike(thumbnails: npt.NDArray[np.uint8]) -> Mask:
    """Which pairs of gray thumbnails (n, h, w) correlate above REPEAT_CORRELATION: a check that knows no codes."""
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    alike: Mask = flat @ flat.T > REPEAT_CORRELATION
    return alike
