"""How long do groups take, against a join in SQL and against comparing all pairs?

python -m tests.benchmarks.search.groups [--count N] [--bits K] [--radius R] [--share S] [--ours-only]

Clustered codes (see measuring), CPU seconds on one thread. Ours: collapse and all pairs; then star groups and single
linkage, each from the codes to the groups. DuckDB: the same pairs by the same idea in SQL, a join on bands, by the
better of two splits. faiss: IndexBinaryFlat over all pairs of distinct codes, taken from a part of the queries. Bars at
1M, radius 2: pairs at most as long as DuckDB and 1/50 of faiss; star groups at most twice as long as single linkage.
"""

import argparse
from collections.abc import Callable
from itertools import combinations

import numpy as np

from dshcli.codes import Codes
from dshcli.search.collapse import collapse
from dshcli.search.groups import Grouping, single_groups, star_groups
from dshcli.search.pairs import column_pairs
from dshcli.search.words import word_rows
from tests.benchmarks.measuring import SPARSE, benchmark_codes, cpu_seconds, machine, peak_bytes

PART = 2000  # queries from which faiss's time is extrapolated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--bits", type=int, default=64)
    parser.add_argument("--radius", type=int, default=2)
    parser.add_argument("--share", type=float, default=SPARSE, help="of the codes that lie around centres")
    parser.add_argument("--ours-only", action="store_true", help="without DuckDB (64 bits only) and faiss")
    options = parser.parse_args()
    bits, radius, rounds = options.bits, options.radius, 1 if options.count > 2_000_000 else 2
    print(machine("numpy", *([] if options.ours_only else ["faiss-cpu", "duckdb"])))
    codes = benchmark_codes(options.count, bits, options.share)
    collapsing = cpu_seconds(lambda: collapse(codes), 1)
    print(f"{len(codes):,} codes of {bits} bits, {options.share:.0%} clustered, radius {radius}")
    print(f"ours: {_text(collapsing)} collapse")
    ranks = np.random.default_rng(1).permutation(len(codes))
    found = 0

    def pairs() -> None:
        nonlocal found
        found = sum(len(block) for block in column_pairs(collapse(codes).columns, bits, radius))

    ours = cpu_seconds(pairs, rounds)
    print(f"      {_text(ours)} {found:,} pairs of distinct codes")
    star = _groups("star", lambda: star_groups(codes, bits, radius, ranks), rounds)
    single = _groups("single", lambda: single_groups(codes, bits, radius, ranks), rounds)
    print(f"      star takes {star / single:.2f} times as long as single linkage, bar 2: {_met(star <= 2 * single)}")
    print(f"      at most {peak_bytes() / 1e9:.2f} GB of memory, codes included", flush=True)
    if not options.ours_only:
        sql = min(_duckdb(codes, bands, radius, found) for bands in (radius + 1, radius + 2))
        print(f"ours / DuckDB: {ours / sql:.2f}, bar 1.0: {_met(ours <= sql)}", flush=True)
        flat = _faiss(codes, radius)
        print(f"faiss / ours: {flat / ours:.0f}, bar 50: {_met(flat >= 50 * ours)}")


def _groups(name: str, group: Callable[[], Grouping], rounds: int) -> float:
    groups: list[Grouping] = []
    seconds = cpu_seconds(lambda: groups.append(group()), rounds)
    print(f"      {_text(seconds)} {name}: {len(groups[0]):,} groups of {len(groups[0].members):,} codes", flush=True)
    return seconds


def _duckdb(codes: Codes, bands: int, radius: int, expected: int) -> float:
    """The pairs of distinct codes by a banded join in SQL, on one thread."""
    import duckdb

    numbers = np.ascontiguousarray(codes).view(np.uint64).ravel()
    edges = [round(64 * band / bands) for band in range(bands + 1)]
    columns = ", ".join(
        f"(code >> {low}) & {2 ** (high - low) - 1}::UBIGINT AS b{band}"
        for band, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True))
    )
    joins = " UNION ".join(
        f"SELECT l.code AS one, r.code AS other FROM banded l JOIN banded r ON {_same(key)} "
        f"WHERE l.code < r.code AND bit_count(xor(l.code, r.code))::INT <= {radius}"
        for key in combinations(range(bands), bands - radius)
    )
    found = 0

    def run() -> None:
        nonlocal found
        with duckdb.connect(config={"threads": 1}) as db:
            db.register("given", {"code": numbers})
            db.execute(f"CREATE TABLE banded AS SELECT code, {columns} FROM (SELECT DISTINCT code FROM given)")
            ((found,),) = db.execute(f"SELECT count(*) FROM ({joins})").fetchall()

    seconds = cpu_seconds(run, 2)
    assert found == expected, (found, expected)
    print(f"DuckDB: {_text(seconds)} {found:,} pairs by {bands} bands", flush=True)
    return seconds


def _same(key: tuple[int, ...]) -> str:
    return " AND ".join(f"l.b{band} = r.b{band}" for band in key)


def _faiss(codes: Codes, radius: int) -> float:
    """All pairs of distinct codes, from a part of them: each is compared with half of the others on average."""
    import faiss

    faiss.omp_set_num_threads(1)
    distinct = word_rows(collapse(codes).columns)
    index = faiss.IndexBinaryFlat(8 * distinct.shape[1])
    index.add(distinct)
    part = cpu_seconds(lambda: index.range_search(distinct[:PART], radius + 1), 1)
    whole = part * len(distinct) / PART / 2
    print(f"faiss: {_text(whole)} all pairs, extrapolated from {part:.2f} s for {PART:,} of {len(distinct):,} codes")
    return whole


def _text(seconds: float) -> str:
    return f"{seconds:.2f} s"


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
