"""What leaves the picture whole: other compression, size, colours, sharpness, and how the file is turned."""

from functools import partial

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from tests.benchmarks.copies.edits.canvas import Edits, Made, Picture, Rng, jpeg, png, scaled, side, webp

ORIENTATION = 0x0112  # the EXIF tag
STORED = {  # EXIF orientation -> how an upright picture is stored so that a viewer shows it upright again
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _quality(quality: int, picture: Picture, rng: Rng) -> Made:
    return jpeg(picture, quality)


def _webp(picture: Picture, rng: Rng) -> Made:
    return webp(picture, 45)


def _png(picture: Picture, rng: Rng) -> Made:
    return png(picture)


def _resized(share: float, picture: Picture, rng: Rng) -> Made:
    return jpeg(scaled(picture, share))


def _brightness(picture: Picture, rng: Rng) -> Made:
    factor = rng.uniform(0.62, 0.8) if rng.random() < 0.5 else rng.uniform(1.25, 1.45)
    return jpeg(ImageEnhance.Brightness(picture).enhance(float(factor)))


def _contrast(picture: Picture, rng: Rng) -> Made:
    factor = rng.uniform(0.6, 0.8) if rng.random() < 0.5 else rng.uniform(1.25, 1.5)
    return jpeg(ImageEnhance.Contrast(picture).enhance(float(factor)))


def _gamma(picture: Picture, rng: Rng) -> Made:
    power = float(rng.uniform(1.3, 1.7)) ** side(rng)
    return jpeg(picture.point([round(255 * (value / 255) ** power) for value in range(256)] * 3))


def _saturation(picture: Picture, rng: Rng) -> Made:
    factor = rng.uniform(0.3, 0.6) if rng.random() < 0.5 else rng.uniform(1.5, 2.0)
    return jpeg(ImageEnhance.Color(picture).enhance(float(factor)))


def _gray(picture: Picture, rng: Rng) -> Made:
    return jpeg(picture.convert("L"))


def _cast(picture: Picture, rng: Rng) -> Made:
    """Warmer or colder light: red and blue go apart."""
    shift = float(rng.uniform(0.12, 0.2)) * side(rng)
    gains = np.array([1 + shift, 1.0, 1 - shift])
    pixels = np.asarray(picture, np.float64) * gains
    return jpeg(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))


def _blurred(picture: Picture, rng: Rng) -> Made:
    return jpeg(picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.8, 1.6)))))


def _sharpened(picture: Picture, rng: Rng) -> Made:
    return jpeg(picture.filter(ImageFilter.UnsharpMask(radius=1.5, percent=int(rng.integers(120, 220)), threshold=2)))


def _noisy(picture: Picture, rng: Rng) -> Made:
    pixels = np.asarray(picture, np.float64)
    pixels = pixels + rng.normal(0, rng.uniform(6, 13), pixels.shape)
    return jpeg(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))


def _turned_by_tag(picture: Picture, rng: Rng) -> Made:
    """The same upright picture, stored turned or mirrored with one of the EXIF orientations 2 to 8."""
    orientation = int(rng.integers(2, 9))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return jpeg(picture.transpose(STORED[orientation]), 93, exif)


BENIGN: Edits = {
    "JPEG quality 10": partial(_quality, 10),
    "JPEG quality 35": partial(_quality, 35),
    "JPEG quality 60": partial(_quality, 60),
    "JPEG quality 90": partial(_quality, 90),
    "WebP": _webp,
    "PNG": _png,
    "three quarters of the size": partial(_resized, 0.75),
    "half the size": partial(_resized, 0.5),
    "a quarter of the size": partial(_resized, 0.25),
    "brightness": _brightness,
    "contrast": _contrast,
    "gamma": _gamma,
    "saturation": _saturation,
    "gray": _gray,
    "colour cast": _cast,
    "blur": _blurred,
    "sharpen": _sharpened,
    "noise": _noisy,
    "EXIF turn": _turned_by_tag,
}
