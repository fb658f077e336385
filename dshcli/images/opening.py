"""Opens an image as the small square of pixels that a network wants, once and for all file types.

    bytes -> Pillow (JPEG at reduced scale) -> 8 bits a channel -> square -> alpha over white -> gray or RGB -> upright

Every step after the decoder works on few pixels: the picture is scaled down before it is converted and turned.
"""

import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from dshcli.errors import BadImage, TryAgain
from dshcli.images.reading import read_image_file
from dshcli.images.room import Take, decoded_bytes, unlimited
from dshcli.images.shrinking import shrunk
from dshcli.images.sniff import SNIFF_BYTES, sniff
from dshcli.images.spec import InputSpec

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

MAX_PIXELS = 200_000_000  # a phone's 200-megapixel picture still opens; a decompression bomb does not
DRAFT_MARGIN = 1.5  # times the square's side that a JPEG is decoded to at least: tests.benchmarks.index.decode_scale

ORIENTATION = 0x0112  # the EXIF tag
_TURNS = {  # EXIF orientation -> the Pillow operations that make the picture upright
    2: ("FLIP_LEFT_RIGHT",),
    3: ("ROTATE_180",),
    4: ("FLIP_TOP_BOTTOM",),
    5: ("TRANSPOSE",),
    6: ("ROTATE_270",),
    7: ("TRANSVERSE",),
    8: ("ROTATE_90",),
}
LYING = (5, 6, 7, 8)  # orientations that exchange width and height


@dataclass(frozen=True)
class Picture:
    """An upright picture: pixels uint8 (size, size, channels), and the file's own width, height and format.

    The aspect ratio is not kept in `pixels`; width and height are those a viewer shows, after EXIF turns.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    format: str


def open_image(
    source: Path | str | bytes, spec: InputSpec, max_pixels: int = MAX_PIXELS, take: Take = unlimited
) -> Picture:
    """The first frame of an image file (or of its bytes) as `spec` wants it. `take`: asked for memory before decoding.

    Raises BadImage, with a reason for the ledger, for whatever cannot be read as an image: not an image at all,
    truncated, damaged, of an unknown kind, or of more than `max_pixels` pixels.
    """
    data = source if isinstance(source, bytes) else _bytes_of(source)
    return guarded(data, lambda name: _picture(data, name, spec, max_pixels, take))


def guarded(data: bytes, read: Callable[[str], T]) -> T:
    """What `read` makes of an image of the format that its first bytes tell; decoders' errors become BadImage."""
    name = sniff(data[:SNIFF_BYTES])
    if name is None:
        raise BadImage("not an image" if data else "empty file")
    if name == "PNG":
        _check_png(data)
    try:
        return read(name)
    except BadImage:
        raise
    except MemoryError as error:
        raise TryAgain("not enough memory to decode it") from error
    except Exception as error:
        # Decoders fail on hostile bytes in every way there is: OSError, SyntaxError, ValueError, struct.error ...
        raise BadImage(_reason(error)) from error


def _bytes_of(path: Path | str) -> bytes:
    file = read_image_file(str(path))
    if file is None:
        raise BadImage("not an image")
    return file.data


@contextmanager
def opened(data: bytes, name: str, max_pixels: int) -> Iterator["Image"]:
    """The image, not yet decoded."""
    with pillow_ready().open(io.BytesIO(data), formats=[name]) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise TryAgain(f"{width} x {height} pixels are more than the limit of {max_pixels} (--max-pixels)")
        yield image


def _picture(data: bytes, name: str, spec: InputSpec, max_pixels: int, take: Take) -> Picture:
    with opened(data, name, max_pixels) as image:
        width, height = image.size
        if name == "JPEG":
            side = draft_side(spec)
            image.draft("L" if spec.channels == 1 and image.mode == "L" else None, (side, side))
        with take(decoded_bytes(image, (width, height))):
            image.load()
            turn = image.getexif().get(ORIENTATION, 1)
            small = shrunk(image, (spec.size, spec.size))
            image.close()  # frees its pixels before others may take the room
    flat = turned(over_white(small).convert("L" if spec.channels == 1 else "RGB"), turn)
    pixels = np.asarray(flat, dtype=np.uint8).reshape(spec.size, spec.size, spec.channels)
    if turn in LYING:
        width, height = height, width
    return Picture(pixels, width, height, name)


def draft_side(spec: InputSpec) -> int:
    """The side in pixels that a JPEG is decoded to at least, by the smallest scale that allows it."""
    return round(DRAFT_MARGIN * spec.size)


def turned(image: "Image", turn: int) -> "Image":
    """The image as its EXIF orientation wants it shown."""
    pillow = pillow_ready()
    for operation in _TURNS.get(turn, ()):
        image = image.transpose(pillow.Transpose[operation])
    return image


def over_white(image: "Image") -> "Image":
    """Transparent parts become white, as a viewer or a printed page would show them."""
    if image.mode not in ("RGBA", "LA", "RGBa", "La"):
        return image
    from PIL import Image

    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white


def _check_png(data: bytes) -> None:
    """Raises BadImage if a critical chunk's checksum is wrong: Pillow itself does not check the pixels' (IDAT)."""
    at, view = 8, memoryview(data)
    while at + 12 <= len(data):
        length = int.from_bytes(view[at : at + 4], "big")
        body = view[at + 4 : at + 8 + length]
        critical = not body[0] & 0x20
        if critical and len(body) == length + 4 and at + 12 + length <= len(data):
            checksum = int.from_bytes(view[at + 8 + length : at + 12 + length], "big")
            if zlib.crc32(body) != checksum:
                raise BadImage(f"damaged: wrong checksum in PNG chunk {bytes(body[:4])!r}")
        at += 12 + length


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return "truncated"
    if "cannot identify image file" in text:
        return "damaged: not readable as the image that its first bytes announce"
    return f"damaged: {text[:120]}"


@cache
def pillow_ready() -> Any:
    """Pillow, made ready once: HEIC registered, and its own bomb limit off, since `max_pixels` is ours."""
    import pillow_heif
    from PIL import Image, ImageFile

    pillow_heif.register_heif_opener()
    # Blocks of this size glibc gives back to the system at once; those of 16 MB it would keep, once for each thread.
    core: Any = Image.core  # type: ignore[attr-defined]
    core.set_block_size(64 << 20)
    Image.MAX_IMAGE_PIXELS = None
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return Image
