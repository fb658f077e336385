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
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from dshcli.errors import BadImage, TryAgain
from dshcli.images.reading import Source, read_image_file
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
_PART = 1 << 20  # bytes of a PNG that are checked at a time

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
    source: Path | str | Source, spec: InputSpec, max_pixels: int = MAX_PIXELS, take: Take = unlimited
) -> Picture:
    """The first frame of an image file (or of its bytes, or of the open file) as `spec` wants it.

    take: asked for memory before decoding. Raises BadImage, with a reason for the ledger, for what cannot be read as
    an image: not an image at all, truncated, damaged, of an unknown kind, or of more than `max_pixels` pixels.
    """
    read = _bytes_of(source) if isinstance(source, Path | str) else source
    return guarded(read, lambda name: _picture(read, name, spec, max_pixels, take))


def guarded(source: Source, read: Callable[[str], T]) -> T:
    """What `read` makes of an image of the format that its first bytes tell; decoders' errors become BadImage."""
    stream = _stream(source)
    head = stream.read(SNIFF_BYTES)
    name = sniff(head)
    if name is None:
        raise BadImage("not an image" if head else "empty file")
    if name == "PNG":
        _check_png(stream)
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
def opened(source: Source, name: str, max_pixels: int) -> Iterator["Image"]:
    """The image, not yet decoded."""
    with pillow_ready().open(_stream(source), formats=[name]) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise TryAgain(f"{width} x {height} pixels are more than the limit of {max_pixels} (--max-pixels)")
        yield image


def _stream(source: Source) -> BinaryIO:
    """A source from its start."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    source.seek(0)
    return source


def _picture(source: Source, name: str, spec: InputSpec, max_pixels: int, take: Take) -> Picture:
    with opened(source, name, max_pixels) as image:
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


def _check_png(stream: BinaryIO) -> None:
    """Raises BadImage if a critical chunk's checksum is wrong: Pillow itself does not check the pixels' (IDAT)."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind[0] & 0x20:  # not a critical one
            stream.seek(length + 4, io.SEEK_CUR)
            continue
        checksum, left = zlib.crc32(kind), length
        while left and (part := stream.read(min(left, _PART))):
            checksum, left = zlib.crc32(part, checksum), left - len(part)
        told = stream.read(4)
        if not left and len(told) == 4 and checksum != int.from_bytes(told, "big"):
            raise BadImage(f"damaged: wrong checksum in PNG chunk {kind!r}")


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
