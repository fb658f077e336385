"""Pairs by a banded self-join (multi-index hashing): for small radii, far fewer comparisons than brute force.

Split the bits into m bands. Codes at distance <= r differ in at most r bands, so they agree in at least k = m - r.
For every choice of k bands as a key: group the codes by key and compare only codes of the same group. That is exact.
(Norouzi, Punjani & Fleet, "Fast search in Hamming space with multi-index hashing", CVPR 2012, with k > 1.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from dshcli.search.blocks import Pairs, in_blocks
from dshcli.search.brute import numpy_pairs
from dshcli.search.runs import LONG_RUN, Runs, pairs_by_offset, runs_of
from dshcli.search.words import Columns, Positions, columns_at, distances_at, word_columns

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

_SPARE_BITS = 2  # a table has 4 to 8 slots for a hash
_GOLDEN = 0x9E3779B97F4A7C15  # odd, near 2^64 / golden ratio: multiplying by it spreads keys over the high bits


@dataclass(frozen=True)
class Bands:
    """The bits of a code split into bands of equal size, give or take one bit."""

    masks: Words  # (bands, words): the bits of each band

    def keys(self, radius: int) -> Iterator[tuple[int, ...]]:
        """Every choice of bands that serves as a key, in lexicographic order."""
        return combinations(range(len(self.masks)), len(self.masks) - radius)

    def mask(self, key: tuple[int, ...]) -> Words:
        """The bits (words,) of all bands of a key."""
        joined: Words = np.bitwise_or.reduce(self.masks[list(key)], axis=0)
        return joined


def make_bands(bits: int, count: int) -> Bands:
    """`count` bands of a code of `bits` bits; bit b lies in band b mod count, so that a stretch of bits that are
    constant or alike is shared by all bands. Needs 1 <= count <= bits."""
    member = np.arange(bits) % count == np.arange(count)[:, None]
    return Bands(np.ascontiguousarray(word_columns(np.packbits(member, axis=1)).T))


def key_hashes(columns: Columns, mask: Words) -> Words:
    """A hash (n,) of the masked bits of each code, good in its high bits; equal keys have equal hashes."""
    total = np.zeros(columns.shape[1], dtype=np.uint64)
    for place, word in enumerate(mask):
        if word:
            # A power of it is odd too; another one for each word, so that differences in two words do not cancel out.
            factor = np.uint64(pow(_GOLDEN, place + 1, 2**64))
            total += (columns[place] & word) * factor
    return total


def join_pairs(columns: Columns, bands: Bands, radius: int, leaders: int) -> Iterator[Pairs]:
    """Pairs (i, j) with i < j, i < leaders and distance <= radius, each once; needs more bands than the radius.

    Memory is O(n) beside the codes, except that a block may hold as many pairs as one step finds: O(n) too.
    """
    for key in bands.keys(radius):
        positions, runs = _same_key(key_hashes(columns, bands.mask(key)), leaders)
        codes = columns_at(columns, positions)
        led = positions < leaders
        for found in in_blocks(_compare_runs(codes, runs, radius, led)):
            first = _found_first(columns_at(codes, found.left) ^ columns_at(codes, found.right), bands, key)
            yield Pairs(positions[found.left[first]], positions[found.right[first]], found.distances[first])


def _same_key(hashes: Words, leaders: int) -> tuple[Positions, Runs]:
    """Positions that share their hash with another one, run by run, and the runs; each run is in ascending order."""
    place_bits = max(len(hashes) - 1, 1).bit_length()
    rows = _sharing(hashes, place_bits) if leaders == len(hashes) else _sharing_with(hashes, leaders, place_bits)
    # One plain sort of hash and position packed into a word is much faster than an argsort. The hash loses its low
    # bits: a few more candidates, which comparing the codes rejects.
    low = np.uint64((1 << place_bits) - 1)
    packed = (hashes[rows] & ~low) | rows.astype(np.uint64)
    packed.sort()
    return (packed & low).astype(np.int64), runs_of(packed & ~low)


def _sharing(hashes: Words, place_bits: int) -> Positions:
    """The positions that share their hash with another one, by a table that is much faster than sorting all of them.

    Each position writes itself into the slot of its hash, and the last one wins. The others of the slot either have
    the winner's hash, or they are left for another round without it.
    """
    shared = np.zeros(len(hashes), dtype=np.bool_)
    last = np.empty(1 << (place_bits + _SPARE_BITS), dtype=np.uint32)
    slots = _slots(hashes, place_bits)
    places = np.arange(len(hashes), dtype=np.uint32)
    while len(places):
        last[slots] = places
        winners = last[slots]
        beaten = np.flatnonzero(winners != places)
        places, winners, slots = places[beaten], winners[beaten], slots[beaten]
        same = hashes[places] == hashes[winners]
        shared[places[same]] = True
        shared[winners[same]] = True
        places, slots = places[~same], slots[~same]
    return np.flatnonzero(shared)


def _sharing_with(hashes: Words, leaders: int, place_bits: int) -> Positions:
    """The leaders, and the positions that share their hash with a leader, or nearly so."""
    slots = _slots(hashes, place_bits)
    led = np.zeros(1 << (place_bits + _SPARE_BITS), dtype=np.bool_)
    led[slots[:leaders]] = True
    return np.flatnonzero(led[slots])


def _slots(hashes: Words, place_bits: int) -> Positions:
    return (hashes >> np.uint64(64 - place_bits - _SPARE_BITS)).view(np.int64)


def _compare_runs(codes: Columns, runs: Runs, radius: int, led: Mask) -> Iterator[Pairs]:
    """Pairs of codes of the same run that lie within the radius, and whose left code is led; such codes come first
    in their run."""
    long = runs.sizes > LONG_RUN
    for start, end in zip(runs.starts[long], runs.ends[long], strict=True):
        for found in numpy_pairs(codes[:, start:end], radius, int(led[start:end].sum())):
            yield Pairs(found.left + start, found.right + start, found.distances)
    short = runs.where(~long & (runs.sizes > 1))
    rows, ends = short.rows(), short.end_of_rows()
    some = np.flatnonzero(led[rows])
    for left, right in pairs_by_offset(rows[some], ends[some]):
        distances = distances_at(codes, left, right)
        near = np.flatnonzero(distances <= radius)
        yield Pairs(left[near], right[near], distances[near].astype(np.uint16))


def _found_first(differing: Columns, bands: Bands, key: tuple[int, ...]) -> Positions:
    """Which pairs, given the bits (words, pairs) in which they differ, no earlier key finds: they agree in the bands
    of this key, and in no other one before the last of these."""
    first = np.flatnonzero(~_any(differing, bands.mask(key)))
    for band in sorted(set(range(key[-1])).difference(key)):
        # Most pairs drop out at the first bands, so the others need not look at them.
        first = first[_any(columns_at(differing, first), bands.masks[band])]
    return first


def _any(bits: Columns, mask: Words) -> Mask:
    """Whether any masked bit is set, of bits (words, n)."""
    found: Mask = (bits[0] & mask[0]) != 0
    for word, masked in zip(bits[1:], mask[1:], strict=True):
        if masked:
            found |= (word & masked) != 0
    return found
