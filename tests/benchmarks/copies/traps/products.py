"""A catalogue: products of one class, drawn on white in one pose, that differ in cut, colour, pattern or print."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tests.benchmarks.copies.edits.canvas import WHITE, Picture, Rng, colour, font
from tests.benchmarks.copies.traps.words import words

SIDE = 480
Points = list[tuple[float, float]]


def _shirt(rng: Rng) -> Points:
    sleeve, hem, neck = rng.uniform(150, 300), rng.uniform(380, 440), rng.uniform(35, 55)
    wide = rng.uniform(85, 105)
    right = [(neck, 75), (wide + 20, 95), (wide + 85, sleeve), (wide + 45, sleeve + 25), (wide, 190), (wide, hem)]
    return _mirrored(right)


def _trousers(rng: Rng) -> Points:
    waist, flare, length = rng.uniform(60, 80), rng.uniform(25, 60), rng.uniform(330, 440)
    right = [(waist, 60), (waist + 25, 150), (55 + flare, length), (55 - flare * 0.3, length), (6, 180)]
    return _mirrored(right)


def _dress(rng: Rng) -> Points:
    waist, flare, hem = rng.uniform(45, 60), rng.uniform(90, 160), rng.uniform(330, 440)
    return _mirrored([(30, 60), (55, 60), (70, 120), (waist, 200), (flare, hem)])


def _mug(rng: Rng) -> Points:
    top, bottom = rng.uniform(85, 120), rng.uniform(70, 110)
    height = rng.uniform(120, 170)
    return _mirrored([(top, 240 - height), (top * 1.02, 240), (bottom, 240 + height)])


def _lamp(rng: Rng) -> Points:
    top, rim = rng.uniform(30, 70), rng.uniform(100, 150)
    return _mirrored([(top, 70), (rim, 230), (8, 235), (8, 400), (rng.uniform(60, 90), 415), (70, 430)])


def _mirrored(right: Points) -> Points:
    middle = SIDE / 2
    return [(middle + x, y) for x, y in right] + [(middle - x, y) for x, y in reversed(right)]


def _cloth(rng: Rng) -> Picture:
    """What it is made of: plain, striped, checked or dotted, with the shade of folds."""
    base, other = colour(rng, 20), colour(rng, 20)
    cloth = Image.new("RGB", (SIDE, SIDE), base)
    draw, step = ImageDraw.Draw(cloth), int(rng.integers(14, 40))
    pattern = int(rng.integers(5))
    for at in range(0, SIDE, step):
        if pattern in (1, 3):
            draw.rectangle((0, at, SIDE, at + step // 3), other)
        if pattern in (2, 3):
            draw.rectangle((at, 0, at + step // 3, SIDE), other)
        if pattern == 4:
            for x in range(0, SIDE, step):
                draw.ellipse((x, at, x + step // 2, at + step // 2), other)
    folds = np.cumsum(rng.normal(0, 1, SIDE))
    folds = 1 + 0.12 * (folds - folds.mean()) / max(folds.std(), 1e-6)
    return Image.fromarray((np.asarray(cloth) * folds[None, :, None]).clip(0, 255).astype(np.uint8))


def product(outline: Callable[[Rng], Points], rng: Rng) -> Picture:
    points = outline(rng)
    mask = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(mask).polygon(points, 255)
    cloth = _cloth(rng)
    if rng.random() < 0.5:
        draw = ImageDraw.Draw(cloth)
        draw.text((SIDE / 2, 210), words(rng, 1).upper(), colour(rng, 150), font(rng.uniform(26, 44)), anchor="mm")
    shadow = ImageChops.offset(mask, 4, 6).filter(ImageFilter.GaussianBlur(7)).point([v // 5 for v in range(256)])
    out = Image.new("RGB", (SIDE, SIDE), WHITE)
    out.paste((60, 60, 60), (0, 0), shadow)
    out.paste(cloth, (0, 0), mask)
    return out


OUTLINES = {"shirt": _shirt, "trousers": _trousers, "dress": _dress, "mug": _mug, "lamp": _lamp}
