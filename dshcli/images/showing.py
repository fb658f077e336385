"""Opens an image for people's eyes: upright, in its own shape and colours, scaled down within bounds."""

from typing import TYPE_CHECKING

from dshcli.images.opening import MAX_PIXELS, ORIENTATION, guarded, opened, over_white, turned
from dshcli.images.room import Take, decoded_bytes, unlimited
from dshcli.images.shrinking import shrunk, within

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


def _shown(data: bytes, name: str, side: int, max_pixels: int, take: Take) -> "Image":
    with opened(data, name, max_pixels) as image:
        whole = image.size
        small = within(whole, side)
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
