"""How well a hasher tells copies: distances of photos from their edited copies, and of unrelated pairs. No torch.

The edits are those of training, drawn with another seed: what is measured is that photos are found, not that other
edits are.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL.Image import Image as Picture

from dshcli.codes import Codes, hamming
from dshcli.edits.drawing import EDITS, any_edits, applied
from dshcli.hasher.copies.calibration import (
    Calibration,
    Counts,
    Mask,
    calibrate,
    look_alike,
    unrelated_distances,
)
from dshcli.hasher.copies.photos import Photos, squared
from dshcli.hasher.waves import Distance
from dshcli.machine import in_threads
from dshcli.progress import Reporter, Task

FALSE_RATE = 1e-6  # of the unrelated pairs, the most that a radius may join
STACKED = "several at once"
WAYS = (*(edit.name for edit in EDITS), STACKED)  # in which a photo is edited
TOGETHER = 32  # photos that are hashed at a time

Distances = npt.NDArray[np.uint16]
Item = TypeVar("Item")
Encode = Callable[[npt.NDArray[np.uint8]], Codes]  # pixels (n, size, size, channels) -> packed codes


@dataclass(frozen=True)
class CopyCodes:
    """Packed codes of photos (photos, bytes), and of the copies of the first ones (edited, WAYS, bytes)."""

    originals: Codes
    copies: Codes

    def part(self, bits: range) -> "CopyCodes":
        """Some of their bits alone; the range starts and stops at multiples of 8."""
        chosen = slice(bits.start // 8, bits.stop // 8)
        return CopyCodes(self.originals[:, chosen], self.copies[:, :, chosen])

    def beside(self, others: "CopyCodes") -> "CopyCodes":
        """These bits, then others of the same pictures."""
        return CopyCodes(
            np.concatenate([self.originals, others.originals], axis=1),
            np.concatenate([self.copies, others.copies], axis=2),
        )

    def distances(self, distance: Distance) -> dict[str, Distances]:
        """How far the copies lie from their photos (edited,), by edit."""
        originals = self.originals[: len(self.copies)]
        return {way: distance(self.copies[:, number], originals) for number, way in enumerate(WAYS)}


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
    distance: Distance = hamming,
) -> CopyFigures:
    """Edits the first `edited` photos (None: all), each in every way, and measures against all of them.

    fillers: what collages show beside, none of `photos`. Unrelated are all pairs of different photos, and of a copy and
    another photo, but for those that look alike in gray, and those of `unknown` (n, n): they may show the same.
    """
    codes = hash_copies(encode, (size, 3), photos, fillers, reporter, edited=edited, seed=seed)
    alike = look_alike(photos.grays)
    return figures_of(codes, bits, alike if unknown is None else alike | unknown, distance=distance)


def hash_copies(
    encode: Encode,
    shape: tuple[int, int],
    photos: Photos,
    fillers: Photos,
    reporter: Reporter,
    *,
    edited: int | None = None,
    seed: int = 0,
    threads: int = 1,
) -> CopyCodes:
    """Codes of photos, and of copies of the first `edited` (None: all).

    shape: the side and the channels that `encode` wants, which several threads may call if `threads` says so; fillers:
    as in judge_copies.
    """

    def of_photos(some: range) -> Codes:
        return encode(np.stack([squared(photos.picture(i), *shape) for i in some]))

    def of_copies(number: int) -> Codes:
        pictures = _copies(photos.picture(number), fillers, np.random.default_rng([seed, number]))
        return encode(np.stack([squared(picture, *shape) for picture in pictures]))

    count = len(photos) if edited is None else min(edited, len(photos))
    parts = [range(at, min(at + TOGETHER, len(photos))) for at in range(0, len(photos), TOGETHER)]
    originals = _codes(of_photos, parts, threads, reporter.task("photos", total=len(photos), unit="photo"))
    copies = _codes(of_copies, range(count), threads, reporter.task("copies", total=count * len(WAYS), unit="picture"))
    return CopyCodes(np.concatenate(originals), np.stack(copies))


def _codes(make: Callable[[Item], Codes], items: Iterable[Item], threads: int, task: Task) -> list[Codes]:
    made = []
    with task, closing(in_threads(make, items, threads)) as results:
        for codes in results:
            made.append(codes)
            task.advance(len(codes))
    return made


def figures_of(
    codes: CopyCodes,
    bits: int,
    related: Mask,
    false_rate: float = FALSE_RATE,
    fillers: int = 0,
    distance: Distance = hamming,
) -> CopyFigures:
    """All distances; related (n, n): pairs of photos that may show the same, and so count neither way.

    The last `fillers` photos are those that copies show beside their own: against copies, neither they nor what is
    related to them counts. distance: of two codes, Turns.distances for models whose codes tell of turns.
    """
    originals, unrelated = codes.originals, np.zeros(bits + 1, np.int64)
    count = len(originals)
    for i in range(count - 1):
        left_out = related[i : i + 1, i + 1 :]
        unrelated += unrelated_distances(distance, originals[i : i + 1], originals[i + 1 :], left_out, bits)
    shown = np.arange(count) >= count - fillers
    shown |= related[shown].any(axis=0)
    for number, copies in enumerate(codes.copies):
        left_out = shown | related[number] | (np.arange(count) == number)
        everywhere = np.broadcast_to(left_out, (len(copies), count))
        unrelated += unrelated_distances(distance, copies, originals, everywhere, bits)
    return CopyFigures(len(codes.copies), codes.distances(distance), unrelated, calibrate(unrelated, false_rate))


def _copies(photo: Picture, fillers: Photos, rng: np.random.Generator) -> list[Picture]:
    """A photo edited in every way, each by an amount drawn evenly, and once in several ways at once."""

    def filler() -> Picture:
        return fillers.picture(int(rng.integers(len(fillers))))

    return [
        *(applied(edit, photo, rng, float(rng.random()), filler) for edit in EDITS),
        any_edits(photo, rng, filler),
    ]
