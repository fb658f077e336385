"""Compares two pictures in one frame cell by cell: how well each agrees, and how well it would with another place.

Pages of one layout and screens of one program agree in much: lines of text at one pitch, rules, icons. But there a cell
agrees with its counterpart no better than with other cells of its own picture, half a cell or one repeat of the layout
away. So what counts as agreement is measured by that: `alike`.
"""

from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt

from dshcli.proof.overlay import Overlay, Plane
from dshcli.proof.vision import cv

_SIDE = 12  # pixels: a word of a page at the size that is compared, or a few letters
_SMALL = 8  # ... where the two share no more than a few thousand pixels
_FULL = 240  # pixels: the root of the area from which on cells have their full side
_PASS = 0.25  # of a cell's side: sigma of the blur that is taken away, so that only detail is compared
_SOFT = 1.0  # gray levels: below, a correlation says nothing
_REPEATS = 4  # of a picture that are tried
_LEAST_REPEAT = 0.05  # correlation of the picture with itself
_EDGE = 0.98  # of a cell that has to lie inside


@dataclass(frozen=True)
class Cells:
    """Of an overlay, float32 (rows, columns), cells overlapping by half: within is bool, all of the cell in both.

    correlation: of the two pictures' detail in the cell, shifted by up to a pixel. detail_x, detail_y: its standard
    deviation in gray levels.
    """

    within: npt.NDArray[np.bool_]
    correlation: Plane
    detail_x: Plane
    detail_y: Plane
    pictures: "tuple[_Detail, _Detail]"

    @cached_property
    def alike(self) -> Plane:
        """The best correlation of each cell with other places of its picture (of the two pictures, the lower one)."""
        x, y = self.pictures
        return np.clip(np.minimum(x.alike(), y.alike()), 0, 1)


class _Detail:
    """One picture's detail, and its mean and deviation around each pixel."""

    def __init__(self, plane: Plane, inside: Plane, side: int) -> None:
        self.side = side
        blurred = _blurred(plane * inside, side * _PASS) / (_blurred(inside, side * _PASS) + np.float32(1e-6))
        self.values = (plane - blurred) * inside
        self.mean = _box(self.values, side)
        self.deviation = np.sqrt(np.maximum(_box(self.values * self.values, side) - self.mean * self.mean, 0))

    def correlation(self, other: "_Detail", down: int, right: int) -> Plane:
        """Of each cell with the other's cell that lies so much further; -1 where that is outside."""
        rows, columns = self.values.shape
        step = self.side // 2
        moved = np.zeros_like(self.values)
        top, left = max(-down, 0), max(-right, 0)
        bottom, end = min(rows - down, rows), min(columns - right, columns)
        if bottom - top < self.side or end - left < self.side:
            return np.full((rows // step - 1, columns // step - 1), -1, np.float32)
        there = (slice(top + down, bottom + down), slice(left + right, end + right))
        moved[top:bottom, left:end] = other.values[there] * self.values[top:bottom, left:end]
        ys, xs = np.arange(1, rows // step) * step, np.arange(1, columns // step) * step
        here = np.ix_(ys, xs)
        far = np.ix_(np.clip(ys + down, 0, rows - 1), np.clip(xs + right, 0, columns - 1))
        covariance = _cell_means(moved, step) - self.mean[here] * other.mean[far]
        found = covariance / (self.deviation[here] * other.deviation[far] + np.float32(_SOFT))
        found[(ys + down < step) | (ys + down > rows - step), :] = -1
        found[:, (xs + right < step) | (xs + right > columns - step)] = -1
        return np.asarray(found, np.float32)

    def alike(self) -> Plane:
        """The best correlation of each cell with the others that are tried."""
        side, half = self.side, self.side // 2
        steps = [(0, half), (half, 0), (0, side), (side, 0), *self._repeats()]
        both = [step for down, right in steps for step in ((down, right), (-down, -right))]
        return reduce(np.maximum, (self.correlation(self, *step) for step in both))

    def _repeats(self) -> list[tuple[int, int]]:
        """Displacements (down, right) at which the picture resembles itself most: the pitch of lines, rows, columns."""
        rows, columns = self.values.shape
        size = [cv().getOptimalDFTSize(length + length // 2) for length in (rows, columns)]
        padded = np.zeros(size, np.float32)
        padded[:rows, :columns] = self.values
        spectrum = cv().dft(padded)
        itself = cv().dft(cv().mulSpectrums(spectrum, spectrum, 0, conjB=True), flags=cv().DFT_INVERSE)
        height, width = rows // 2, columns // 2
        itself = np.concatenate([itself[:height, -width:], itself[:height, :width]], axis=1)
        down, right = np.arange(height)[:, None], np.arange(-width, width)[None, :]
        shared = (rows - down) * (columns - abs(right)) / (rows * columns)
        itself /= (max(float(itself[0, width]), 1e-6) * shared).astype(np.float32)
        itself[(np.maximum(down, abs(right)) <= self.side // 2) | ((down == 0) & (right < 0))] = 0
        around = np.ones((self.side | 1, self.side | 1), np.uint8)
        ys, xs = np.nonzero((itself >= cv().dilate(itself, around)) & (itself > _LEAST_REPEAT))
        best = np.argsort(-itself[ys, xs], kind="stable")[:_REPEATS]
        return [(int(ys[at]), int(xs[at]) - width) for at in best]


def compare(pair: Overlay) -> Cells | None:
    """The cells of an overlay, or None if it is too small to hold any."""
    share = float(np.sqrt(pair.inside.sum())) / _FULL
    step = round(np.clip(_SIDE * share, _SMALL, _SIDE)) // 2
    side = 2 * step
    rows, columns = (length // step * step for length in pair.x.shape)
    if rows < side or columns < side:
        return None
    x, y, inside = (plane[:rows, :columns] for plane in (pair.x, pair.y, pair.inside))
    a, b = _Detail(x, inside, side), _Detail(y, inside, side)
    shifts = [(down, right) for down in (0, -1, 1) for right in (0, -1, 1)]
    correlation = reduce(np.maximum, (a.correlation(b, *shift) for shift in shifts))
    here = np.ix_(np.arange(1, rows // step) * step, np.arange(1, columns // step) * step)
    within = _cell_means(inside, step) > _EDGE
    return Cells(within, correlation, a.deviation[here], b.deviation[here], (a, b))


def _blurred(plane: Plane, sigma: float) -> Plane:
    return np.asarray(cv().GaussianBlur(plane, (0, 0), sigma))


def _box(plane: Plane, side: int) -> Plane:
    """Means of the squares around each pixel: the one at (i, j) reaches from i - side / 2 to i + side / 2 - 1."""
    return np.asarray(cv().boxFilter(plane, -1, (side, side), borderType=cv().BORDER_REFLECT))


def _cell_means(plane: Plane, step: int) -> Plane:
    """Means of squares of two steps, one step apart; the plane's sides are multiples of step."""
    rows, columns = plane.shape
    blocks = cv().resize(plane, (columns // step, rows // step), interpolation=cv().INTER_AREA)
    return np.asarray(blocks[:-1, :-1] + blocks[1:, :-1] + blocks[:-1, 1:] + blocks[1:, 1:], np.float32) * np.float32(
        0.25
    )
