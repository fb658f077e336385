"""Opens an image for people's eyes: upright, in its own shape and colours, scaled down within bounds."""

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dshcli.errors import BadImage
from dshcli.images.opening import MAX_PIXELS, ORIENTATION, guarded, opened, over_white, turned
from dshcli.images.reading import read_image_file
from dshcli.images.room import Room, Take, decoded_bytes, unlimited
from dshcli.images.shrinking import shrunk

if TYPE_CHECKING:
    from PIL.Image import Image

DRAFT_TIMES = 2  # the size that a JPEG is decoded to at least, in times of the wanted one
MAX_PROFILE = 16_384  # bytes of a colour profile that is passed on; those of printers may be megabytes


def open_to_show(data: bytes, side: int, max_pixels: int = MAX_PIXELS, take: Take = unlimited) -> "Image":
    """The first frame of an image file's bytes in RGB, scaled down (never up) to a longer side of `side`.

    Its info holds an icc_profile if the file has one for RGB, and nothing else of the file. Raises BadImage and
    TryAgain as open_image does.
    """
    return guarded(data, lambda name: _shown(data, name, side, max_pixels, take))


def open_file_to_show(path: str, digest: bytes, side: int, max_pixels: int, room: Room) -> "Image":
    """The same of a file whose content has still that digest, within the room that threads share.

    Raises BadImage, also where it has not, and TryAgain.
    """
    size = 0
    with suppress(OSError):  # reading the file says it in better words
        size = os.stat(path).st_size
    held, take = room.for_file(size)
    with held:
        file = read_image_file(path)
        if file is None:
            raise BadImage("not an image")
        # Whatever took the file's place meanwhile, a symlink to another one for instance, is not shown.
        if file.digest != digest:
            raise BadImage("changed since it was indexed")
        return open_to_show(file.data, side, max_pixels, take)


def _shown(data: bytes, name: str, side: int, max_pixels: int, take: Take) -> "Image":
    with opened(data, name, max_pixels) as image:
        whole = image.size
        scale = min(side / max(whole), 1.0)
        small = (max(round(whole[0] * scale), 1), max(round(whole[1] * scale), 1))
        if name == "JPEG":
            image.draft(None, (DRAFT_TIMES * small[0], DRAFT_TIMES * small[1]))
        with take(decoded_bytes(image, whole)):
            image.load()
            turn = image.getexif().get(ORIENTATION, 1)
            profile = image.info.get("icc_profile", b"") if image.mode in ("RGB", "RGBA", "P") else b""
            scaled = shrunk(image, small)
            image.close()  # frees its pixels before others may take the room
    shown = turned(over_white(scaled).convert("RGB"), turn)
    shown.info = {"icc_profile": profile} if 0 < len(profile) <= MAX_PROFILE else {}
    return shown
