"""Which engine finds the pairs of these codes soonest: a cost model over a sample of the codes themselves.

    join    a key at a time: all codes are hashed, those that share their key sorted, and pairs of the same key compared
    brute   all pairs are compared; those within the radius are handed on, which costs faiss more than numpy
    sieve   half the words of all pairs are compared, and the other half of those that pass

Codes of real images are far from uniform, so the pairs of the same key are counted in a sample instead of being derived
from the length of the key. The choice never changes the result, only the time.
"""

import sys
from dataclasses import dataclass
from math import comb, log2
from typing import Literal

import numpy as np

from dshcli.search.brute import faiss_words, sieve_words
from dshcli.search.join import Bands, key_hashes, make_bands
from dshcli.search.runs import LONG_RUN, runs_of
from dshcli.search.words import Columns, Positions, columns_at, distances_at

Engine = Literal["join", "numpy", "faiss", "sieve"]

# Seconds of one core of a machine with AVX-512. What matters is how they compare.
_KEY = 80e-6  # of one key, whatever the number of codes
_CODE, _CODE_WORD = 8e-9, 2.5e-9  # of hashing a code and looking it up in a table that stays near
_NEAR_CODES = 1 << 15  # codes whose table does; with each doubling a quarter of _CODE is added, as caches are outgrown
_RUNS, _BAND = 60e-6, 12e-6  # of comparing the codes of short runs, however few; and of asking which key found a pair
_SHARING = 40e-9  # of sorting a code that shares its key
_CANDIDATE, _CANDIDATE_WORD = 5e-9, 2.5e-9  # of comparing two codes of a short run
_LONG = 450e-9  # of a code of a long run, besides its pairs: numpy works on small tiles there
_NUMPY_PAIR, _NUMPY_WORD = 0.05e-9, 0.75e-9  # of comparing two codes in a tile
_FAISS_PAIR, _FAISS_WORD = 0.25e-9, 0.155e-9
_NUMPY_HIT, _FAISS_HIT = 14e-9, 18e-9  # of a pair found in a tile
_FAISS_IMPORT = 0.25

_SOON = 1e-3  # planning a join takes about as long
_LEAST_SAMPLE, _MOST_SAMPLE = 1 << 11, 1 << 13  # codes
_SAMPLE_PAIRS = 1 << 12
_SAMPLE_KEYS = 3  # keys of a choice of bands that are tried on the sample
_FEW = 4  # codes of the sample with the same key that are too few to tell that there are many of them
_MAX_KEYS = 20_000


@dataclass(frozen=True)
class Plan:
    """The engine that should be soonest, with its bands if it is the join, and the seconds it should take."""

    engine: Engine
    bands: int
    seconds: float


def plan_pairs(columns: Columns, bits: int, radius: int, leaders: int) -> Plan:
    """The plan for the pairs (i, j), i < j, i < leaders, within the radius among columns (words, n)."""
    at_best = _brute(columns, leaders, near_share=0, passing_share=0)
    if at_best.seconds < _SOON:
        return plan_brute(columns, radius, leaders) if leaders else at_best
    join = plan_join(columns, bits, radius, leaders, at_best.seconds)
    if join is not None:
        return join
    brute = plan_brute(columns, radius, leaders)
    return plan_join(columns, bits, radius, leaders, brute.seconds) or brute


def plan_brute(columns: Columns, radius: int, leaders: int) -> Plan:
    """The soonest of the brute forces."""
    generator = np.random.default_rng(0)  # seeded: the same codes have the same plan
    left = generator.integers(0, leaders, _SAMPLE_PAIRS)
    right = generator.integers(0, columns.shape[1], _SAMPLE_PAIRS)
    near = distances_at(columns, left, right) <= radius
    passing = distances_at(columns[: max(sieve_words(len(columns)), 1)], left, right) <= radius
    return _brute(columns, leaders, float(near.mean()), float(passing.mean()))


