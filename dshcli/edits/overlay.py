"""Edits that put something over a picture, or the picture into something: words, logos, screens, collages.

Each takes an RGB picture, a generator and an amount, 0 (hardly seen) to 1 (the strongest), and gives an RGB picture;
some also take a function that gives another picture.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps
from PIL.Image import Image as Picture

from dshcli.edits.shape import any_ground
from dshcli.edits.tone import Rng, scaled

Other = Callable[[], Picture]
Box = tuple[int, int, int, int]

LETTERS = "eeeeeettttaaaooniiissrrhldcumfpgwybv           ,.!?0123456789ABCDEFGHIKLMNOPRSTUVW"


def caption(image: Picture, rng: Rng, amount: float) -> Picture:
    """A bar with words above or below, up to 30 % of the height more."""
    bar = max(10, round(image.height * (0.06 + 0.24 * amount)))
    ground = any_ground(rng)
    canvas = Image.new("RGB", (image.width, image.height + bar), ground)
    below = rng.random() < 0.6
    canvas.paste(image, (0, 0 if below else bar))
    top = image.height if below else 0
    _write(canvas, rng, (4, top, image.width, top + bar), _contrary(ground))
    return canvas


def words(image: Picture, rng: Rng, amount: float) -> Picture:
    """White letters with black edges over the picture, as memes have them; or a thin watermark."""
    out = image.copy()
    size = max(8, image.height * (0.05 + 0.11 * amount))
    draw = ImageDraw.Draw(out)
    for top in (0.02, 0.8) if rng.random() < 0.5 else (float(rng.uniform(0, 0.8)),):
        edge = round(size / 12) if rng.random() < 0.7 else 0
        place = (image.width * float(rng.uniform(0, 0.3)), image.height * top)
        draw.text(place, _text(rng, 18), (255, 255, 255), _font(round(size)), stroke_width=edge, stroke_fill=(0, 0, 0))
    return out


def banner(image: Picture, rng: Rng, amount: float) -> Picture:
    """A band of one colour with words across the picture, up to a third of its height."""
    out = image.copy()
    high = max(6, round(image.height * (0.08 + 0.25 * amount)))
    top = round((image.height - high) * float(rng.choice((0.0, 1.0, float(rng.random())))))
    ground = any_ground(rng)
    out.paste(ground, (0, top, image.width, top + high))
    _write(out, rng, (4, top, image.width, top + high), _contrary(ground))
    return _blended(image, out, rng)


def logo(image: Picture, rng: Rng, amount: float) -> Picture:
    """A shape with letters, in a corner or anywhere, up to 30 % of the sides."""
    out = image.copy()
    box = _box(image, rng, 0.08 + 0.22 * amount)
    draw: Any = ImageDraw.Draw(out)
    shape = (draw.ellipse, draw.rectangle, draw.rounded_rectangle)[rng.integers(3)]
    ground = any_ground(rng)
    shape(box, **({"radius": (box[2] - box[0]) // 5} if shape == draw.rounded_rectangle else {}), fill=ground)
    _write(out, rng, box, _contrary(ground), letters=3)
    return _blended(image, out, rng)


def sticker(image: Picture, rng: Rng, amount: float) -> Picture:
    """One to four faces or stars, each up to 28 % of the sides."""
    out = image.copy()
    draw = ImageDraw.Draw(out)
    for _ in range(rng.integers(1, 5)):
        left, top, right, bottom = box = _box(image, rng, 0.06 + 0.22 * amount)
        if rng.random() < 0.5:
            draw.ellipse(box, fill=(255, 205, 50), outline=(120, 80, 0))
            wide, high = right - left, bottom - top
            for x in (0.3, 0.62):
                draw.ellipse(
                    (left + wide * x, top + high * 0.3, left + wide * (x + 0.1), top + high * 0.45), fill="black"
                )
            draw.arc(
                (left + wide * 0.25, top + high * 0.35, right - wide * 0.25, bottom - high * 0.2), 20, 160, "black", 2
            )
        else:
            middle, size = ((left + right) / 2, (top + bottom) / 2), max((right - left) / 2, 2)
            draw.regular_polygon((middle, size), int(rng.integers(3, 8)), rng.uniform(0, 90), fill=any_ground(rng))
    return out


def pasted(image: Picture, rng: Rng, amount: float, other: Other) -> Picture:
    """A part of another picture laid over it, up to 45 % of the sides."""
    out = image.copy()
    left, top, right, bottom = _box(image, rng, 0.12 + 0.33 * amount)
    out.paste(ImageOps.fit(other(), (right - left, bottom - top)), (left, top))
    return out


def screenshot(image: Picture, rng: Rng, amount: float) -> Picture:
    """On a phone's or a desk's screen with bars and lines of words; the picture keeps 75 to 20 % of the area."""
    area = 0.75 * (0.2 / 0.75) ** amount
    tall = rng.random() < 0.6
    shape = float(rng.uniform(0.45, 0.75) if tall else rng.uniform(1.2, 1.8)) * 1.0
    height = (image.width * image.height / area / shape) ** 0.5
    width, height = max(round(height * shape), image.width), max(round(height), image.height)
    ground = any_ground(rng)
    screen = Image.new("RGB", (width, height), ground)
    ink = _contrary(ground)
    left = round((width - image.width) * (0.5 if tall else float(rng.random())))
    top = round((height - image.height) * float(rng.uniform(0.1, 0.9)))
    bar = max(6, height // 18)
    y = bar // 3
    while y < height:  # words above and below, or beside
        if rng.random() < 0.75:
            _write(screen, rng, (bar // 2, y, width, y + bar * 2 // 3), ink, letters=int(rng.integers(6, 40)))
        y += bar
    screen.paste(any_ground(rng), (0, 0, width, bar))
    screen.paste(image, (left, top))
    return screen


def collage(image: Picture, rng: Rng, amount: float, other: Other) -> Picture:
    """One of two to four pictures side by side; each cell shows all of its picture, or fills itself with it."""
    columns, rows = ((2, 1), (1, 2), (3, 1), (2, 2))[rng.integers(2) if amount < 0.5 else rng.integers(4)]
    cell, gap = image.size, round(float(rng.uniform(0, 0.04)) * image.width)
    ground = any_ground(rng)
    canvas = Image.new("RGB", (columns * (cell[0] + gap) + gap, rows * (cell[1] + gap) + gap), ground)
    own = int(rng.integers(columns * rows))
    for place in range(columns * rows):
        shown = image if place == own else ImageOps.fit(other(), cell)
        column, row = place % columns, place // columns
        canvas.paste(shown, (gap + column * (cell[0] + gap), gap + row * (cell[1] + gap)))
    return scaled(canvas, 1 / max(columns, rows))


def _blended(below: Picture, above: Picture, rng: Rng) -> Picture:
    """Mostly opaque, now and then half transparent."""
    return Image.blend(below, above, float(rng.uniform(0.4, 0.9))) if rng.random() < 0.3 else above


def _box(image: Picture, rng: Rng, share: float) -> Box:
    wide, high = max(4, round(image.width * share)), max(4, round(image.height * share))
    left = int(rng.integers(max(image.width - wide, 1)))
    top = int(rng.integers(max(image.height - high, 1)))
    return left, top, left + wide, top + high


def _write(canvas: Picture, rng: Rng, box: Box, ink: Any, letters: int = 40) -> None:
    left, top, right, bottom = box
    size = max(6, round((bottom - top) * float(rng.uniform(0.4, 0.75))))
    text = _text(rng, min(letters, max(2, (right - left) * 2 // size)))
    ImageDraw.Draw(canvas).text((left, (top + bottom) / 2), text, ink, _font(size), anchor="lm")


def _text(rng: Rng, letters: int) -> str:
    return "".join(LETTERS[i] for i in rng.integers(0, len(LETTERS), letters))


def _contrary(ground: tuple[int, int, int]) -> tuple[int, int, int]:
    return (255, 255, 255) if sum(ground) < 384 else (0, 0, 0)


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)
