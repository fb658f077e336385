"""What one picture brings to a proof: made once, kept by the caller, and compared with that of many others."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dshcli.images.opening import MAX_PIXELS
from dshcli.images.upright import open_upright
from dshcli.proof.features import Features, find_features
from dshcli.proof.vision import cv

SIDE = 448  # pixels along the longer side of the picture that is compared: text of a page can still be told apart
THUMB = 32  # pixels along both sides of the square that orientations are tried on
ROUGH = 100.0  # levels that a JPEG rounds to, on average, from which on fine detail is lost: below quality 30
COLOURS = 64  # pixels along the longer side of the picture that colours are compared on


@dataclass(frozen=True)
class Evidence:
    """Of one picture, upright. digest: SHA-256 of the file. width, height: in full.

    content: equal for two pictures only if each pixel is the same, or None. gray: uint8 (rows, columns), longer side
    at most SIDE. colours: uint8 RGB, longer side at most COLOURS. rough: whether compression took its fine detail away.
    """

    digest: bytes
    width: int
    height: int
    content: bytes | None
    gray: npt.NDArray[np.uint8]
    colours: npt.NDArray[np.uint8]
    rough: bool = False

    @cached_property
    def features(self) -> Features:
        return find_features(self.gray)

    @cached_property
    def thumb(self) -> npt.NDArray[np.float32]:
        """The picture squared: float32 (THUMB, THUMB), mean 0, length 1 (or all 0, if it is of one colour)."""
        small = cv().resize(self.gray, (THUMB, THUMB), interpolation=cv().INTER_AREA).astype(np.float32)
        small -= small.mean()
        length = float(np.linalg.norm(small))
        return np.asarray(small / length if length > 1e-3 else small * 0, np.float32)


def gather(data: bytes, digest: bytes, max_pixels: int = MAX_PIXELS) -> Evidence:
    """The evidence of an image file's bytes. Raises BadImage (TryAgain if worth another try) as open_image does."""
    upright = open_upright(data, SIDE, max_pixels)
    gray = cv().cvtColor(upright.pixels, cv().COLOR_RGB2GRAY)
    rows, columns = gray.shape
    scale = min(COLOURS / max(rows, columns), 1.0)
    size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
    colours = cv().resize(upright.pixels, size, interpolation=cv().INTER_AREA)
    rough = upright.rounding > ROUGH
    return Evidence(digest, upright.width, upright.height, upright.content, gray, colours, rough)
