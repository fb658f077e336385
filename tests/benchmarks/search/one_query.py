"""Is one query's scan in numpy, which needs no import, at most twice as long as faiss's?

python -m tests.benchmarks.search.one_query [--count N]

CPU milliseconds of finding all codes within a radius of one code, the mean of 20 queries, on one thread: our scan, and
range_search of faiss's IndexBinaryFlat, its index made before and its import not counted. Bar at 64 bits: 2 times.
"""

import argparse
from typing import Any

import faiss

from dshcli.codes import Codes
from dshcli.search.neighbours import neighbours_within
from tests.benchmarks.measuring import benchmark_codes, cpu_seconds, machine

RADII = {64: 2, 128: 8, 256: 31, 384: 91}  # by bits
QUERIES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    print(machine("numpy", "faiss-cpu"))
    print(f"{options.count:,} codes\nbits radius    scan   faiss   ratio")
    for bits, radius in RADII.items():
        codes = benchmark_codes(options.count, bits)
        scan, flat = _times(codes, codes[:: len(codes) // QUERIES][:QUERIES], radius)
        bar = f"  bar 2: {'met' if scan <= 2 * flat else 'MISSED'}" if bits == 64 else ""
        print(f"{bits:4} {radius:6} {1e3 * scan:7.2f} {1e3 * flat:7.2f} {scan / flat:7.2f}{bar}", flush=True)


def _times(codes: Codes, queries: Codes, radius: int) -> tuple[float, float]:
    """Seconds a query, by our scan and by faiss."""
    index = faiss.IndexBinaryFlat(8 * codes.shape[1])
    index.add(codes)
    _check(queries[0], codes, radius, index)
    scan = cpu_seconds(lambda: [neighbours_within(query, codes, radius) for query in queries], 5)
    flat = cpu_seconds(lambda: [index.range_search(query[None], radius + 1) for query in queries], 5)
    return scan / len(queries), flat / len(queries)


def _check(query: Codes, codes: Codes, radius: int, index: Any) -> None:
    _, _, found = index.range_search(query[None], radius + 1)
    assert sorted(found.tolist()) == sorted(neighbours_within(query, codes, radius).positions.tolist())


if __name__ == "__main__":
    main()
