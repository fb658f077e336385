"""How well a hasher tells copies: distances of photos from their edited copies, and of unrelated pairs. No torch.

The edits are those of training, drawn with another seed: what is measured is that photos are found, not that other
edits are.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL.Image import Image as Picture

from dshcli.codes import Codes, hamming
from dshcli.edits.drawing import EDITS, any_edits, applied
from dshcli.hasher.copies.calibration import Calibration, Counts, Mask, calibrate, look_alike, unrelated_distances
from dshcli.hasher.copies.photos import Photos, squared
from dshcli.progress import Reporter

FALSE_RATE = 1e-6  # of the unrelated pairs, the most that a radius may join
STACKED = "several at once"
TOGETHER = 64  # photos whose copies are hashed at a time

Distances = npt.NDArray[np.uint16]
Encode = Callable[[npt.NDArray[np.uint8]], Codes]  # pixels (n, size, size, 3) -> packed codes


@dataclass(frozen=True)
class CopyFigures:
    """Distances, by edit, of copies from their photos (photos,), and unrelated pairs by distance (bits + 1,)."""

    photos: int
    copies: dict[str, Distances]
    unrelated: Counts
    calibration: Calibration

    def recall(self, radius: int) -> dict[str, float]:
        """The share of copies within the radius, by edit."""
        return {edit: float((distances <= radius).mean()) for edit, distances in self.copies.items()}

    def overall(self, radius: int) -> float:
        """The mean of the recall over all edits."""
        return float(np.mean(list(self.recall(radius).values())))


def judge_copies(
    encode: Encode,
    size: int,
    bits: int,
    photos: Photos,
    fillers: Photos,
    reporter: Reporter,
    *,
    edited: int | None = None,
    seed: int = 0,
    unknown: Mask | None = None,
) -> CopyFigures:
    """Edits the first `edited` photos (None: all), each in every way, and measures against all of them.

    fillers: what collages show beside, none of `photos`. Unrelated are all pairs of different photos, and of a copy and
    another photo, but for those that look alike in gray, and those of `unknown` (n, n): they may show the same.
    """
    count = len(photos) if edited is None else min(edited, len(photos))
    alike = look_alike(photos.grays)
    if unknown is not None:
        alike = alike | unknown
    originals = _codes(encode, size, [photos.picture(i) for i in range(len(photos))], reporter, "photos")
    unrelated = np.zeros(bits + 1, np.int64)
    for i in range(len(photos) - 1):
        unrelated += unrelated_distances(originals[i : i + 1], originals[i + 1 :], alike[i : i + 1, i + 1 :], bits)
    copies: dict[str, list[Distances]] = {name: [] for name in (*(edit.name for edit in EDITS), STACKED)}
    with reporter.task("copies", total=count * len(copies), unit="picture") as task:
        for number in range(count):
            pictures = _copies(photos.picture(number), fillers, np.random.default_rng([seed, number]))
            codes = encode(np.stack([squared(picture, size) for picture in pictures]))
            distances = hamming(codes, originals[number])
            for name, distance in zip(copies, distances, strict=True):
                copies[name].append(distance)
            unrelated += unrelated_distances(codes, originals, np.repeat(alike[number][None], len(codes), 0), bits)
            task.advance(len(codes))
    return CopyFigures(
        count, {name: np.array(d, np.uint16) for name, d in copies.items()}, unrelated, calibrate(unrelated, FALSE_RATE)
    )


def _copies(photo: Picture, fillers: Photos, rng: np.random.Generator) -> list[Picture]:
    """A photo edited in every way, each by an amount drawn evenly, and once in several ways at once."""

    def filler() -> Picture:
        return fillers.picture(int(rng.integers(len(fillers))))

    return [
        *(applied(edit, photo, rng, float(rng.random()), filler) for edit in EDITS),
        any_edits(photo, rng, filler),
    ]


def _codes(encode: Encode, size: int, pictures: list[Picture], reporter: Reporter, name: str) -> Codes:
    codes = []
    with reporter.task(name, total=len(pictures), unit="photo") as task:
        for at in range(0, len(pictures), TOGETHER):
            some = pictures[at : at + TOGETHER]
            codes.append(encode(np.stack([squared(picture, size) for picture in some])))
            task.advance(len(some))
    return np.concatenate(codes)
