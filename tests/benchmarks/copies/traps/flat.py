"""Pictures that show next to nothing: blank, of one colour, with a gradient."""

import numpy as np
from PIL import Image

from tests.benchmarks.copies.edits.canvas import Picture, Rng, colour


def _size(rng: Rng) -> tuple[int, int]:
    width, height = (int(side) * 8 for side in rng.integers(30, 100, 2))
    return width, height


def blank(rng: Rng) -> Picture:
    """White, as a scanner sees an empty page, or black, as a lens cap: with a little noise of its own."""
    width, height = _size(rng)
    level, spread = (rng.uniform(243, 255) if rng.random() < 0.7 else rng.uniform(0, 12)), rng.uniform(0, 2.5)
    noise = rng.normal(level, spread, (height, width, 1)) + rng.normal(0, spread / 3, (height, width, 3))
    return Image.fromarray(noise.clip(0, 255).astype(np.uint8))


def solid(rng: Rng) -> Picture:
    return Image.new("RGB", _size(rng), colour(rng))


def gradient(rng: Rng) -> Picture:
    """From one colour to another, in any direction or out of a point."""
    width, height = _size(rng)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        way = x * np.cos(angle) + y * np.sin(angle)
    else:
        way = np.hypot(x - rng.uniform(0.2, 0.8), y - rng.uniform(0.2, 0.8))
    way = (way - way.min()) / (way.max() - way.min())
    low, high = (np.array(colour(rng), float) for _ in range(2))
    return Image.fromarray((low + way[..., None] * (high - low)).round().astype(np.uint8))
