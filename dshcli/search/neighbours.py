"""The codes near a query: a scan for one query; for many, whichever of scan, join and faiss is soonest."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.search.blocks import Pairs, joined
from dshcli.search.pairs import run_plan
from dshcli.search.planner import plan_pairs
from dshcli.search.words import Distances, Positions, check_codes, check_radius, word_columns

SCAN_BYTES = 1 << 19  # of codes compared at a time: they and what is made of them stay in a second-level cache
FEW_QUERIES = 4  # to scan for so few costs less than the copy of the codes that other engines take
HITS_AT_ONCE = 1 << 22  # hits that are held together, 18 bytes each, and as much again to sort them
_NARROW = {
    1: np.uint8,
    2: np.uint16,
    4: np.uint32,
}  # code bytes that are a word of their own, no padding needed


@dataclass(frozen=True)
class Hits:
    """The codes found for one query, by distance, then position."""

    positions: Positions  # (hits,)
    distances: npt.NDArray[np.uint16]  # (hits,)

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class ManyHits:
    """The codes found for each of many queries: those of query q are `starts[q]` to `starts[q + 1]`."""

    starts: Positions  # (queries + 1,)
    positions: Positions  # (hits,)
    distances: npt.NDArray[np.uint16]  # (hits,)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, query: int) -> Hits:
        place = range(len(self))[query]
        found = slice(self.starts[place], self.starts[place + 1])
        return Hits(self.positions[found], self.distances[found])


def neighbours_within(query: Codes, codes: Codes, radius: int) -> Hits:
    """The codes (n, bytes) that differ from the query (bytes,) in at most `radius` bits.

    One scan over the codes, never importing faiss: at 64 bits faiss scans about 1.4 times as fast, so its import
    would pay from some hundred million codes. Raises ValueError if the query is not as wide as the codes or the radius
    is negative.
    """
    check_radius(radius)
    positions, distances = [], []
    for start, block in _scan(query, codes):
        near = np.flatnonzero(block <= radius)
        if len(near):
            positions.append(near + start)
            distances.append(block[near].astype(np.uint16))
    if not positions:
        return Hits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint16))
    return _by_distance(np.concatenate(positions), np.concatenate(distances))


def nearest(query: Codes, codes: Codes, count: int) -> Hits:
    """The `count` codes (all, if there are fewer) nearest to the query; of equally near ones the first positions.

    Takes a byte or two of memory for every code. Raises ValueError as `neighbours_within` does.
    """
    if count < 0:
        raise ValueError(f"a number of neighbours cannot be negative: {count}")
    distances = np.concatenate([block for _, block in _scan(query, codes)] or [np.empty(0, dtype=np.uint16)])
    if count < len(distances):
        border = int(np.searchsorted(np.cumsum(np.bincount(distances)), count))
        nearer = np.flatnonzero(distances < border)
        at_border = np.flatnonzero(distances == border)[: count - len(nearer)]
        positions = np.concatenate([nearer, at_border])
    else:
        positions = np.arange(len(distances))
    return _by_distance(positions, distances[positions].astype(np.uint16))


def first_of_all(several: Sequence[Hits], trusted: int) -> Hits:
    """Hits of one query from several searches: each code once, with the distance that the first of them told if that
    is within `trusted`, else with the least one of all."""
    positions = np.concatenate([hits.positions for hits in several])
    distances = np.concatenate([hits.distances for hits in several])
    second = (np.arange(len(positions)) >= len(several[0])) | (distances > trusted)
    order = np.lexsort((distances, second, positions))
    first = order[np.unique(positions[order], return_index=True)[1]]
    return _by_distance(positions[first], distances[first])


def neighbours_of_many(queries: Codes, codes: Codes, bits: int, radius: int) -> ManyHits:
    """The neighbours of each of the queries (q, bytes) among codes (n, bytes), each as `neighbours_within` finds them.

    Exact, whichever engine the cost model chooses. Takes a copy of the codes, unless the queries are few, and all
    hits are in memory at once. Raises ValueError for codes that are not `bits` wide or a negative radius.
    """
    return _joined_hits(pairs_with_queries(queries, codes, bits, radius), len(queries))


def neighbours_of_each(queries: Codes, codes: Codes, bits: int, radius: int) -> Iterator[Hits]:
    """The same in turn, query by query, with hardly more than `HITS_AT_ONCE` hits in memory, or those of one query.

    Where the queries have more, as those of blank images among blank images do, they are answered in smaller parts.
    """
    parts = [queries]
    while parts:
        part = parts.pop()
        found = pairs_with_queries(part, codes, bits, radius)
        some = list(_until(found, HITS_AT_ONCE if len(part) > 1 else None))
        if next(found, None) is None:
            hits = _joined_hits(some, len(part))
            yield from (hits[place] for place in range(len(part)))
        else:
            half = len(part) // 2
            parts += [part[half:], part[:half]]


def _until(blocks: Iterator[Pairs], limit: int | None) -> Iterator[Pairs]:
    """Blocks until so many pairs are reached; the rest stays in the iterator."""
    pairs = 0
    while limit is None or pairs < limit:
        block = next(blocks, None)
        if block is None:
            return
        pairs += len(block)
        yield block


def pairs_with_queries(queries: Codes, codes: Codes, bits: int, radius: int) -> Iterator[Pairs]:
    """Pairs (query, code) of queries (q, bytes) and codes (n, bytes) within the radius, in blocks; by whichever engine
    is soonest. Raises ValueError as `neighbours_of_many` does."""
    check_codes(queries, bits, radius)
    check_codes(codes, bits, radius)
    count = len(queries)
    if count == 0 or len(codes) == 0:
        return iter(())
    radius = min(radius, bits)
    if count <= FEW_QUERIES:
        return _scans(queries, codes, radius)
    columns = np.concatenate([word_columns(queries), word_columns(codes)], axis=1)
    plan = plan_pairs(columns, bits, radius, leaders=count)
    if plan.engine == "numpy":
        return _scans(queries, codes, radius)
    return (_with_codes(block, count) for block in run_plan(plan, columns, bits, radius, leaders=count))


def pairs_between(left: Codes, right: Codes, bits: int, radius: int) -> Iterator[Pairs]:
    """Pairs of a left and a right code within the radius, in blocks; the smaller side searches the larger one.

    Raises ValueError as `pairs_with_queries` does.
    """
    if len(left) <= len(right):
        yield from pairs_with_queries(left, right, bits, radius)
        return
    for pairs in pairs_with_queries(right, left, bits, radius):
        yield Pairs(pairs.right, pairs.left, pairs.distances)


def _scan(query: Codes, codes: Codes) -> Iterator[tuple[int, Distances]]:
    """Where each block of codes starts, and the distances of its codes to the query."""
    width = codes.shape[1]
    if query.shape != (width,) or query.dtype != np.uint8 or codes.dtype != np.uint8:
        raise ValueError(f"the query {query.shape} {query.dtype} does not go with codes {codes.shape} {codes.dtype}")
    words = _words(query[None])[0]
    step = SCAN_BYTES // width
    for start in range(0, len(codes), step):
        block = _words(codes[start : start + step])
        total = np.bitwise_count(block[:, 0] ^ words[0])
        if width > 31:  # 256 set bits or more would wrap
            total = total.astype(np.uint16)
        for place in range(1, len(words)):
            total += np.bitwise_count(block[:, place] ^ words[place])
        yield start, total


def _words(codes: Codes) -> npt.NDArray[np.unsignedinteger]:
    """Codes (n, bytes) as unsigned words (n, words), without a copy where no padding is needed."""
    count, width = codes.shape
    codes = np.ascontiguousarray(codes)
    if width in _NARROW:
        return codes.view(_NARROW[width])
    if width % 8 == 0:
        return codes.view(np.uint64)
    padded = np.zeros((count, -(-width // 8) * 8), dtype=np.uint8)
    padded[:, :width] = codes
    return padded.view(np.uint64)


def _by_distance(positions: Positions, distances: npt.NDArray[np.uint16]) -> Hits:
    order = np.lexsort((positions, distances))
    return Hits(positions[order], distances[order])


def _scans(queries: Codes, codes: Codes, radius: int) -> Iterator[Pairs]:
    for place, query in enumerate(queries):
        hits = neighbours_within(query, codes, radius)
        yield Pairs(np.full(len(hits), place), hits.positions, hits.distances)


def _with_codes(pairs: Pairs, queries: int) -> Pairs:
    """Of the pairs among queries and codes those of a query and a code, the codes numbered from 0."""
    with_code = pairs.right >= queries
    return Pairs(pairs.left[with_code], pairs.right[with_code] - queries, pairs.distances[with_code])


def _joined_hits(parts: Iterable[Pairs], queries: int) -> ManyHits:
    found = joined(list(parts))
    order = np.lexsort((found.right, found.distances, found.left))
    starts = np.concatenate([[0], np.cumsum(np.bincount(found.left, minlength=queries))])
    return ManyHits(starts, found.right[order], found.distances[order])
