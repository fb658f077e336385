"""Hash centres: one code per class, as far apart as codes of that length can be.

Three sources, of which the farthest apart is taken: mixtures of known constructions, which no codes can beat for up to
about twice as many classes as bits; bundled linear codes, found by a long search; and a short search for linear codes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dshcli.codes import MAX_BITS, MIN_BITS
from dshcli.errors import UsageError
from dshcli.hasher.code_bounds import distance_bound
from dshcli.hasher.code_constructions import Block, Words, best_mixture
from dshcli.hasher.linear_codes import MAX_RANK, LinearCode, linear_code, search_linear_code

Signs = npt.NDArray[np.int8]

CONSTRUCTED, BUNDLED, SEARCHED = "known constructions", "bundled linear code", "search for linear codes"
TABLE = Path(__file__).with_name("linear_codes.json")
DRAWS = 8  # random choices of words of which the most even is taken
CLIMBED = 256  # words of which the choice is made more even word by word
MEASURED = 4096  # classes of which all pairs are compared, since a choice of words may be farther apart than all are


@dataclass(frozen=True)
class Centres:
    """signs (classes, bits) of +-1; distance: the least between two classes; bound: what no codes are known to exceed.

    source tells where the codes come from.
    """

    signs: Signs
    distance: int
    bound: int
    source: str

    @property
    def proven(self) -> bool:
        """Whether no codes of that length can be farther apart."""
        return self.distance == self.bound


def hash_centres(classes: int, bits: int, seed: int = 0) -> Centres:
    """Centres for so many classes, the same on every machine for the same seed; other seeds give other codes.

    Among equals, those that split the classes evenly in each bit. Takes a second where it must search, and some seconds
    from 100,000 classes on. Raises UsageError for other than 4 to 512 bits, for more classes than codes of that length,
    and for more than 2^20.
    """
    _check(classes, bits)
    bound = distance_bound(classes, bits)
    if classes < 2:
        return Centres(np.ones((classes, bits), np.int8), bits, bits, "one class")
    rng = np.random.default_rng(seed)
    distance, source, draw = _best_source(classes, bits, bound, rng)
    words = draw()
    if classes <= MEASURED:
        distance = least_distance(words)
    # Neighbouring classes should not be neighbouring words, nor 0 mean the smaller half in every bit.
    words = words[rng.permutation(classes)][:, rng.permutation(bits)] ^ rng.integers(2, size=bits, dtype=np.uint8)
    return Centres((2 * words.astype(np.int8) - 1).astype(np.int8), distance, bound, source)


def _check(classes: int, bits: int) -> None:
    if not MIN_BITS <= bits <= MAX_BITS:
        raise UsageError(f"a code has {MIN_BITS} to {MAX_BITS} bits, not {bits}")
    if classes > 2**bits:
        raise UsageError(
            f"{bits} bits make {2**bits} codes, too few for {classes} classes",
            hint=f"Use at least {(classes - 1).bit_length()} bits; twice as many separate the classes better.",
        )
    if classes > 2**MAX_RANK:
        raise UsageError(
            f"{classes} classes are too many for centres, which can be made for {2**MAX_RANK}",
            hint="Train without centres.",
        )


def least_distance(words: npt.NDArray[np.integer]) -> int:
    """The least Hamming distance between two of the words (n, bits) of 0 and 1."""
    signs = 2 * words.astype(np.float32) - 1
    products = signs @ signs.T
    np.fill_diagonal(products, -np.inf)
    return int((words.shape[1] - products.max()) / 2)


def _best_source(classes: int, bits: int, bound: int, rng: np.random.Generator) -> tuple[int, str, Callable[[], Words]]:
    """The least distance that can be had, where from, and what draws the words."""
    distance, blocks = best_mixture(classes, bits)
    if distance == bound:
        return distance, CONSTRUCTED, lambda: _mix(blocks, classes, bits, rng)
    rank = (classes - 1).bit_length()
    source, code = BUNDLED, _maybe_bundled(rank, bits)
    if code is None:
        source, code = SEARCHED, search_linear_code(rank, bits, bound, rng)
    if distance >= code.distance:
        return distance, CONSTRUCTED, lambda: _mix(blocks, classes, bits, rng)
    return code.distance, source, lambda: _linear_words(code, classes, rng)


def _maybe_bundled(rank: int, bits: int) -> LinearCode | None:
    columns = bundled_columns().get((rank, bits))
    return None if columns is None else linear_code(rank, np.array(columns))


@cache
def bundled_columns() -> dict[tuple[int, int], tuple[int, ...]]:
    """The generator columns of the bundled codes by (rank, bits)."""
    entries = json.loads(TABLE.read_text(encoding="utf-8"))["codes"]
    return {
        (entry["rank"], entry["bits"]): tuple(int(column, 16) for column in entry["columns"].split())
        for entry in entries
    }


def _mix(blocks: list[Block], classes: int, bits: int, rng: np.random.Generator) -> Words:
    """So many words of the blocks side by side, cut to length, or filled up with even splits of the classes."""
    parts = [_balanced(block.make(), classes, rng) for block in blocks]
    while (missing := bits - sum(part.shape[1] for part in parts)) > 0:
        parts.append(rng.permuted(np.arange(classes)[:, None] % 2 * np.ones(missing, int), axis=0).astype(np.uint8))
    words = np.hstack(parts)
    return words[:, np.argsort(_unevenness(words), kind="stable")[:bits]]


def _linear_words(code: LinearCode, classes: int, rng: np.random.Generator) -> Words:
    """So many words of the code. As more than half of them are taken, no choice has a larger distance than all."""
    return _balanced(code.words(np.arange(2**code.rank)), classes, rng)


def _balanced(words: Words, count: int, rng: np.random.Generator) -> Words:
    """So many of the words, so that each bit is 1 in about half of them: the most even of some choices."""
    choices = (rng.permutation(len(words))[:count] for _ in range(DRAWS if len(words) <= CLIMBED else 1))
    parts = (words[_evened(words, choice) if len(words) <= CLIMBED else choice] for choice in choices)
    return min(parts, key=lambda part: tuple(np.sort(_unevenness(part))[::-1]))


def _unevenness(words: Words) -> npt.NDArray[np.int64]:
    """Of each bit, by how many words it is more often 1 than 0 or the reverse."""
    return np.asarray(np.abs(2 * words.sum(axis=0, dtype=np.int64) - len(words)))


def _evened(words: Words, choice: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Exchanges one chosen word for another as long as the sum of squares of the unevenness falls."""
    signs = 2 * words.astype(np.float32) - 1
    products = signs @ signs.T
    inside = np.isin(np.arange(len(words)), choice)
    while not inside.all():
        # With word j for word i, the unevenness s becomes s - w_i + w_j: |s|^2 grows by 2s(w_j - w_i) + |w_j - w_i|^2.
        pulls = signs @ signs[inside].sum(axis=0)
        out, into = np.flatnonzero(inside), np.flatnonzero(~inside)
        changes = pulls[into] - pulls[out, None] + words.shape[1] - products[np.ix_(out, into)]
        i, j = np.unravel_index(changes.argmin(), changes.shape)
        if changes[i, j] >= 0:
            break
        inside[out[i]], inside[into[j]] = False, True
    return np.flatnonzero(inside)
