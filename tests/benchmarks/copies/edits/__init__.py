"""The edits that a copy goes through, by level: benign, moderate, hard.

Their code and strengths are the benchmark's own, not those of any training. Chance comes from the picture's name and
the edit's alone, so that files can be made again.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps

from tests.benchmarks.copies.edits.benign import BENIGN
from tests.benchmarks.copies.edits.canvas import Edits, Made, chance
from tests.benchmarks.copies.edits.hard import HARD
from tests.benchmarks.copies.edits.moderate import MODERATE

LEVELS: dict[str, Edits] = {"benign": BENIGN, "moderate": MODERATE, "hard": HARD}
COLLAGE, FILLERS = "collage", 3  # the one edit that shows other pictures, and of how many it may take


@dataclass(frozen=True)
class Edit:
    """`make(picture, chance, *others)` gives the file; only the collage takes others."""

    name: str
    level: str
    make: Callable[..., Made]


EDITS = tuple(Edit(name, level, make) for level, edits in LEVELS.items() for name, make in edits.items())


def edited(data: bytes, name: str, edit: Edit, others: Sequence[bytes] = ()) -> Made:
    """The file that an edit makes of an image file's bytes; `name` seeds the chance, `others` fill a collage."""
    pictures = [upright(one) for one in (data, *others)]
    return edit.make(pictures[0], chance(name, edit.name), *pictures[1:])


def upright(data: bytes) -> Image.Image:
    """An image file's bytes as the RGB picture that a viewer shows."""
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")
