"""Edits that move the points of a picture: parts of it, turned, mirrored, slanted, with a border around it.

Each takes an RGB picture, a generator and an amount, 0 (hardly seen) to 1 (the strongest), and gives an RGB picture.
"""

from math import log, sqrt

import numpy as np
from PIL import Image, ImageFilter, ImageOps
from PIL.Image import Image as Picture

from dshcli.edits.tone import Rng

SHAPES = (1.0, 4 / 5, 5 / 4, 3 / 4, 4 / 3, 16 / 9, 9 / 16, 2.0, 0.5)  # width to height, as sites and phones want it
TURNS = tuple(Image.Transpose)


def crop(image: Picture, rng: Rng, amount: float) -> Picture:
    """Without 3 to 55 % of its area, taken from any sides, in about its own shape."""
    side = sqrt(1 - (0.03 + 0.52 * amount))
    stretch = float(rng.uniform(-1, 1)) * min(-log(side), 0.15)  # never wider or higher than all of it
    return _part(image, rng, side * float(np.exp(stretch)), side * float(np.exp(-stretch)))


def crop_to_shape(image: Picture, rng: Rng, amount: float) -> Picture:
    """To another aspect ratio; at most half of a side goes."""
    wanted = SHAPES[rng.integers(len(SHAPES))] * image.height / image.width
    least = 1 - 0.5 * amount
    return _part(image, rng, max(min(wanted, 1), least), max(min(1 / wanted, 1), least))


def _part(image: Picture, rng: Rng, wide: float, high: float) -> Picture:
    width, height = max(8, round(image.width * wide)), max(8, round(image.height * high))
    left = int(rng.integers(max(image.width - width, 0) + 1))
    top = int(rng.integers(max(image.height - height, 0) + 1))
    return image.crop((left, top, left + width, top + height))


def stretch(image: Picture, rng: Rng, amount: float) -> Picture:
    """To another shape, all of it: up to 1.6 times as wide or as high."""
    factor = 1 + 0.6 * amount
    wide, high = (factor, 1.0) if rng.random() < 0.5 else (1.0, factor)
    return image.resize((round(image.width * wide), round(image.height * high)), Image.Resampling.BILINEAR)


def turn(image: Picture, rng: Rng, amount: float) -> Picture:
    """One of the seven other orientations: quarter turns, flips, both. The left-right flip is the most frequent."""
    if rng.random() < 0.3:
        return ImageOps.mirror(image)
    return image.transpose(TURNS[rng.integers(len(TURNS))])


def rotate(image: Picture, rng: Rng, amount: float) -> Picture:
    """By up to 22 degrees: corners filled, the canvas grown to hold all, or cut to what has no corners."""
    degrees = float(rng.choice((-1, 1))) * (1 + 21 * amount)
    how = rng.integers(3)
    ground = any_ground(rng)
    if how == 0:
        return image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=ground)
    if how == 1:
        return image.rotate(degrees, Image.Resampling.BILINEAR, expand=True, fillcolor=ground)
    tan = abs(np.tan(np.radians(degrees)))
    wide, high = 1 / (1 + tan * image.height / image.width), 1 / (1 + tan * image.width / image.height)
    turned = image.rotate(degrees, Image.Resampling.BILINEAR)
    return ImageOps.crop(turned, _margins(image, float(wide), float(high)))


def _margins(image: Picture, wide: float, high: float) -> tuple[int, int, int, int]:
    x, y = int(image.width * (1 - wide) / 2), int(image.height * (1 - high) / 2)
    return x, y, x, y


def perspective(image: Picture, rng: Rng, amount: float) -> Picture:
    """As seen from aside: each corner moved by up to 22 % of the sides."""
    width, height = image.size
    corners = np.array([(0, 0), (0, height), (width, height), (width, 0)], np.float64)
    moved = corners + rng.uniform(-1, 1, (4, 2)) * (0.03 + 0.19 * amount) * np.array([width, height])
    rows = []
    for (x, y), (u, v) in zip(corners, moved, strict=True):  # (x, y) shows what was at (u, v)
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    data = np.linalg.solve(np.array(rows), moved.ravel())
    return image.transform(
        image.size, Image.Transform.PERSPECTIVE, data.tolist(), Image.Resampling.BILINEAR, fillcolor=any_ground(rng)
    )


def pad(image: Picture, rng: Rng, amount: float) -> Picture:
    """Bars at two sides that make it up to 1.8 times as wide or high: one colour, or the picture itself, blurred."""
    more = 0.05 + 0.75 * amount
    size = (image.width, round(image.height * (1 + more)))
    if rng.random() < 0.5:
        size = (round(image.width * (1 + more)), image.height)
    if rng.random() < 0.3:
        canvas = image.resize(size).filter(ImageFilter.GaussianBlur(max(size) * 0.03))
    else:
        canvas = Image.new("RGB", size, any_ground(rng))
    share = 0.5 if rng.random() < 0.7 else float(rng.random())
    canvas.paste(image, (round((size[0] - image.width) * share), round((size[1] - image.height) * share)))
    return canvas


def frame(image: Picture, rng: Rng, amount: float) -> Picture:
    """A border on all sides, up to 18 % of the longer one; now and then a second, thin one."""
    border = max(1, round(max(image.size) * (0.01 + 0.17 * amount)))
    framed = ImageOps.expand(image, border, any_ground(rng))
    return ImageOps.expand(framed, max(1, border // 5), any_ground(rng)) if rng.random() < 0.3 else framed


def any_ground(rng: Rng) -> tuple[int, int, int]:
    """White, black, or any colour."""
    draw = rng.random()
    if draw < 0.35:
        return 255, 255, 255
    if draw < 0.7:
        return 0, 0, 0
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue
