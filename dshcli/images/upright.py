"""Opens an image in its own shape, upright and scaled down within bounds, for whoever compares pictures by pixels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.images.content import pixel_digest, stream_digest
from dshcli.images.opening import (
    LYING,
    MAX_PIXELS,
    ORIENTATION,
    guarded,
    opened,
    over_white,
    pillow_ready,
    turned,
)
from dshcli.images.shrinking import eight_bits, within


@dataclass(frozen=True)
class Upright:
    """An upright picture in its own shape: RGB uint8 (rows, columns, 3), within the bounds that were asked for.

    width and height are the file's own, after EXIF turns. content: two files of equal content show the same pixels,
    each of them; the reverse does not hold. None where that cannot be told (several frames, more than 8 bits).
    rounding: levels to which a JPEG rounds the waves of its blocks, on average (58 at quality 50, 288 at 10); else 0.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    content: bytes | None
    rounding: float = 0.0


def open_upright(data: bytes, side: int, max_pixels: int = MAX_PIXELS) -> Upright:
    """The first frame of an image file's bytes, scaled down (never up) to a longer side of `side`.

    Raises BadImage and TryAgain as open_image does.
    """
    return guarded(data, lambda name: _upright(data, name, side, max_pixels))


def _upright(data: bytes, name: str, side: int, max_pixels: int) -> Upright:
    pillow = pillow_ready()
    with opened(data, name, max_pixels) as image:
        tables = getattr(image, "quantization", {})  # of a JPEG: that of brightness is the first
        rounding = float(np.mean(tables[0])) if 0 in tables else 0.0
        size, mode, frames = image.size, image.mode, getattr(image, "n_frames", 1)
        small = within(size, side)
        if name == "JPEG":
            image.draft(None, small)
        image.load()
        turn = image.getexif().get(ORIENTATION, 1)
        whole = over_white(eight_bits(image)).convert("RGB")
    if frames > 1 or mode.startswith(("I", "F")):
        content = None
    elif whole.size == size:
        content = pixel_digest(turned(whole, turn))
    else:
        content = stream_digest(data, turn)  # a JPEG at reduced scale: to decode it in full would cost too much
    flat = turned(whole.resize(small, pillow.Resampling.BILINEAR, reducing_gap=2.0), turn)
    width, height = size[::-1] if turn in LYING else size
    return Upright(np.asarray(flat, dtype=np.uint8), width, height, content, rounding)
