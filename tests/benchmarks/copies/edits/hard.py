"""What changes the picture so that classic hashes lose it: large crops, turns, overlays, strong filters, stacks."""

from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from tests.benchmarks.copies.edits import moderate
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
    png,
    side,
)
from tests.benchmarks.copies.edits.screens import collage, in_desktop, in_phone

BANNERS = ["SALE", "BREAKING NEWS", "50 % OFF", "SUBSCRIBE", "LIVE", "SOLD OUT", "NEW IN"]
ASPECTS = (1.0, 9 / 16, 16 / 9, 4 / 5, 21 / 9)
SQUEEZE = 0.14  # how far a corner moves in at most under perspective, as a share of the side
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
THUMBNAIL = 64  # pixels of the longer side


def to_aspect(picture: Picture, rng: Rng) -> Picture:
    """The largest part of another aspect ratio that differs by at least a fifth from the picture's."""
    own = picture.width / picture.height
    others = [aspect for aspect in ASPECTS if abs(np.log(aspect / own)) > np.log(1.2)]
    aspect = others[int(rng.integers(len(others)))]
    width = min(picture.width, round(picture.height * aspect))
    height = min(picture.height, round(picture.width / aspect))
    left = int(rng.integers(picture.width - width + 1))
    top = int(rng.integers(picture.height - height + 1))
    return picture.crop((left, top, left + width, top + height))


def with_banner(picture: Picture, rng: Rng) -> Picture:
    """An opaque bar across a fifth to a third of the picture."""
    out = picture.copy()
    height = round(picture.height * rng.uniform(0.2, 0.33))
    top = int(rng.integers(picture.height - height + 1))
    draw = ImageDraw.Draw(out)
    draw.rectangle((0, top, picture.width, top + height), colour(rng, 0, 200))
    draw.text((picture.width / 2, top + height / 2), pick(rng, BANNERS), WHITE, font(height * 0.5), anchor="mm")
    return out


def with_logo(picture: Picture, rng: Rng) -> Picture:
    """A half transparent mark across the middle, as stock photos carry it."""
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    width, height = picture.size
    radius = min(width, height) * float(rng.uniform(0.22, 0.32))
    ink = (*(WHITE if rng.random() < 0.6 else BLACK), 140)
    x, y = width * float(rng.uniform(0.4, 0.6)), height * float(rng.uniform(0.4, 0.6))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ink, width=max(4, round(radius / 6)))
    draw.text((x, y), pick(rng, ["stock", "PHOTO", "agency"]), ink, font(radius * 0.6), anchor="mm")
    draw.line((0, 0, width, height), ink, 3)
    draw.line((0, height, width, 0), ink, 3)
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def with_stickers(picture: Picture, rng: Rng) -> Picture:
    """One to three opaque faces and stars, each a quarter to two fifths of the shorter side."""
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    for _ in range(int(rng.integers(1, 4))):
        radius = min(picture.size) * float(rng.uniform(0.12, 0.2))
        x, y = rng.uniform(radius, picture.width - radius), rng.uniform(radius, picture.height - radius)
        paint = colour(rng, 120)
        if rng.random() < 0.5:
            angles = np.arange(10) * np.pi / 5
            reach = np.where(np.arange(10) % 2, 0.45, 1.0) * radius
            points = zip(x + reach * np.sin(angles), y - reach * np.cos(angles), strict=True)
            draw.polygon([(float(a), float(b)) for a, b in points], paint, BLACK)
            continue
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), paint, BLACK, 2)
        for eye in (-0.35, 0.35):
            ex, ey, er = x + eye * radius, y - 0.25 * radius, 0.12 * radius
            draw.ellipse((ex - er, ey - er, ex + er, ey + er), BLACK)
        mouth = (x - 0.5 * radius, y - 0.3 * radius, x + 0.5 * radius, y + 0.6 * radius)
        draw.arc(mouth, 20, 160, BLACK, max(2, round(radius / 10)))
    return out


def in_perspective(picture: Picture, rng: Rng) -> Picture:
    """As if photographed from the side: the corners of the picture move in; around it lies one colour."""
    width, height = picture.size
    moved = rng.uniform(0.02, SQUEEZE, (4, 2)) * (width, height) * ((1, 1), (-1, 1), (-1, -1), (1, -1))
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    rows, right = [], []
    for (x, y), (u, v) in zip(corners + moved, corners, strict=True):  # from where it is seen to where it came from
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    data = np.linalg.solve(np.array(rows), np.array(right)).tolist()
    fill = colour(rng)
    return picture.transform(picture.size, Image.Transform.PERSPECTIVE, data, Image.Resampling.BICUBIC, fillcolor=fill)


