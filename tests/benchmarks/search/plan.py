"""Is the planner ever much slower than the better of join and brute force?

python -m tests.benchmarks.search.plan [--count N] [--bits 64 128 256] [--bar 1.2]

For each width, share of clustered codes and radius: CPU milliseconds of finding all pairs by the plan (planning
included), by the best of several joins (the planned number of bands and its neighbours), and by the brute forces of
numpy, faiss and the sieve; and the plan over the best of them, a millisecond of planning allowed. An engine expected to
take over 2.5 times as long as another one is not run ("-"). faiss is imported before, so its import is not counted, and
all engines run on one thread.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import comb

import faiss

from dshcli.search.blocks import Pairs
from dshcli.search.brute import faiss_pairs, numpy_pairs, sieved_pairs
from dshcli.search.collapse import collapse
from dshcli.search.join import join_pairs, make_bands
from dshcli.search.pairs import column_pairs
from dshcli.search.planner import plan_brute, plan_join
from dshcli.search.words import Columns
from tests.benchmarks.measuring import DENSE, SPARSE, benchmark_codes, cpu_seconds, machine

RADII = {
    64: (0, 1, 2, 3, 4, 5, 6, 8, 10, 16, 24),
    128: (1, 2, 4, 6, 8, 12, 16, 24, 48),
    256: (1, 2, 4, 8, 16, 31, 96),
}
PLANNING = 1e-3  # seconds allowed beside the bar
HOPELESS = 2.5  # times the expected time of another engine


@dataclass(frozen=True)
class Problem:
    """All pairs of these codes within the radius."""

    columns: Columns
    bits: int
    radius: int

    def time(self, engine: Callable[[], Iterator[Pairs]]) -> float:
        """CPU seconds to run through all pairs."""
        return cpu_seconds(lambda: [None for _ in engine()])

    def planned(self) -> float:
        """By the plan."""
        return self.time(lambda: column_pairs(self.columns, self.bits, self.radius))

    def engines(self) -> dict[str, float]:
        """By each engine that is worth a try; the joins are named by their bands."""
        columns, radius, count = self.columns, self.radius, self.columns.shape[1]
        brute = plan_brute(columns, radius, count)
        join = plan_join(columns, self.bits, radius, count, within=HOPELESS * brute.seconds)
        times = {}
        if join is None or brute.seconds < HOPELESS * join.seconds:
            times["numpy"] = self.time(lambda: numpy_pairs(columns, radius, count))
            times["faiss"] = self.time(lambda: faiss_pairs(columns, radius, count))
            if len(columns) > 1:
                times["sieve"] = self.time(lambda: sieved_pairs(columns, radius, count))
        if join is not None:
            for bands in range(max(join.bands - 1, radius + 1), min(join.bands + 2, self.bits) + 1):
                if comb(bands, radius) <= 3 * comb(join.bands, radius):
                    times[str(bands)] = self.time(
                        partial(join_pairs, columns, make_bands(self.bits, bands), radius, count)
                    )
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--bits", type=int, nargs="+", default=sorted(RADII))
    parser.add_argument("--bar", type=float, default=1.2)
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    print(machine("numpy", "faiss-cpu"))
    print(f"{options.count} codes")
    print("bits clustered radius     plan     join (bands)    numpy    faiss    sieve  plan / best")
    ratios = []
    for bits in options.bits:
        for share in (SPARSE, DENSE):
            columns = collapse(benchmark_codes(options.count, bits, share)).columns
            for radius in RADII[bits]:
                problem = Problem(columns, bits, radius)
                planned, times = problem.planned(), problem.engines()
                ratios.append((planned - PLANNING) / min(times.values()))
                print(f"{bits:4} {share:9.0%} {radius:6} {_row(planned, times)} {ratios[-1]:12.2f}", flush=True)
    print(f"worst {max(ratios):.2f}, bar {options.bar}: {'met' if max(ratios) <= options.bar else 'MISSED'}")


def _row(planned: float, times: dict[str, float]) -> str:
    joins = {name: seconds for name, seconds in times.items() if name.isdigit()}
    best = min(joins, key=joins.__getitem__, default="")
    join = f"{1e3 * joins[best]:8.1f} ({best:>2})" if joins else f"{'-':>8}     "
    brute = " ".join(
        f"{1e3 * times[name]:8.1f}" if name in times else f"{'-':>8}" for name in ("numpy", "faiss", "sieve")
    )
    return f"{1e3 * planned:8.1f} {join} {brute}"


if __name__ == "__main__":
    main()
