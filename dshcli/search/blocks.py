"""Pairs of codes, found block by block so that all pairs never need to be in memory at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.search.words import Positions

BLOCK_PAIRS = 1 << 18  # pairs after which a block is handed on; engines may overshoot by one step of theirs


@dataclass(frozen=True)
class Pairs:
    """A block of pairs: code `left[k]` and code `right[k]`, left < right, differ in `distances[k]` bits."""

    left: Positions  # (pairs,)
    right: Positions  # (pairs,)
    distances: npt.NDArray[np.uint16]  # (pairs,)

    def __len__(self) -> int:
        return len(self.left)

    def where(self, chosen: npt.NDArray[np.bool_] | Positions) -> "Pairs":
        """The chosen pairs alone, by a mask or, in their order, by places."""
        return Pairs(self.left[chosen], self.right[chosen], self.distances[chosen])


def joined(parts: list[Pairs]) -> Pairs:
    """One block of all pairs of `parts`; of none, an empty block."""
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return Pairs(none, none, np.empty(0, dtype=np.uint16))
    if len(parts) == 1:
        return parts[0]
    return Pairs(
        np.concatenate([part.left for part in parts]),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.distances for part in parts]),
    )


def in_blocks(parts: Iterable[Pairs]) -> Iterator[Pairs]:
    """The same pairs in blocks of at least `BLOCK_PAIRS` (the last one may be smaller), none of them empty."""
    waiting: list[Pairs] = []
    pairs = 0
    for part in parts:
        if len(part):
            waiting.append(part)
            pairs += len(part)
        if pairs >= BLOCK_PAIRS:
            yield joined(waiting)
            waiting, pairs = [], 0
    if waiting:
        yield joined(waiting)
