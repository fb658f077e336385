"""Small pictures for pages: upright WebP within a number of bytes, made from the very content that the index knows."""

import io
from contextlib import suppress
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from dshcli.errors import BadImage
from dshcli.images.opening import MAX_PIXELS
from dshcli.images.room import Room
from dshcli.images.showing import open_file_to_show
from dshcli.metadata.files import read_file

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST, SMALLEST = 640, 64  # longer side in pixels: enough to zoom and blink; enough to know a picture again
BYTES_A_PIXEL = 0.17  # of WebP at quality 60, for photographs of such sizes
QUALITIES = (80, 60, 40, 20, 5)


@dataclass(frozen=True)
class Format:
    """Of a thumbnail: its longer side in pixels, and the bytes that it may take."""

    side: int
    limit: int

    @classmethod
    def for_all(cls, images: int, budget: int) -> "Format":
        """The largest that so many images can have if they share a budget of bytes."""
        limit = budget // max(images, 1)
        side = round(sqrt(limit / BYTES_A_PIXEL))
        return cls(min(max(side, SMALLEST), LARGEST), limit)


@dataclass(frozen=True)
class Thumbnail:
    """webp: the picture, or None, and then the reason why there is none. captured: when the picture was
    taken, in ISO 8601 as far as the file tells it, or ""."""

    webp: bytes | None
    reason: str = ""
    captured: str = ""


def thumbnail(path: str, digest: bytes, form: Format, room: Room, max_pixels: int = MAX_PIXELS) -> Thumbnail:
    """Of a file, if its content has still that digest. Never raises for what is wrong with a file."""
    try:
        image = open_file_to_show(path, digest, form.side, max_pixels, room)
        return Thumbnail(webp_within(image, form.limit), captured=_captured(path))
    except BadImage as error:
        return Thumbnail(None, str(error))


def webp_within(image: "Image", limit: int) -> bytes:
    """At the best quality that needs no more bytes; of what is too much even so, every second pixel."""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=4, icc_profile=None)
        if buffer.tell() <= limit:
            return buffer.getvalue()
    if max(image.size) <= 16:
        return buffer.getvalue()
    return webp_within(image.resize((max(image.width // 2, 1), max(image.height // 2, 1))), limit)


def _captured(path: str) -> str:
    """When a picture was taken, as the file says it; "" where it does not."""
    with suppress(OSError):
        return read_file(path)[0].captured
    return ""
