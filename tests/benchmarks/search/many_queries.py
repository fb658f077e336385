"""Which engine answers a thousand queries soonest, and is it the one that is chosen?

python -m tests.benchmarks.search.many_queries [--count N] [--queries N]

CPU milliseconds on one thread for all queries of a batch, as `dsh query --list` asks them: our search, whose choice is
shown; faiss's IndexBinaryFlat; and faiss's IndexBinaryMultiHash (bands of 16 bits, which must be probed within
radius // 4 bits each), apart from making the index, which a command would have to do on each start. All find the same.
"""

import argparse
from typing import Any

import faiss
import numpy as np

from dshcli.codes import Codes
from dshcli.search.neighbours import neighbours_of_many
from dshcli.search.planner import plan_pairs
from dshcli.search.words import word_columns
from tests.benchmarks.measuring import benchmark_codes, cpu_seconds, machine

HASH_BITS = 16
PROBLEMS = (  # bits, radius, whether queries are indexed codes, whether MultiHash is worth a try
    (64, 2, False, True), (64, 2, True, True), (64, 4, False, True), (64, 4, True, True), (64, 10, False, True),
    (128, 8, True, False), (384, 91, True, False),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1000)
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    print(machine("numpy", "faiss-cpu"))
    print(f"{options.queries:,} queries among {options.count:,} codes, CPU ms")
    print("bits radius queries      hits     ours (engine)     Flat MultiHash (+ making it)  ours / better of both")
    for bits, radius, indexed, hashed in PROBLEMS:
        codes = benchmark_codes(options.count, bits)
        rng = np.random.default_rng(1)
        uniform = rng.integers(0, 256, (options.queries, bits // 8), dtype=np.uint8)
        queries = codes[rng.permutation(len(codes))[: options.queries]] if indexed else uniform
        print(
            f"{bits:4} {radius:6} {'indexed' if indexed else 'uniform'} {_row(queries, codes, radius, hashed)}",
            flush=True,
        )


def _row(queries: Codes, codes: Codes, radius: int, hashed: bool) -> str:
    bits, count = 8 * codes.shape[1], len(queries)
    found = neighbours_of_many(queries, codes, bits, radius)
    ours = cpu_seconds(lambda: neighbours_of_many(queries, codes, bits, radius), 2)
    columns = np.concatenate([word_columns(queries), word_columns(codes)], axis=1)
    engine = plan_pairs(columns, bits, radius, count).engine
    flat = faiss.IndexBinaryFlat(bits)
    flat.add(codes)
    times = [cpu_seconds(lambda: flat.range_search(queries, radius + 1), 1)]
    _check(flat, queries, radius, len(found.positions))
    text = f"{times[0] * 1e3:8.0f}"
    if hashed:
        index = faiss.IndexBinaryMultiHash(bits, bits // HASH_BITS, HASH_BITS)
        making = cpu_seconds(lambda: index.add(codes), 1)
        index.nflip = radius // (bits // HASH_BITS)
        times.append(cpu_seconds(lambda: index.range_search(queries, radius + 1), 1))
        _check(index, queries, radius, len(found.positions))
        text += f" {times[1] * 1e3:9.0f} {f'(+ {making * 1e3:.0f})':>13}"
        times[1] += making
    else:
        text += f" {'-':>9} {'':>13}"
    return f"{len(found.positions):9,} {ours * 1e3:8.0f} {f'({engine})':8} {text} {ours / min(times):12.2f}"


def _check(index: Any, queries: Codes, radius: int, hits: int) -> None:
    limits, _, _ = index.range_search(queries, radius + 1)
    assert int(limits[-1]) == hits, (int(limits[-1]), hits)


if __name__ == "__main__":
    main()
