"""Candidates for a proof: pairs of near codes, bounded in number for each code, best codes first.

Among thousands of look-alikes, such as the frames of a video or the pages of a book, all pairs would be far too many to
compare picture by picture. So a code keeps, of the better ones near it, the nearest and the very best: the nearest
since a true copy is rarely farther than a stranger, the best since these become keepers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.search.blocks import Pairs, joined
from dshcli.search.collapse import collapse
from dshcli.search.neighbours import pairs_between
from dshcli.search.pairs import column_pairs
from dshcli.search.runs import runs_of
from dshcli.search.turned import nearest_of_each, turned_pairs
from dshcli.search.words import Positions, check_codes

NEAREST = 16  # candidates of a code that are kept for being near
BEST = 8  # ... and for being the best
_AT_ONCE = 1 << 22  # fresh pairs that may wait before those beyond the bound are dropped

Wanted = Callable[[Positions, Positions], npt.NDArray[np.bool_]]  # of lefts and rights: which pairs may be candidates


@dataclass(frozen=True)
class Candidates:
    """Pairs of near codes, left being the better one, in order of `right`, then `left`; and how many were left out."""

    pairs: Pairs
    left_out: int


def candidate_pairs(codes: Codes, bits: int, radius: int, wanted: Wanted | None = None) -> Candidates:
    """Pairs within the radius among codes (n, bytes) that stand best first; of each code, with the better ones near it,
    the `NEAREST` (the better one first among equally near) and the `BEST`. With `wanted`, of the pairs it takes alone.

    The result does not depend on the engine. Memory is O(n), and so is the number of pairs. Raises ValueError for codes
    that are not `bits` wide or a negative radius.
    """
    check_codes(codes, bits, radius)
    return _collected(_expanded(codes, bits, radius), wanted)


def oriented_candidates(
    orientations: Sequence[Codes], bits: int, radius: int, wanted: Wanted | None = None
) -> Candidates:
    """The same of pictures that are near in any orientation: as they are, or one of them turned; see turned_pairs."""
    turned = ((pairs, len(pairs)) for pairs in turned_pairs(orientations, bits, radius))
    return united(candidate_pairs(orientations[0], bits, radius, wanted), _collected(turned, wanted))


def cross_candidates(codes: Codes, leaders: int, bits: int, radius: int) -> Candidates:
    """The same of those pairs alone whose left code is among the first so many and whose right code is not."""
    return _collected(_crossing(codes[:leaders], codes[leaders:], leaders, bits, radius))


def oriented_cross_candidates(orientations: Sequence[Codes], leaders: int, bits: int, radius: int) -> Candidates:
    """The same of pictures that are near in any orientation; a pair may be there several times."""
    upright = orientations[0][leaders:]
    turned = (_crossing(codes[:leaders], upright, leaders, bits, radius) for codes in orientations)
    return _collected(chain.from_iterable(turned))


def _crossing(left: Codes, right: Codes, leaders: int, bits: int, radius: int) -> Iterator[tuple[Pairs, int]]:
    for pairs in pairs_between(left, right, bits, radius):
        yield Pairs(pairs.left, pairs.right + leaders, pairs.distances), len(pairs)


def united(one: Candidates, other: Candidates) -> Candidates:
    """All candidates of two kinds of codes, the smaller distance counting for a pair that is of both."""
    return Candidates(nearest_of_each(joined([one.pairs, other.pairs])), one.left_out + other.left_out)


def _collected(blocks: Iterable[tuple[Pairs, int]], wanted: Wanted | None = None) -> Candidates:
    """The bounded pairs of blocks of them that tell how many they stand for."""
    waiting: list[Pairs] = []
    kept = fresh = found = 0
    for pairs, count in blocks:
        if wanted is not None:
            pairs = pairs.where(wanted(pairs.left, pairs.right))
            count = len(pairs)
        waiting.append(pairs)
        fresh += len(pairs)
        found += count
        if fresh > max(_AT_ONCE, kept):
            waiting = [_bounded(joined(waiting))]
            kept, fresh = len(waiting[0]), 0
    pairs = _bounded(joined(waiting))
    return Candidates(pairs, found - len(pairs))


def _expanded(codes: Codes, bits: int, radius: int) -> Iterator[tuple[Pairs, int]]:
    """Blocks of pairs of codes from pairs of distinct codes, and how many there would be without any bound.

    Of identical codes only the best few can be among the nearest or the best of another.
    """
    distinct = collapse(codes)
    order = np.argsort(distinct.ids, kind="stable")
    sizes = np.bincount(distinct.ids, minlength=distinct.columns.shape[1])
    blocks = _Blocks(order, np.cumsum(sizes) - sizes, sizes)
    same = np.flatnonzero(sizes > 1)
    yield from _counted(blocks, Pairs(same, same, np.zeros(len(same), np.uint16)))
    for pairs in column_pairs(distinct.columns, bits, radius):
        yield from _counted(blocks, pairs)


@dataclass(frozen=True)
class _Blocks:
    """Identical codes: those of distinct code d are `order[starts[d] : starts[d] + sizes[d]]`, best first."""

    order: Positions
    starts: Positions
    sizes: Positions

    def cross(self, left: Positions, right: Positions, distances: npt.NDArray[np.uint16]) -> Pairs:
        """Of each pair of distinct codes: the best few codes of the left with the worse ones of the right."""
        heads = np.minimum(self.sizes[left], max(NEAREST, BEST))
        counts = heads * self.sizes[right]
        pair = np.repeat(np.arange(len(left)), counts)
        place = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
        width = self.sizes[right][pair]
        better = self.order[self.starts[left][pair] + place // width]
        worse = self.order[self.starts[right][pair] + place % width]
        kept = better < worse
        return Pairs(better[kept], worse[kept], distances[pair[kept]])


def _counted(blocks: _Blocks, pairs: Pairs) -> Iterator[tuple[Pairs, int]]:
    """The pairs of codes of pairs of distinct codes (or of a distinct code with itself), a few million at a time."""
    itself = pairs.left == pairs.right
    sizes = blocks.sizes
    whole = np.where(itself, sizes[pairs.left] * (sizes[pairs.left] - 1) // 2, sizes[pairs.left] * sizes[pairs.right])
    work = np.cumsum((sizes[pairs.left] + sizes[pairs.right]) * max(NEAREST, BEST))
    for part in np.split(np.arange(len(pairs)), np.flatnonzero(np.diff(work // _AT_ONCE)) + 1):
        some, others = pairs.where(part), pairs.where(part[~itself[part]])
        crossed = [blocks.cross(some.left, some.right, some.distances)]
        crossed.append(blocks.cross(others.right, others.left, others.distances))
        yield joined(crossed), int(whole[part].sum())


def _bounded(pairs: Pairs) -> Pairs:
    """Of each right code its nearest and its best left ones, in order of right, then left."""
    near = np.lexsort((pairs.left, pairs.distances, pairs.right))
    best = np.lexsort((pairs.left, pairs.right))
    kept = np.zeros(len(pairs), np.bool_)
    for order, limit in ((near, NEAREST), (best, BEST)):
        kept[order[_place_in_run(pairs.right[order]) < limit]] = True
    return pairs.where(best[kept[best]])


def _place_in_run(values: Positions) -> Positions:
    """0, 1, 2, ... within each run of equal values that stand together."""
    runs = runs_of(values)
    return np.arange(len(values)) - np.repeat(runs.starts, runs.sizes)
