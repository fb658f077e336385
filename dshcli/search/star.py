"""The star rule among distinct codes: the best code that is not taken becomes a keeper and takes all near it.

That is the lexicographically first maximal independent set of the graph of near pairs, each other code going to its
first keeper. Where the pairs are few, one pass finds them all. Where they are too many to hold, as in a dense cluster
of a million codes, the best codes choose their keepers among themselves first; the keepers then take what is near
them, which empties the dense places, and only the rest goes on. Keepers are further apart than the radius, so few of
them crowd around any one code.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dshcli.search.blocks import Pairs
from dshcli.search.pairs import column_pairs
from dshcli.search.runs import runs_of
from dshcli.search.words import Columns, Positions, columns_at

EDGE_LIMIT = 1 << 24  # pairs held at a time, 8 bytes each; or 8 times the number of codes, if that is more
LEAST_REACH = 4096  # codes whose pairs are within the limit even if all of them are near
_TURN = 1 << 20  # edges turned into Python numbers at a time


def star_keepers(columns: Columns, bits: int, radius: int) -> Positions:
    """For each of the distinct codes (words, n), best first, the code that keeps it; a keeper keeps itself.

    Memory O(n), with `EDGE_LIMIT` pairs at most held beside.
    """
    count = columns.shape[1]
    limit = _limit(count)
    keepers = np.arange(count)
    remaining = np.arange(count)
    reach = count
    while len(remaining):
        head, rest = remaining[:reach], remaining[reach:]
        # So few codes are never too many, or the search for a reach would not end.
        bound = limit if len(head) > LEAST_REACH else len(head) ** 2
        edges = _edges(column_pairs(columns_at(columns, head), bits, radius), bound)
        if edges is None:
            reach = max(min(reach, len(remaining)) // 4, LEAST_REACH)
            continue
        own = _first_keepers(edges, len(head))
        keepers[head] = head[own]
        remaining = _take(columns, bits, radius, head[own == np.arange(len(head))], rest, keepers)
        reach *= 4
    return keepers


def _limit(count: int) -> int:
    return max(EDGE_LIMIT, 8 * count)


def _edges(pairs: Iterable[Pairs], limit: int) -> npt.NDArray[np.uint64] | None:
    """The pairs, left code in the high half of a word and right code in the low half, sorted; None if too many."""
    parts, count = [], 0
    for block in pairs:
        parts.append((block.left.astype(np.uint64) << np.uint64(32)) | block.right.astype(np.uint64))
        count += len(block)
        if count > limit:
            return None
    edges = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)
    edges.sort()
    return edges


def _first_keepers(edges: npt.NDArray[np.uint64], count: int) -> Positions:
    """For each of `count` codes its keeper under the star rule, given all pairs of near codes in order."""
    left = (edges >> np.uint64(32)).astype(np.int64)
    right = (edges & np.uint64(2**32 - 1)).astype(np.int64)
    runs = runs_of(left)
    taken = bytearray(count)
    # A code's fate hangs on all before it, hence a loop; it visits an edge only if its left code is a keeper.
    for turn in np.split(np.arange(len(runs.starts)), np.searchsorted(runs.starts, np.arange(0, len(left), _TURN))):
        if len(turn):
            others = right[runs.starts[turn[0]] : runs.ends[turn[-1]]].tolist()
            _walk(left[runs.starts[turn]].tolist(), runs.sizes[turn].tolist(), others, taken)
    free = np.frombuffer(taken, dtype=np.uint8) == 0
    keepers = np.arange(count)
    led = np.flatnonzero(free[left])[::-1]
    keepers[right[led]] = left[led]  # the last write wins, and it is the first keeper's
    return keepers


def _walk(codes: list[int], sizes: list[int], others: list[int], taken: bytearray) -> None:
    """Each of the codes that is not taken yet takes the next `size` of the others; else it passes them over."""
    start = 0
    for code, size in zip(codes, sizes, strict=True):
        if not taken[code]:
            for other in others[start : start + size]:
                taken[other] = 1
        start += size


def _take(
    columns: Columns, bits: int, radius: int, chosen: Positions, rest: Positions, keepers: Positions
) -> Positions:
    """Gives each code of `rest` near a chosen keeper to the first such keeper; the codes that are still free."""
    if not len(rest):
        return rest
    places = np.concatenate([chosen, rest])
    nobody = len(places)
    first = np.full(len(places), nobody)
    for block in column_pairs(columns_at(columns, places), bits, radius, leaders=len(chosen)):
        np.minimum.at(first, block.right, block.left)
    first = first[len(chosen) :]
    taken = first < nobody
    keepers[rest[taken]] = chosen[first[taken]]
    return rest[~taken]
