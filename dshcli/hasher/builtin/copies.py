"""The edits that a picture goes through on its way around the world, for measuring how many copies are found.

Each is drawn anew for each picture from a seed made of the file's name and the edit's, so that figures can be repeated.
"""

import hashlib
import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from dshcli.errors import BadImage

Rng = np.random.Generator

QUALITY = 90  # JPEG quality with which an edited picture is saved
BAR = 0.12  # height of the caption bar, as a share of the picture's
TURN = (3.0, 6.0)  # degrees of the small rotation, to either side


def _jpeg(image: Image.Image, quality: int = QUALITY) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _scaled(image: Image.Image, scale: float) -> Image.Image:
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, share: float, rng: Rng) -> Image.Image:
    """Without `share` of its width and of its height, taken from the sides by chance."""
    width, height = round(image.width * (1 - share)), round(image.height * (1 - share))
    left, top = int(rng.integers(image.width - width + 1)), int(rng.integers(image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def _turned(image: Image.Image, rng: Rng) -> Image.Image:
    degrees = float(rng.uniform(*TURN)) * float(rng.choice((-1, 1)))
    return image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor="black")


def _captioned(image: Image.Image) -> Image.Image:
    bar = max(12, round(image.height * BAR))
    out = Image.new("RGB", (image.width, image.height + bar), "white")
    out.paste(image)
    ImageDraw.Draw(out).text((4, image.height + 1), "when you see it on a Monday", fill="black", font_size=bar * 0.6)
    return out


EDITS: dict[str, Callable[[Image.Image, Rng], bytes]] = {
    "JPEG quality 70": lambda image, rng: _jpeg(image, 70),
    "JPEG quality 30": lambda image, rng: _jpeg(image, 30),
    "half the size": lambda image, rng: _jpeg(_scaled(image, 0.5)),
    "a quarter of the size": lambda image, rng: _jpeg(_scaled(image, 0.25)),
    "gray": lambda image, rng: _jpeg(image.convert("L")),
    "darker (x 0.7)": lambda image, rng: _jpeg(ImageEnhance.Brightness(image).enhance(0.7)),
    "brighter (x 1.35)": lambda image, rng: _jpeg(ImageEnhance.Brightness(image).enhance(1.35)),
    "crop 5 %": lambda image, rng: _jpeg(_cropped(image, 0.05, rng)),
    "crop 10 %": lambda image, rng: _jpeg(_cropped(image, 0.10, rng)),
    "crop 20 %": lambda image, rng: _jpeg(_cropped(image, 0.20, rng)),
    "flip": lambda image, rng: _jpeg(ImageOps.mirror(image)),
    "rotation by 3 to 6 degrees": lambda image, rng: _jpeg(_turned(image, rng)),
    "caption bar": lambda image, rng: _jpeg(_captioned(image)),
}


def edited(data: bytes, name: str, edit: str) -> bytes:
    """An image file's bytes after an edit, as JPEG; `name` seeds the chance. Raises BadImage if it cannot be read."""
    seed = int.from_bytes(hashlib.sha256(f"{name}|{edit}".encode()).digest()[:8])
    try:
        image = Image.open(io.BytesIO(data)).convert("RGB")
    except (OSError, ValueError) as error:
        raise BadImage(str(error)) from error
    return EDITS[edit](image, np.random.default_rng(seed))
