"""How much a picture holds: the share of its area that shows more than a plain colour or a smooth passage of colours.

    pixels -> gray -> means of blocks (about 40 x 40) -> cells (an eighth of a side, overlapping)
    -> what a quadratic leaves over in each cell

A quadratic takes a gradient away with all its contrast, be it along a line or around a point, and the means of blocks
take noise away; fog and darkness leave the contrast that a cell needs low, but not nil. So the measure asks how many
cells hold something, not how much contrast there is.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

FLAT = 0.1  # below: one colour, a gradient, a blank page, or next to nothing on it

_BLOCKS = 40  # along a side: fine enough for thin lines, coarse enough for noise
_CELLS = 8  # along a side
_LEAST_CELL = 4  # blocks along a cell's side that a quadratic leaves enough of
_HALF = 2.0  # gray levels off the quadratic (root mean square) at which a cell counts for a half
_FITS_16_BITS = 16  # the longest side of a block whose sum of values up to 255 does
_GRAY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # of red, green and blue


def information(pixels: npt.NDArray[np.uint8]) -> float:
    """A score of 0 (flat) to 1 (something everywhere) of pixels (height, width, channels: 1 or 3); see FLAT."""
    blocks = _gray_blocks(pixels)
    side = max(min(blocks.shape) // _CELLS, _LEAST_CELL)
    if min(blocks.shape) < side:
        return 0.0
    step = side // 2  # cells overlap, so that an edge between two of them lies inside a third
    cells = np.lib.stride_tricks.sliding_window_view(blocks, (side, side))[::step, ::step]
    rest = cells.reshape(-1, side * side) @ _off_quadratic(side)
    power = np.square(rest).mean(axis=1)
    return float(np.mean(power / (power + _HALF**2)))


def _gray_blocks(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Gray means of square blocks, about 40 along the shorter side: float32 (rows, columns)."""
    height, width, channels = pixels.shape
    side = max(min(height, width) // _BLOCKS, 1)
    rows, columns = height // side, width // side
    inside = pixels[: rows * side, : columns * side]
    total = np.uint16 if side <= _FITS_16_BITS else np.uint32
    lines = np.add.reduce(inside.reshape(rows, side, columns * side * channels), axis=1, dtype=total)
    parts = lines.reshape(rows * columns, side * channels).astype(np.float32)
    means: npt.NDArray[np.float32] = parts.dot(_gray_mean(side, channels)).reshape(rows, columns)
    return means


@cache
def _gray_mean(side: int, channels: int) -> npt.NDArray[np.float32]:
    """Makes the gray mean of a block from its columns' sums, channel by channel, when multiplied from the right."""
    gray = _GRAY if channels == 3 else np.ones(1, np.float32)
    return np.tile(gray / np.float32(side * side), side)


@cache
def _off_quadratic(side: int) -> npt.NDArray[np.float32]:
    """Takes the quadratic of least squares from the side x side values of a cell, when multiplied from the right."""
    y, x = np.mgrid[:side, :side].reshape(2, -1)
    terms = np.stack([np.ones(side * side), x, y, x * x, x * y, y * y], axis=1)
    return np.asarray(np.eye(side * side) - terms @ np.linalg.pinv(terms), dtype=np.float32)
