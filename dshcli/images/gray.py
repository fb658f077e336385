"""Opens an image at full size in shades of gray, not turned: for measures that do not depend on how it lies."""

import numpy as np
import numpy.typing as npt

from dshcli.images.opening import MAX_PIXELS, guarded, opened, over_white
from dshcli.images.room import Take, decoded_bytes, unlimited
from dshcli.images.shrinking import eight_bits

_COPIED = 5  # bytes a pixel of the whole picture made one of 8 bits a channel, and of its gray


def open_gray(data: bytes, max_pixels: int = MAX_PIXELS, take: Take = unlimited) -> npt.NDArray[np.uint8]:
    """The first frame of an image file's bytes, uint8 (rows, columns). `take`: asked for memory before decoding.

    Raises BadImage and TryAgain as open_image does.
    """
    return guarded(data, lambda name: _gray(data, name, max_pixels, take))


def _gray(data: bytes, name: str, max_pixels: int, take: Take) -> npt.NDArray[np.uint8]:
    with opened(data, name, max_pixels) as image:
        if name == "JPEG" and image.mode in ("RGB", "L"):
            image.draft("L", image.size)  # colours need not be decoded
        with take(decoded_bytes(image, image.size) + _COPIED * image.width * image.height):
            image.load()
            return np.asarray(over_white(eight_bits(image)).convert("L"), dtype=np.uint8)
