"""Pairs by brute force: every code against every later one, in tiles that stay in the cache.

Three engines with the same answer. numpy needs no import and serves small inputs and the large buckets of a join;
faiss compares faster but costs an import, so it serves large inputs; the sieve has faiss compare half of the words,
which is quicker still where few pairs pass (see planner).
"""

from collections.abc import Callable, Iterator

import numpy as np

from dshcli.search.blocks import Pairs
from dshcli.search.words import Columns, distances_at, distances_between, word_rows

NUMPY_TILE = (32, 4096)  # rows, columns: a word of its pairs takes 1 MB, which stays in a second-level cache
FAISS_TILE = (512, 8192)  # the larger the fewer calls; if every pair is a hit, faiss returns 50 MB a tile

Compare = Callable[[slice, slice], Pairs]


def numpy_pairs(columns: Columns, radius: int, leaders: int) -> Iterator[Pairs]:
    """Pairs (i, j) with i < j, i < leaders and distance <= radius, among columns (words, n); one block a tile."""

    def compare(rows: slice, others: slice) -> Pairs:
        distances = distances_between(columns[:, rows, None], columns[:, None, others])
        near = np.flatnonzero(distances <= radius)
        left, right = np.divmod(near, distances.shape[1])
        return Pairs(left + rows.start, right + others.start, distances.ravel()[near].astype(np.uint16))

    return _tiles(columns.shape[1], leaders, NUMPY_TILE, compare)


def faiss_pairs(columns: Columns, radius: int, leaders: int) -> Iterator[Pairs]:
    """The same pairs as `numpy_pairs`, found by faiss."""
    import faiss

    rows_of_bytes = word_rows(columns, words=faiss_words(len(columns)))

    def compare(rows: slice, others: slice) -> Pairs:
        index = faiss.IndexBinaryFlat(8 * rows_of_bytes.shape[1])
        index.add(rows_of_bytes[others])
        # range_search keeps distances strictly below its radius.
        limits, distances, right = index.range_search(rows_of_bytes[rows], radius + 1)
        limits = limits.astype(np.int64)
        left = np.repeat(np.arange(rows.start, rows.stop), limits[1:] - limits[:-1])
        return Pairs(left, right + others.start, distances.astype(np.uint16))

    return _tiles(columns.shape[1], leaders, FAISS_TILE, compare)


def sieved_pairs(columns: Columns, radius: int, leaders: int) -> Iterator[Pairs]:
    """The same pairs, found by faiss among those whose first words alone do not differ too much; needs two words."""
    sieve = sieve_words(len(columns))
    for passed in faiss_pairs(columns[:sieve], radius, leaders):
        distances = passed.distances + distances_at(columns[sieve:], passed.left, passed.right)
        near = np.flatnonzero(distances <= radius)
        yield Pairs(passed.left[near], passed.right[near], distances[near])


def sieve_words(words: int) -> int:
    """The words that the sieve compares: half of those that faiss would."""
    return faiss_words(words) // 2


def faiss_words(words: int) -> int:
    """The words to which faiss gets its codes padded: a power of two, since for other widths it is three times slower
    than for the next such width."""
    return 1 << (words - 1).bit_length()


def _tiles(count: int, leaders: int, tile: tuple[int, int], compare: Compare) -> Iterator[Pairs]:
    height, width = tile
    for top in range(0, leaders, height):
        rows = slice(top, min(top + height, leaders))
        for start in range(top, count, width):
            others = slice(start, min(start + width, count))
            found = compare(rows, others)
            yield _above_diagonal(found) if start < rows.stop else found


def _above_diagonal(pairs: Pairs) -> Pairs:
    return pairs.where(pairs.left < pairs.right)
