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

from dshcli.search.blocks import Pairs, Positions
from dshcli.search.brute import numpy_pairs
from dshcli.search.runs import LONG_RUN, Runs, pairs_by_offset, runs_of
from dshcli.search.words import Columns, distances_between, word_columns

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

_GOLDEN = (
    0x9E3779B97F4A7C15  # odd, near 2^64 / golden ratio: multiplying by it spreads keys over the high bits
)


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
        rows, runs = _same_key(key_hashes(columns, bands.mask(key)), leaders)
        for found in _compare_runs(columns[:, rows], rows, runs, radius, leaders):
            yield _first_found_by(found, columns, bands, key)


def _same_key(hashes: Words, leaders: int) -> tuple[Positions, Runs]:
    """Positions that share their hash with another one, and their runs; each run is in ascending order."""
    place_bits = max(len(hashes) - 1, 1).bit_length()
    rows = _collided(hashes, leaders, place_bits)
    # One plain sort of hash and position packed into a word is much faster than an argsort. The hash loses its low
    # bits: a few more candidates, which comparing the codes rejects.
    low = np.uint64((1 << place_bits) - 1)
    packed = (hashes[rows] & ~low) | rows.astype(np.uint64)
    packed.sort()
    runs = runs_of(packed & ~low)
    shared = runs.where(runs.sizes > 1)
    positions = (packed[shared.rows()] & low).astype(np.int64)
    ends = np.cumsum(shared.sizes)
    return positions, Runs(ends - shared.sizes, ends)


def _collided(hashes: Words, leaders: int, place_bits: int) -> Positions:
    """Positions that may share their hash with another one (with a leader, if only some are): all that do, and a few
    that do not. A table with one slot for several hashes finds them much faster than sorting all of them would."""
    slot_bits = place_bits + 2
    slots = (hashes >> np.uint64(64 - slot_bits)).astype(np.int64)
    if leaders < len(hashes):
        led = np.zeros(1 << slot_bits, dtype=np.bool_)
        led[slots[:leaders]] = True
        return np.flatnonzero(led[slots])
    places = np.arange(len(hashes), dtype=np.uint32)
    last = np.empty(1 << slot_bits, dtype=np.uint32)
    last[slots] = places
    winners = last[slots]
    beaten = winners != places
    shared = beaten.copy()
    shared[winners[beaten]] = True
    return np.flatnonzero(shared)


def _compare_runs(
    columns: Columns, positions: Positions, runs: Runs, radius: int, leaders: int
) -> Iterator[Pairs]:
    """Pairs of codes of the same run that lie within the radius; `columns` are those of the positions."""
    long = runs.sizes > LONG_RUN
    for start, end in zip(runs.starts[long], runs.ends[long], strict=True):
        led = int(np.searchsorted(positions[start:end], leaders))
        for found in numpy_pairs(columns[:, start:end], radius, led):
            yield Pairs(positions[found.left + start], positions[found.right + start], found.distances)
    short = runs.where(~long)
    rows = short.rows()
    led_rows = positions[rows] < leaders
    for left, right in pairs_by_offset(rows[led_rows], short.end_of_rows()[led_rows]):
        distances = distances_between(columns[:, left], columns[:, right])
        near = distances <= radius
        yield Pairs(positions[left[near]], positions[right[near]], distances[near].astype(np.uint16))


def _first_found_by(found: Pairs, columns: Columns, bands: Bands, key: tuple[int, ...]) -> Pairs:
    """The pairs of which `key` is the first key that finds them: they agree in its bands, and in none before its last
    band that is not its own."""
    differing = columns[:, found.left] ^ columns[:, found.right]
    first = np.ones(len(found), dtype=np.bool_)
    for band in range(key[-1] + 1):
        differs = np.zeros(len(found), dtype=np.bool_)
        for word, mask in zip(differing, bands.masks[band], strict=True):
            if mask:
                differs |= (word & mask) != 0
        first &= ~differs if band in key else differs
    return Pairs(found.left[first], found.right[first], found.distances[first])
