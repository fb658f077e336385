"""Pictures inside a page: thumbnails, and matrices as one pixel a cell."""

import base64
import io

import numpy as np
import numpy.typing as npt

from dshcli.errors import BadImage
from dshcli.hasher.encoder import Pixels
from dshcli.images.opening import MAX_PIXELS
from dshcli.images.reading import read_image_file
from dshcli.images.upright import open_upright
from dshcli.show.page.text import words

THUMBNAIL = 72  # pixels
SMALL = 40  # up to this side a picture is kept exactly
SIDE = 256  # pixels of a picture in a list


def thumbnail(pixels: Pixels, side: int = THUMBNAIL) -> str:
    """Pixels (h, w, 1 or 3) as a data URI: PNG as they are if small, else a JPEG of at most `side` pixels."""
    from PIL import Image

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if max(image.size) <= SMALL:
        return _uri(image, "png")
    image.thumbnail((side, side))
    return _uri(image, "jpeg", quality=80)


def picture_of(path: str, side: int, max_pixels: int, digest: bytes | None = None) -> str:
    """The picture of a file, upright and at most `side` pixels, as a data URI.

    Raises BadImage if it cannot be read now, or is not of that digest.
    """
    file = read_image_file(path)
    if file is None or digest not in (None, file.digest):
        raise BadImage("changed while it was looked at")
    return thumbnail(open_upright(file.data, side, max_pixels).pixels, side)


def shown(path: str, label: str) -> str:
    """The picture of a file as an element of a page, or words where it cannot be read now."""
    try:
        return f'<img alt="{words(label)}" src="{picture_of(path, SIDE, MAX_PIXELS)}">'
    except BadImage:
        return "<p>cannot be read now</p>"


def heat_map(values: npt.NDArray[np.float64]) -> str:
    """Values -1..1 (n, m) as a PNG of a pixel each: blue below 0, orange above, transparent at 0."""
    from PIL import Image

    strength = np.clip(np.abs(values), 0, 1)
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.where((values > 0)[..., None], (213, 94, 0), (0, 114, 178))
    pixels[..., 3] = np.rint(255 * strength)
    return _uri(Image.fromarray(pixels), "png")


def _uri(image: object, kind: str, **options: int) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # type: ignore[attr-defined]
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
