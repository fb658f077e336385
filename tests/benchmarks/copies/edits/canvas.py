"""What the edits share: chance, text, saving, and the result of an edit as a file's bytes."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFont

Rng = np.random.Generator
Picture = Image.Image

QUALITY = 88  # JPEG quality with which an edited picture is saved, where the edit is not about quality itself
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


@dataclass(frozen=True)
class Made:
    """An image file: its bytes and the ending that its name should have, without a dot."""

    data: bytes
    ending: str


Edits = dict[str, Callable[..., Made]]  # by name: a picture and chance (and what else it shows) -> a file


def chance(*names: object) -> Rng:
    """Random numbers that depend on the names alone."""
    text = "|".join(map(str, names))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))


def jpeg(picture: Picture, quality: int = QUALITY, exif: Image.Exif | None = None) -> Made:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, **({"exif": exif} if exif is not None else {}))
    return Made(file.getvalue(), "jpg")


def png(picture: Picture) -> Made:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)
    return Made(file.getvalue(), "png")


def webp(picture: Picture, quality: int) -> Made:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=3)
    return Made(file.getvalue(), "webp")


def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that Pillow brings along, so that files are the same wherever no other font is installed."""
    return ImageFont.load_default(size=max(size, 6))


def scaled(picture: Picture, share: float) -> Picture:
    """`share` of the width and of the height."""
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def fitted(picture: Picture, width: int, height: int) -> Picture:
    """Scaled to cover width x height, the middle of it."""
    share = max(width / picture.width, height / picture.height)
    size = (max(width, round(picture.width * share)), max(height, round(picture.height * share)))
    large = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return large.crop((left, top, left + width, top + height))


def colour(rng: Rng, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    red, green, blue = rng.integers(low, high, 3).tolist()
    return red, green, blue


def pick(rng: Rng, items: list[str]) -> str:
    return items[int(rng.integers(len(items)))]


def side(rng: Rng) -> int:
    """-1 or 1."""
    return int(rng.choice((-1, 1)))
