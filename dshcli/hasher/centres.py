"""Hash centres: one code per class, as far apart as codes of that length can be.

A set of codes is a choice of columns, one per bit, each of which splits the classes in two. The distance of two classes
is the number of columns that separate them, so that the best centres are the k columns, out of a pool, whose least
separated pair is separated most. Two pools are climbed:

    splits   even splits of the classes (Plotkin: these separate the most pairs), all of them where they are few
    linear   the words of a linear code: then only the 2^m - 1 weights count instead of all pairs

All arithmetic is on integers and the generator is fixed, so that a seed gives the same centres on every machine.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from dshcli.errors import UsageError

Signs = npt.NDArray[np.int8]
Counts = npt.NDArray[np.int64]
Columns = npt.NDArray[np.uint8]

SPLIT_CLASSES = 64  # beyond that, there are too many pairs for the climb over splits
CELLS = 1 << 24  # of one such matrix
POOL = 1024  # columns that are tried, where not all can be
WORK = 1 << 30  # matrix cells that one search may look at, a few seconds at most
PARTS = 32  # random choices among the words of a linear code that has more than are needed
SWEEPS = 400  # ... and how often it may go through all columns


@dataclass(frozen=True)
class Centres:
    """signs (classes, bits) of +-1; distance: the least between two classes; bound: what no codes can exceed."""

    signs: Signs
    distance: int
    bound: int


def hash_centres(classes: int, bits: int, seed: int = 0) -> Centres:
    """Centres for so many classes. Raises UsageError if there are more classes than codes of that length."""
    if classes > 2**bits:
        raise UsageError(
            f"{bits} bits make {2**bits} codes, too few for {classes} classes",
            hint=f"Use at least {(classes - 1).bit_length()} bits; twice as many separate the classes better.",
        )
    bound = distance_bound(classes, bits)
    if classes < 2:
        return Centres(np.ones((classes, bits), np.int8), bits, bits)
    rng = np.random.default_rng(seed)
    found = _linear_words(classes, bits, rng, bound)
    if least_distance(found) < bound and classes <= SPLIT_CLASSES:
        rival = _split_words(classes, bits, rng, bound)
        found = max(found, rival, key=least_distance)
    order = rng.permutation(classes)  # so that neighbouring classes are not neighbouring words
    signs = (2 * found[order].astype(np.int8) - 1).astype(np.int8)
    return Centres(signs, least_distance(found), bound)


def least_distance(words: Columns) -> int:
    """The least Hamming distance between two of the words (n, bits) of 0 and 1."""
    signs = 2.0 * words.astype(np.float32) - 1
    products = signs @ signs.T
    np.fill_diagonal(products, -np.inf)
    return int(round((words.shape[1] - float(products.max())) / 2))


def distance_bound(classes: int, bits: int) -> int:
    """An upper bound on the least distance of so many codes: the best of Plotkin's, Hamming's and Singleton's.

    A code with an odd distance d gains a parity bit and distance d + 1, so that both must be possible.
    """
    if classes < 2:
        return bits
    return next(d for d in range(bits, -1, -1) if d == 0 or _may_exist(classes, bits, d))


def _may_exist(classes: int, bits: int, distance: int) -> bool:
    odd = distance % 2 == 1
    with_parity = (bits + 1, distance + 1) if odd else (bits, distance)
    without = (bits, distance) if odd else (bits - 1, distance - 1)
    ball = sum(comb(without[0], i) for i in range((without[1] - 1) // 2 + 1))
    if classes * ball > 2 ** without[0] or classes > 2 ** (bits - distance + 1):
        return False
    if classes > 2 and bits > distance and not _may_exist((classes + 1) // 2, bits - 1, distance):
        return False  # half of the words agree in any bit, and are as far apart without it
    # Each column separates at most floor(c/2) * ceil(c/2) of the pairs, in the whole set and in every part of it.
    return all(
        with_parity[1] * (c * (c - 1) // 2) <= with_parity[0] * (c // 2) * (c - c // 2)
        for c in range(2, min(classes, 4 * bits) + 1)
    )


def _linear_words(classes: int, bits: int, rng: np.random.Generator, bound: int) -> Columns:
    """The first words of a linear code whose generator's columns have been climbed."""
    rank = (classes - 1).bit_length()
    numbers = np.arange(1, 2**rank)
    tried = max(min(POOL, CELLS // len(numbers)), bits)
    pool = numbers if len(numbers) <= tried else rng.choice(numbers, tried, replace=False)
    pool = np.unique(np.concatenate([pool, 2 ** np.arange(rank)]))
    separated = (np.bitwise_count(numbers[:, None] & pool[None]) & 1).astype(np.int64)
    # Unit columns first, or the code might not tell all messages apart. The affine columns, those with the top bit set,
    # make the Reed-Muller code, than which nothing is better where it fits.
    units = np.searchsorted(pool, 2 ** np.arange(rank))
    affine = np.flatnonzero(pool >> (rank - 1))
    starts = (
        np.concatenate([units, rng.integers(len(pool), size=bits)])[:bits],
        affine[np.arange(bits) % len(affine)],
    )
    climbed = [pool[_climb(separated, start, rng, bound)] for start in starts]
    columns = max(climbed, key=lambda chosen: least_distance(_words(np.arange(2**rank), chosen)))
    return _best_part(_words(np.arange(2**rank), columns), classes, rng)


def _words(messages: Counts, columns: Counts) -> Columns:
    """The words (messages, bits) of a linear code: each bit is the parity of the message and a generator column."""
    words: Columns = (np.bitwise_count(messages[:, None] & columns[None]) & 1).astype(np.uint8)
    return words


def _best_part(words: Columns, count: int, rng: np.random.Generator) -> Columns:
    """So many of the words: of some random choices the one that is farthest apart, then the best balanced."""
    choices = [rng.permutation(len(words))[:count] for _ in range(PARTS if count < len(words) else 1)]
    imbalance = [int(np.abs(2 * words[choice].sum(axis=0, dtype=np.int64) - count).max()) for choice in choices]
    best = max(range(len(choices)), key=lambda i: (least_distance(words[choices[i]]), -imbalance[i]))
    return words[choices[best]]


def _split_words(classes: int, bits: int, rng: np.random.Generator, bound: int) -> Columns:
    """Words whose columns split the classes evenly."""
    pool = _splits(classes, rng)
    first, second = np.triu_indices(classes, k=1)
    separated = (pool[first] != pool[second]).astype(np.int64)
    return np.ascontiguousarray(pool[:, _climb(separated, rng.integers(pool.shape[1], size=bits), rng, bound)])


def _splits(classes: int, rng: np.random.Generator) -> Columns:
    """Columns (classes, pool) of as many ones as zeros, give or take one; a column and its complement are one."""
    half = classes // 2
    if comb(classes - 1, half) <= POOL:
        chosen = list(combinations(range(classes - 1), half))
        pool = np.zeros((classes, len(chosen)), np.uint8)
        for column, ones in enumerate(chosen):
            pool[list(ones), column] = 1
        return pool
    order = rng.random((classes, POOL)).argsort(axis=0)
    return (order < half).astype(np.uint8)


def _climb(separated: Counts, start: Counts, rng: np.random.Generator, bound: int) -> Counts:
    """Exchanges columns one by one, to raise the least row sum of separated[:, chosen]; stirs where it is stuck.

    separated (rows, pool) is 0 or 1. The cost of a row falls fourfold with each column that separates it, so that the
    rows that are behind count most.
    """
    rows, _ = separated.shape
    chosen, best = start.copy(), start.copy()
    best_key = _key(separated[:, best].sum(axis=1))
    sums = separated[:, chosen].sum(axis=1)
    for _ in range(min(max(WORK // separated.size // len(chosen), 2), SWEEPS)):
        improved = False
        for place in rng.permutation(len(chosen)):
            others = sums - separated[:, chosen[place]]
            costs = _costs(others, bound)
            # With column c the rows that it separates cost a quarter: the best column saves most.
            saved = costs @ separated
            column = int(saved.argmax())
            if saved[column] > saved[chosen[place]]:
                chosen[place], improved = column, True
                sums = others + separated[:, column]
        key = _key(sums)
        if key > best_key:
            best, best_key = chosen.copy(), key
            if key[0] >= bound:
                break
        if not improved:
            stirred = rng.choice(len(chosen), size=min(max(2, len(chosen) // 6), len(chosen)), replace=False)
            chosen = best.copy()
            chosen[stirred] = rng.integers(separated.shape[1], size=len(stirred))
            sums = separated[:, chosen].sum(axis=1)
    return best


def _key(sums: Counts) -> tuple[int, int]:
    least = int(sums.min())
    return least, -int((sums == least).sum())


def _costs(sums: Counts, bound: int) -> Counts:
    return np.asarray(4 ** np.clip(sums.min() + 8 - sums, 0, 8), dtype=np.int64)
