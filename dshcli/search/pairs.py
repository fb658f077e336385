"""All pairs of codes within a radius, by whichever engine is soonest: exact always, one block at a time."""

from collections.abc import Iterator

from dshcli.codes import Codes
from dshcli.search.blocks import Pairs, in_blocks
from dshcli.search.brute import faiss_pairs, numpy_pairs, sieved_pairs
from dshcli.search.join import join_pairs, make_bands
from dshcli.search.planner import Plan, plan_pairs
from dshcli.search.words import Columns, check_codes, word_columns


def pairs_within(codes: Codes, bits: int, radius: int) -> Iterator[Pairs]:
    """Every pair (i, j), i < j, of codes (n, bytes) that differ in at most `radius` bits, once, in blocks.

    Memory is O(n), whatever the number of pairs. Collapse identical codes first (see collapse): each of the pairs
    among them would be a pair here. The order of the pairs depends on the engine. Raises ValueError for codes that are
    not `bits` wide or a negative radius.
    """
    check_codes(codes, bits, radius)
    return column_pairs(word_columns(codes), bits, radius)


def column_pairs(columns: Columns, bits: int, radius: int, leaders: int | None = None) -> Iterator[Pairs]:
    """The same of columns (words, n). With `leaders`, only the pairs whose left code is among the first so many."""
    leaders = columns.shape[1] if leaders is None else leaders
    radius = min(radius, bits)
    return run_plan(plan_pairs(columns, bits, radius, leaders), columns, bits, radius, leaders)


def run_plan(plan: Plan, columns: Columns, bits: int, radius: int, leaders: int) -> Iterator[Pairs]:
    """The pairs by the engine of the plan."""
    if plan.engine == "join":
        return in_blocks(join_pairs(columns, make_bands(bits, plan.bands), radius, leaders))
    engine = {"numpy": numpy_pairs, "faiss": faiss_pairs, "sieve": sieved_pairs}[plan.engine]
    return in_blocks(engine(columns, radius, leaders))
