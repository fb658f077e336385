"""How much detail a picture really shows, whatever its number of pixels: an upscaled copy shows no more than its small
original, a blurred one less.

    gray, full size -> tiles -> mean power by frequency -> less what noise adds, times frequency^2.5
    -> the highest frequency at which more than a share of its peak is left

The power of photographs falls with the frequency by about its 2nd to 3rd power (Field, "Relations between the
statistics of natural images and the response properties of cortical cells", 1987), so that times frequency^2.5 it is
about level as far as there is detail, and drops where a lens, a blur or an upscaling ended it. Sharpening raises what
is below that drop, and nothing beyond. Frequencies are the larger of those along the two sides: so an upscaling's end
lies at one frequency, not at one along the sides and another along the diagonals.
"""

import math
from functools import cache

import numpy as np
import numpy.typing as npt

STEP = 1.06  # the ratio of two sharpnesses that are told apart: compression alone changes them by less

_TILE = 256  # pixels along a side, or the picture's shorter side if that is less
_TILES = 64  # at most, evenly over the picture
_BINS = 64  # of frequency, up to half a cycle a pixel
_FALL = 2.5  # power of the frequency by which a picture's power falls
_LEFT = 0.12  # of the peak: less is no detail
_CORNER = 0.6  # cycles a pixel: beyond, in the corners of the spectrum, there is more noise than picture
_ROUNDING = 1 / 12  # variance of rounding to whole levels
_LEAST_SIDE = 16  # pixels of a picture of which there is anything to measure


def sharpness(gray: npt.NDArray[np.uint8]) -> float:
    """Of a gray picture (rows, columns) at full size: cycles along its longer side up to which it shows detail, times
    the root of their share of those that its pixels could show; 0 of a picture without any.

    The share tells two pictures apart that show the same, one of them upscaled.
    """
    if min(gray.shape) < _LEAST_SIDE:
        return 0.0
    reach = _reach(*_power(gray))
    return float(reach * max(gray.shape) * math.sqrt(2 * reach))


def grade(value: float) -> int:
    """Sharpnesses of one grade are about equal; of a sharper picture it is higher."""
    return round(math.log(value) / math.log(STEP)) if value > 0 else -1_000_000


def _power(gray: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float64], float]:
    """The mean power of the frequencies of each bin, and that of the corners, where there is mostly noise."""
    side = min(_TILE, gray.shape[0], gray.shape[1])
    window, bins, sizes, corners = _plane(side)
    total = np.zeros(bins.shape, np.float64)
    places = _places(gray.shape[0], gray.shape[1], side)
    for row, column in places:
        tile = gray[row : row + side, column : column + side].astype(np.float32)
        waves = np.fft.rfft2((tile - tile.mean()) * window)
        total += np.square(np.abs(waves))
    total /= len(places) * float(np.square(window).sum())
    means = np.bincount(bins.ravel(), total.ravel(), _BINS) / sizes
    return means, float(np.median(total[corners]))


def _reach(power: npt.NDArray[np.float64], noise: float) -> float:
    """The highest frequency with detail, in cycles a pixel, 0 to 0.5."""
    frequencies = (np.arange(_BINS) + 0.5) / (2 * _BINS)
    level = np.maximum(power - noise - _ROUNDING, 0) * frequencies**_FALL
    level = np.convolve(np.pad(level, 1, mode="edge"), np.ones(3) / 3, "valid")
    level[:2] = 0  # the window spreads the longest waves over these
    least = _LEFT * float(level.max())
    above = np.flatnonzero(level > least)
    if not len(above):
        return 0.0
    last = int(above[-1])
    if last == _BINS - 1:
        return 0.5
    here, after = float(level[last]), max(float(level[last + 1]), 1e-12)
    return float(frequencies[last]) + math.log(here / least) / math.log(here / after) / (2 * _BINS)


@cache
def _plane(
    side: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Of a tile: its window, the bin of each frequency, the bins' sizes, and which frequencies are in the corners."""
    window = np.hanning(side + 2)[1:-1]
    down, across = np.abs(np.fft.fftfreq(side))[:, None], np.fft.rfftfreq(side)[None]
    bins = np.minimum((np.maximum(down, across) * 2 * _BINS).astype(np.int64), _BINS - 1)
    sizes = np.maximum(np.bincount(bins.ravel(), minlength=_BINS), 1)
    return (window[:, None] * window).astype(np.float32), bins, sizes, np.hypot(down, across) > _CORNER


def _places(rows: int, columns: int, side: int) -> list[tuple[int, int]]:
    """Upper left corners of tiles that overlap by half, or of as many of these as may be looked at."""
    down, across = (
        np.linspace(0, length - side, math.ceil(2 * (length - side) / side) + 1).round().astype(int).tolist()
        for length in (rows, columns)
    )
    places = [(row, column) for row in down for column in across]
    if len(places) <= _TILES:
        return places
    return [places[at] for at in np.linspace(0, len(places) - 1, _TILES).round().astype(int).tolist()]
