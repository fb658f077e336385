"""Which engine finds the pairs of these codes soonest: a cost model over a sample of the codes themselves.

    join    keys * (codes * _KEY + candidates * _CANDIDATE)    candidates: pairs of codes with the same key
    brute   pairs * (_PAIR + words * _PAIR_WORD)                faiss adds its import, unless that is paid already

Codes of real images are far from uniform, so the candidates are counted in a sample instead of being derived from the
length of the key. The choice never changes the result, only the time.
"""

import sys
from dataclasses import dataclass
from math import comb
from typing import Literal

import numpy as np

from dshcli.search.blocks import Positions
from dshcli.search.join import Bands, Words, key_hashes, make_bands
from dshcli.search.words import Columns

Engine = Literal["join", "numpy", "faiss"]

# Seconds, measured on one core of a machine with AVX-512; what matters is how they compare.
_KEY = 40e-9  # a code under one key: hash, table, sort
_KEY_WORD = 2e-9  # and for every word of the code
_CANDIDATE = 8e-9  # comparing two codes of a run
_CANDIDATE_WORD = 3e-9
_NUMPY_PAIR, _NUMPY_WORD = 0.2e-9, 0.5e-9  # comparing two codes in a tile
_FAISS_PAIR, _FAISS_WORD = 0.4e-9, 0.11e-9
_FAISS_IMPORT = 0.25
_STEP = 100e-6  # numpy's overhead for one key

_SOON = 2e-3  # planning a join takes about as long
_SAMPLE = 1 << 14
_SAMPLE_KEYS = 3  # keys of a choice of bands of which the candidates are counted
_MAX_KEYS = 20_000


@dataclass(frozen=True)
class Plan:
    """The engine that should be soonest, with its bands if it is the join, and the seconds it should take."""

    engine: Engine
    bands: int
    seconds: float


def plan_pairs(columns: Columns, bits: int, radius: int, leaders: int) -> Plan:
    """The plan for the pairs (i, j), i < j, i < leaders, within the radius among columns (words, n)."""
    brute = plan_brute(columns, leaders)
    if brute.seconds < _SOON:
        return brute
    join = plan_join(columns, bits, radius, leaders, brute.seconds)
    return brute if join is None else join


def plan_brute(columns: Columns, leaders: int) -> Plan:
    """The sooner of the two brute forces."""
    words, count = columns.shape
    pairs = leaders * (count - leaders) + leaders * leaders / 2
    in_numpy = pairs * (_NUMPY_PAIR + words * _NUMPY_WORD)
    in_faiss = pairs * (_FAISS_PAIR + words * _FAISS_WORD)
    if "faiss" not in sys.modules:
        in_faiss += _FAISS_IMPORT
    return Plan("numpy", 0, in_numpy) if in_numpy <= in_faiss else Plan("faiss", 0, in_faiss)


def plan_join(columns: Columns, bits: int, radius: int, leaders: int, within: float) -> Plan | None:
    """The soonest join that takes less than `within` seconds, if there is one.

    More bands make longer keys, so fewer candidates, but there are more keys: the search ends where the keys alone
    take too long.
    """
    words, count = columns.shape
    sample = _Sample(columns, leaders)
    best: Plan | None = None
    for bands in range(radius + 1, bits + 1):
        keys = comb(bands, radius)
        at_least = keys * (_STEP + count * (_KEY + words * _KEY_WORD))
        if keys > _MAX_KEYS or at_least >= within:
            break
        candidates = keys * sample.candidates(make_bands(bits, bands), radius)
        seconds = at_least + candidates * (_CANDIDATE + words * _CANDIDATE_WORD)
        if seconds < within:
            best, within = Plan("join", bands, seconds), seconds
    return best


class _Sample:
    """A sample of the codes, in which pairs of equal keys are counted."""

    def __init__(self, columns: Columns, leaders: int) -> None:
        generator = np.random.default_rng(0)
        count = columns.shape[1]
        led = _some(generator, 0, leaders)
        rest = _some(generator, leaders, count)
        self._led, self._rest = columns[:, led], columns[:, rest]
        self._led_scale = leaders / max(len(led), 1)
        self._rest_scale = (count - leaders) / max(len(rest), 1)

    def candidates(self, bands: Bands, radius: int) -> float:
        """The pairs of codes, at least one of them a leader, that share a key; the mean over a few keys."""
        keys = list(_spread(bands, radius))
        return sum(self._sharing(bands, key) for key in keys) / len(keys)

    def _sharing(self, bands: Bands, key: tuple[int, ...]) -> float:
        mask = bands.mask(key)
        led, rest = np.sort(key_hashes(self._led, mask)), np.sort(key_hashes(self._rest, mask))
        among = (_equal_pairs(led, led) - len(led)) / 2 * self._led_scale**2
        return float(among + _equal_pairs(led, rest) * self._led_scale * self._rest_scale)


def _some(generator: np.random.Generator, start: int, stop: int) -> Positions:
    if stop - start <= _SAMPLE:
        return np.arange(start, stop)
    return start + generator.choice(stop - start, _SAMPLE, replace=False, shuffle=False)


def _spread(bands: Bands, radius: int) -> list[tuple[int, ...]]:
    """A few keys, rotations of one another, so that every band has its turn."""
    count = len(bands.masks)
    size = count - radius
    step = max(count // _SAMPLE_KEYS, 1)
    return [
        tuple(sorted((start + place) % count for place in range(size))) for start in range(0, count, step)
    ]


def _equal_pairs(left: Words, right: Words) -> int:
    """Pairs of equal values of two sorted arrays."""
    return int((np.searchsorted(right, left, "right") - np.searchsorted(right, left, "left")).sum())
