"""Edits that leave every point of a picture in its place: compression, size, colours, sharpness, filters.

Each takes an RGB picture, a generator and an amount, 0 (hardly seen) to 1 (the strongest), and gives an RGB picture.
"""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps
from PIL.Image import Image as Picture

Rng = np.random.Generator

SEPIA = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX)


def jpeg(image: Picture, rng: Rng, amount: float) -> Picture:
    return _stored(image, "JPEG", quality=round(95 - 85 * amount))


def webp(image: Picture, rng: Rng, amount: float) -> Picture:
    return _stored(image, "WEBP", quality=round(95 - 85 * amount), method=0)


def _stored(image: Picture, form: str, **how: int) -> Picture:
    file = io.BytesIO()
    image.save(file, form, **how)
    return Image.open(file).convert("RGB")


def palette(image: Picture, rng: Rng, amount: float) -> Picture:
    """As a GIF or a small PNG keeps it: 256 to 12 colours."""
    return image.quantize(round(256 * (12 / 256) ** amount)).convert("RGB")


def resize(image: Picture, rng: Rng, amount: float) -> Picture:
    """Down to a tenth, by a filter of any kind."""
    return scaled(image, 0.1**amount, FILTERS[rng.integers(len(FILTERS))])


def thumbnail(image: Picture, rng: Rng, amount: float) -> Picture:
    """The long side 160 down to 40 pixels."""
    return scaled(image, min(1.0, 160 * 0.25**amount / max(image.size)))


def scaled(image: Picture, scale: float, how: Image.Resampling = Image.Resampling.BILINEAR) -> Picture:
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    return image.resize(size, how, reducing_gap=2.0)


def gray(image: Picture, rng: Rng, amount: float) -> Picture:
    """Little of the colour left, or none."""
    return ImageEnhance.Color(image).enhance(0.3 * (1 - amount) if rng.random() < 0.3 else 0.0)


def saturation(image: Picture, rng: Rng, amount: float) -> Picture:
    return ImageEnhance.Color(image).enhance(_more_or_less(rng, amount, 2.5))


def brightness(image: Picture, rng: Rng, amount: float) -> Picture:
    return ImageEnhance.Brightness(image).enhance(_more_or_less(rng, amount, 2.2))


def contrast(image: Picture, rng: Rng, amount: float) -> Picture:
    return ImageEnhance.Contrast(image).enhance(_more_or_less(rng, amount, 2.2))


def gamma(image: Picture, rng: Rng, amount: float) -> Picture:
    power = _more_or_less(rng, amount, 2.2)
    return image.point([round(255 * (level / 255) ** power) for level in range(256)] * 3)


def cast(image: Picture, rng: Rng, amount: float) -> Picture:
    """Each channel a little more or less, as white balance has it."""
    tables: list[int] = []
    for _ in range(3):
        gain, shift = 1 + rng.uniform(-0.35, 0.35) * amount, rng.uniform(-30, 30) * amount
        tables += [int(min(max(level * gain + shift, 0), 255)) for level in range(256)]
    return image.point(tables)


def _more_or_less(rng: Rng, amount: float, most: float) -> float:
    """A factor, most ** amount or the inverse of that."""
    return float(most ** (amount if rng.random() < 0.5 else -amount))


def blur(image: Picture, rng: Rng, amount: float) -> Picture:
    radius = max(image.size) * 0.012 * amount
    kind = ImageFilter.GaussianBlur if rng.random() < 0.7 else ImageFilter.BoxBlur
    return image.filter(kind(radius))


def sharpen(image: Picture, rng: Rng, amount: float) -> Picture:
    return image.filter(
        ImageFilter.UnsharpMask(radius=1 + 2 * rng.random(), percent=round(60 + 340 * amount), threshold=1)
    )


def noise(image: Picture, rng: Rng, amount: float) -> Picture:
    """Gaussian, of gray or of colour; or single pixels black or white."""
    pixels = np.asarray(image, np.float32)
    if rng.random() < 0.25:
        spots = rng.random(pixels.shape[:2]) < 0.06 * amount
        pixels = np.where(spots[..., None], rng.choice((0.0, 255.0), pixels.shape[:2])[..., None], pixels)
    else:
        depth = 3 if rng.random() < 0.5 else 1
        pixels = pixels + rng.standard_normal((*pixels.shape[:2], depth), np.float32) * (3 + 32 * amount)
    return _picture(pixels)


def vignette(image: Picture, rng: Rng, amount: float) -> Picture:
    pixels = np.asarray(image, np.float32)
    y = np.linspace(-1, 1, image.height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, image.width, dtype=np.float32)[None, :]
    return _picture(pixels * (1 - 0.45 * amount * (x * x + y * y))[..., None].clip(0, 1))


def filtered(image: Picture, rng: Rng, amount: float) -> Picture:
    """A filter as photo apps have them: sepia, a tint, few levels, stretched or equal levels, solarised highlights."""
    which = rng.integers(6)
    if which == 0:
        changed = image.convert("RGB", SEPIA)
    elif which == 1:
        tint = Image.new("RGB", image.size, tuple(rng.integers(0, 256, 3).tolist()))
        changed = Image.blend(ImageChops.soft_light(image, tint), tint, 0.15)
    elif which == 2:
        changed = ImageOps.posterize(image, 2 + int(rng.integers(2)))
    elif which == 3:
        changed = ImageOps.autocontrast(image, cutoff=1 + 5 * rng.random())
    elif which == 4:
        changed = ImageOps.equalize(image)
    else:
        changed = ImageOps.solarize(image, 170)
    return Image.blend(image, changed, 0.4 + 0.6 * amount)


def _picture(pixels: npt.NDArray[np.float32]) -> Picture:
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