def _brute(columns: Columns, leaders: int, near_share: float, passing_share: float) -> Plan:
    words, count = columns.shape
    pairs: float = leaders * (count - leaders) + leaders * leaders / 2
    import_seconds = 0.0 if "faiss" in sys.modules else _FAISS_IMPORT

    def seconds_by_faiss(words: int, hits: float) -> float:
        each = _FAISS_PAIR + faiss_words(words) * _FAISS_WORD + hits * _FAISS_HIT
        return import_seconds + pairs * each

    plans = [
        Plan("numpy", 0, pairs * (_NUMPY_PAIR + words * _NUMPY_WORD + near_share * _NUMPY_HIT)),
        Plan("faiss", 0, seconds_by_faiss(words, near_share)),
    ]
    if words > 1:
        sieve = sieve_words(words)
        compare = _CANDIDATE + (words - sieve) * _CANDIDATE_WORD
        plans.append(Plan("sieve", 0, seconds_by_faiss(sieve, passing_share) + pairs * passing_share * compare))
    return min(plans, key=lambda plan: plan.seconds)


def plan_join(columns: Columns, bits: int, radius: int, leaders: int, within: float) -> Plan | None:
    """The soonest join that takes less than `within` seconds, if there is one.

    More bands make longer keys, so fewer pairs share one, but there are more keys: the search ends where the keys
    alone take too long.
    """
    words, count = columns.shape
    sample = _Sample(columns, leaders)
    best: Plan | None = None
    for bands in range(radius + 1, bits + 1):
        keys = comb(bands, radius)
        bare = _KEY + count * (_code_seconds(count) + words * _CODE_WORD)
        if keys > _MAX_KEYS or keys * bare >= within:
            break
        seconds = keys * (bare + sample.seconds_to_compare(make_bands(bits, bands), radius))
        if seconds < within:
            best, within = Plan("join", bands, seconds), seconds
    return best


def _code_seconds(count: int) -> float:
    """Of each of so many codes, its words aside."""
    return _CODE * (1 + log2(max(count / _NEAR_CODES, 1)) / 4)


class _Sample:
    """A sample of the leaders and one of the other codes, in which those that share a key are counted."""

    def __init__(self, columns: Columns, leaders: int) -> None:
        generator = np.random.default_rng(0)
        count = columns.shape[1]
        led = _some(generator, 0, leaders)
        others = _some(generator, leaders, count)
        self._led, self._others = columns_at(columns, led), columns_at(columns, others)
        self._per_led = leaders / max(len(led), 1)
        self._per_other = (count - leaders) / max(len(others), 1)

    def seconds_to_compare(self, bands: Bands, radius: int) -> float:
        """The time that the codes sharing a key take beyond that of codes that do not; the mean over a few keys."""
        keys = _spread(len(bands.masks), radius)
        return sum(self._seconds(bands, key) for key in keys) / len(keys)

    def _seconds(self, bands: Bands, key: tuple[int, ...]) -> float:
        mask = bands.mask(key)
        led, others = (np.sort(key_hashes(codes, mask)) for codes in (self._led, self._others))
        runs = runs_of(led)
        values = led[runs.starts]
        other_mates = np.searchsorted(others, values, "right") - np.searchsorted(others, values, "left")
        led_codes, other_codes = runs.sizes * self._per_led, other_mates * self._per_other
        pairs = (runs.sizes - 1) * self._per_led * led_codes / 2 + led_codes * other_codes
        long = (led_codes + other_codes > LONG_RUN) & (runs.sizes + other_mates > _FEW)
        shared = ~long & (pairs > 0)
        words = len(mask)
        short_seconds = pairs[shared] * (_CANDIDATE + words * _CANDIDATE_WORD)
        short_seconds += np.minimum(2 * pairs, led_codes + other_codes)[shared] * _SHARING
        long_seconds = pairs[long] * (_NUMPY_PAIR + words * _NUMPY_WORD)
        long_seconds += (led_codes + other_codes)[long] * (_SHARING + _LONG)
        few_seconds = _RUNS + len(bands.masks) * _BAND if shared.any() else 0.0
        return float(short_seconds.sum() + long_seconds.sum()) + few_seconds


def _some(generator: np.random.Generator, start: int, stop: int) -> Positions:
    """Some positions from start to stop: all of a few, a sixteenth of many, and never more than the limit."""
    wanted = max(_LEAST_SAMPLE, min((stop - start) // 16, _MOST_SAMPLE))
    if stop - start <= wanted:
        return np.arange(start, stop)
    stride = (stop - start) // wanted
    return np.arange(start, start + stride * wanted, stride) + generator.integers(0, stride, wanted)


def _spread(bands: int, radius: int) -> list[tuple[int, ...]]:
    """A few keys, rotations of one another, so that every band has its turn."""
    rotations = range(0, bands, max(bands // _SAMPLE_KEYS, 1))
    return [tuple(sorted((first + place) % bands for place in range(bands - radius))) for first in rotations]