def sepia(picture: Picture, rng: Rng) -> Picture:
    pixels = np.asarray(picture, np.float64) @ SEPIA.T
    return ImageEnhance.Contrast(Image.fromarray(pixels.clip(0, 255).astype(np.uint8))).enhance(0.85)


def posterised(picture: Picture, rng: Rng) -> Picture:
    return ImageOps.posterize(picture, 2)


def vignette(picture: Picture, rng: Rng) -> Picture:
    """Dark edges and corners."""
    y, x = np.mgrid[-1 : 1 : picture.height * 1j, -1 : 1 : picture.width * 1j]
    gain = np.clip(1.15 - float(rng.uniform(0.6, 0.8)) * (x**2 + y**2), 0.05, 1)
    return Image.fromarray((np.asarray(picture) * gain[..., None]).astype(np.uint8))


def duotone(picture: Picture, rng: Rng) -> Picture:
    """Dark parts in one colour, bright ones in another."""
    return ImageOps.colorize(picture.convert("L"), colour(rng, 0, 90), colour(rng, 170))


def quarter_turned(picture: Picture, rng: Rng) -> Picture:
    return picture.transpose(Image.Transpose.ROTATE_90 if side(rng) > 0 else Image.Transpose.ROTATE_270)


def upside_down(picture: Picture, rng: Rng) -> Picture:
    """Turned by 180 degrees or flipped from top to bottom."""
    return picture.transpose(Image.Transpose.ROTATE_180 if side(rng) > 0 else Image.Transpose.FLIP_TOP_BOTTOM)


def mirrored(picture: Picture, rng: Rng) -> Picture:
    return ImageOps.mirror(picture)


def thumbnail(picture: Picture, rng: Rng) -> Picture:
    small = picture.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    return small


STACK = (  # of these, two or three different ones are done one after the other
    lambda picture, rng: moderate.cropped(picture, float(rng.uniform(0.05, 0.15)), rng),
    lambda picture, rng: moderate.rotated(picture, 2, 6, rng),
    moderate.captioned,
    moderate.with_meme_text,
    moderate.bordered,
    lambda picture, rng: ImageEnhance.Brightness(picture).enhance(float(rng.uniform(0.65, 1.4))),
    lambda picture, rng: picture.convert("L").convert("RGB"),
    mirrored,
    with_stickers,
    lambda picture, rng: picture.resize((round(picture.width * 0.55), round(picture.height * 0.55))),
)


def _stacked(count: int, picture: Picture, rng: Rng) -> Made:
    for number in rng.permutation(len(STACK))[:count]:
        picture = STACK[number](picture, rng)
    return jpeg(picture, 65)


def _crop(share: float, picture: Picture, rng: Rng) -> Made:
    return jpeg(moderate.cropped(picture, share, rng))


HARD: Edits = {
    "crop 20 %": partial(_crop, 0.20),
    "crop 30 %": partial(_crop, 0.30),
    "crop 50 %": partial(_crop, 0.50),
    "other aspect ratio": lambda picture, rng: jpeg(to_aspect(picture, rng)),
    "rotation by 10 to 20 degrees": lambda picture, rng: jpeg(moderate.rotated(picture, 10, 20, rng)),
    "quarter turn": lambda picture, rng: jpeg(quarter_turned(picture, rng)),
    "mirrored": lambda picture, rng: jpeg(mirrored(picture, rng)),
    "upside down": lambda picture, rng: jpeg(upside_down(picture, rng)),
    "banner": lambda picture, rng: jpeg(with_banner(picture, rng)),
    "logo": lambda picture, rng: jpeg(with_logo(picture, rng)),
    "stickers": lambda picture, rng: jpeg(with_stickers(picture, rng)),
    "phone screenshot": lambda picture, rng: png(in_phone(picture, rng)),
    "desktop screenshot": lambda picture, rng: png(in_desktop(picture, rng)),
    "collage": lambda picture, rng, *others: jpeg(collage(picture, rng, *others)),
    "perspective": lambda picture, rng: jpeg(in_perspective(picture, rng)),
    "sepia": lambda picture, rng: jpeg(sepia(picture, rng)),
    "posterised": lambda picture, rng: jpeg(posterised(picture, rng)),
    "vignette": lambda picture, rng: jpeg(vignette(picture, rng)),
    "duotone": lambda picture, rng: jpeg(duotone(picture, rng)),
    "thumbnail of 64 pixels": lambda picture, rng: jpeg(thumbnail(picture, rng), 75),
    "two edits": partial(_stacked, 2),
    "three edits": partial(_stacked, 3),
}
