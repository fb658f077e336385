"""Scales a decoded image down, in 8 bits a channel, without a second copy of all its pixels.

A picture of 200 million pixels takes up to 800 MB once it is decoded. Converting all of it (a palette, 16 bits a
channel, transparency) would take as much again, or several times that; so it is done a strip of rows at a time, each of
which is averaged down before the next one. The pixels are the same as if it had been done at once.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

    Convert = Callable[[Image], Image]

GAP = 2.0  # what averaging leaves for the filter: a picture this many times as large as the result
_STRIP_PIXELS = 1 << 22
_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}  # so that the colour of what cannot be seen does not count


def shrunk(image: "Image", size: tuple[int, int]) -> "Image":
    """The loaded image in a size in pixels and a mode of 8 bits a channel: L, LA, RGB, RGBA, CMYK or YCbCr."""
    from PIL.Image import Resampling

    convert = _eight_bits_of(image)
    factors = (max(int(image.width / size[0] / GAP), 1), max(int(image.height / size[1] / GAP), 1))
    if convert is _as_it_is and image.mode not in _PREMULTIPLIED or factors[1] == 1:
        return convert(image).resize(size, Resampling.BILINEAR, reducing_gap=GAP)
    averaged = _averaged(image, convert, factors)
    box = (0.0, 0.0, image.width / factors[0], image.height / factors[1])
    small = averaged.resize(size, Resampling.BILINEAR, box)
    whole = {premultiplied: mode for mode, premultiplied in _PREMULTIPLIED.items()}
    return small.convert(whole[small.mode]) if small.mode in whole else small


def within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """A size scaled down (never up) to a longer side of `side`."""
    scale = min(side / max(size), 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def eight_bits(image: "Image") -> "Image":
    """The whole image in a mode that can be scaled: 8 bits a channel, no palette."""
    return _eight_bits_of(image)(image)


def _averaged(image: "Image", convert: "Convert", factors: tuple[int, int]) -> "Image":
    """Means of blocks of so many columns and rows; those at the right and lower edge are of what is left."""
    from PIL import Image

    rows = max(_STRIP_PIXELS // image.width // factors[1], 1) * factors[1]
    columns, lines = -(-image.width // factors[0]), -(-image.height // factors[1])
    whole: Image.Image | None = None
    for place, strip in enumerate(map(convert, _strips(image, rows))):
        if strip.mode in _PREMULTIPLIED:
            strip = strip.convert(_PREMULTIPLIED[strip.mode])
        part = strip.reduce(factors)
        whole = whole or Image.new(part.mode, (columns, lines))
        whole.paste(part, (0, place * rows // factors[1]))
    assert whole is not None
    return whole


def _strips(image: "Image", rows: int) -> "Iterator[Image]":
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _eight_bits_of(image: "Image") -> "Convert":
    """What makes the image, or any strip of it, one of 8 bits a channel."""
    if image.mode.startswith("I;16"):
        return lambda part: _gray(np.asarray(part) >> 8)
    if image.mode in ("I", "F"):
        return _from_wide(image)
    if image.mode == "1":
        return lambda part: part.convert("L")
    if "transparency" in image.info or image.mode == "PA":
        return lambda part: part.convert("RGBA")
    return (lambda part: part.convert("RGB")) if image.mode == "P" else _as_it_is


def _as_it_is(part: "Image") -> "Image":
    return part


def _from_wide(image: "Image") -> "Convert":
    """For 32 bits: whole numbers up to 255 stay, 16-bit ones lose their lower half, and all else is stretched from its
    darkest to its brightest value, as for measurements whose scale the file does not tell."""
    low, high = _extremes(image)
    if image.mode == "I" and low >= 0 and high <= 0xFFFF:  # 32-bit containers mostly hold 16-bit pictures
        shift = 8 if high > 255 else 0
        return lambda part: _gray(np.asarray(part) >> shift)
    scale = 255.0 / (high - low) if high > low else 0.0
    return lambda part: _gray((_finite(part) - low) * scale)


def _extremes(image: "Image") -> tuple[float, float]:
    rows = max(_STRIP_PIXELS // image.width, 1)
    ends = np.array([(strip.min(), strip.max()) for strip in map(_finite, _strips(image, rows))])
    return float(ends[:, 0].min()), float(ends[:, 1].max())


def _finite(part: "Image") -> npt.NDArray[Any]:
    """Values without NaN and infinities; whole numbers wide enough to be subtracted."""
    values = np.asarray(part)
    return np.nan_to_num(values, posinf=0.0, neginf=0.0) if part.mode == "F" else values.astype(np.int64)


def _gray(values: npt.NDArray[Any]) -> "Image":
    from PIL import Image

    return Image.fromarray(values.astype(np.uint8))
