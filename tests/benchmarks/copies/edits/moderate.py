"""What takes away or adds a little: small crops, captions, small rotations, borders."""

from functools import partial

from PIL import Image, ImageDraw, ImageOps

from tests.benchmarks.copies.edits.canvas import (
    BLACK,
    WHITE,
    Edits,
    Made,
    Picture,
    Rng,
    colour,
    font,
    jpeg,
    pick,
    side,
)

CAPTIONS = [
    "the look on his face though",
    "monday again",
    "found this in the attic",
    "who wore it better?",
    "nobody told me about this",
    "summer 2016, still the best",
    "wait for it",
    "this is why we can't have nice things",
]


def cropped(picture: Picture, share: float, rng: Rng) -> Picture:
    """Without `share` of its width and of its height, taken from the sides by chance."""
    width, height = max(1, round(picture.width * (1 - share))), max(1, round(picture.height * (1 - share)))
    left, top = int(rng.integers(picture.width - width + 1)), int(rng.integers(picture.height - height + 1))
    return picture.crop((left, top, left + width, top + height))


def rotated(picture: Picture, low: float, high: float, rng: Rng) -> Picture:
    """By low to high degrees to either side; the corners that open are black, white or of another flat colour."""
    degrees = float(rng.uniform(low, high)) * side(rng)
    fill = (BLACK, WHITE, colour(rng))[int(rng.integers(3))]
    return picture.rotate(degrees, Image.Resampling.BICUBIC, expand=bool(rng.random() < 0.5), fillcolor=fill)


def captioned(picture: Picture, rng: Rng) -> Picture:
    """A bar of 9 to 16 % of the height with a line of text, above or below."""
    bar = max(14, round(picture.height * rng.uniform(0.09, 0.16)))
    back, ink = (WHITE, BLACK) if rng.random() < 0.7 else (BLACK, WHITE)
    out = Image.new("RGB", (picture.width, picture.height + bar), back)
    below = bool(rng.random() < 0.6)
    out.paste(picture, (0, 0 if below else bar))
    at = (5, (picture.height if below else 0) + bar * 0.18)
    ImageDraw.Draw(out).text(at, pick(rng, CAPTIONS), ink, font(bar * 0.55))
    return out


def with_meme_text(picture: Picture, rng: Rng) -> Picture:
    """Large white letters with a black edge over the top and the bottom."""
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    letters = font(picture.height * rng.uniform(0.07, 0.11))
    for share, anchor in ((0.03, "ma"), (0.97, "md")):
        text = pick(rng, CAPTIONS).upper()[:26]
        at = (picture.width / 2, picture.height * share)
        draw.text(at, text, WHITE, letters, anchor=anchor, stroke_width=2, stroke_fill=BLACK)
    return out


def bordered(picture: Picture, rng: Rng) -> Picture:
    """A frame of one colour, 3 to 7 % of the longer side."""
    width = max(3, round(max(picture.size) * rng.uniform(0.03, 0.07)))
    return ImageOps.expand(picture, width, (BLACK, WHITE, colour(rng))[int(rng.integers(3))])


def padded(picture: Picture, rng: Rng) -> Picture:
    """Bars at two opposite sides that widen the picture by 15 to 30 %, as players and feeds add them."""
    share = 1 + float(rng.uniform(0.15, 0.3))
    wide = bool(rng.random() < 0.5)
    size = (round(picture.width * share), picture.height) if wide else (picture.width, round(picture.height * share))
    out = Image.new("RGB", size, BLACK if rng.random() < 0.6 else WHITE)
    out.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return out


def _crop(share: float, picture: Picture, rng: Rng) -> Made:
    return jpeg(cropped(picture, share, rng))


MODERATE: Edits = {
    "crop 2 %": partial(_crop, 0.02),
    "crop 5 %": partial(_crop, 0.05),
    "crop 10 %": partial(_crop, 0.10),
    "caption bar": lambda picture, rng: jpeg(captioned(picture, rng)),
    "meme text": lambda picture, rng: jpeg(with_meme_text(picture, rng)),
    "rotation by 2 to 6 degrees": lambda picture, rng: jpeg(rotated(picture, 2, 6, rng)),
    "border": lambda picture, rng: jpeg(bordered(picture, rng)),
    "padding": lambda picture, rng: jpeg(padded(picture, rng)),
}
