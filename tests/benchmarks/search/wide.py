"""What would all pairs of a million wide codes cost, at the radius of the built-in model?

python -m tests.benchmarks.search.wide [--count N] [--leaders N]

Codes of 384 bits at the radius of `photo`, and of 128 bits at the same share of them: no join pays there, so all pairs
are compared. CPU seconds on one thread of the first so many codes with all, by faiss and by the planned engine, and
what that comes to for all pairs; the clusters of real photos pass the sieve more often than these codes do.
"""

import argparse
from collections.abc import Callable, Iterator

import faiss

from dshcli.hasher.models import find_model
from dshcli.search.blocks import Pairs
from dshcli.search.brute import faiss_pairs, sieved_pairs
from dshcli.search.collapse import collapse
from dshcli.search.planner import plan_pairs
from dshcli.search.words import Columns
from tests.benchmarks.measuring import benchmark_codes, cpu_seconds, machine

Engine = Callable[[Columns, int, int], Iterator[Pairs]]
ENGINES: dict[str, Engine] = {"faiss": faiss_pairs, "sieve": sieved_pairs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--leaders", type=int, default=4096)
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    print(machine("numpy", "faiss-cpu"))
    photo = find_model("photo").config
    for bits, radius in ((128, photo.radius * 128 // photo.bits), (photo.bits, photo.radius)):
        columns = collapse(benchmark_codes(options.count, bits)).columns
        distinct = columns.shape[1]
        plan = plan_pairs(columns, bits, radius, distinct)
        print(
            f"{bits} bits, radius {radius}, {distinct:,} distinct codes; planned: {plan.engine}, {plan.seconds:.0f} s"
        )
        for name in sorted({"faiss", plan.engine}):
            part, pairs = _part(ENGINES[name], columns, radius, options.leaders)
            whole = part * (distinct / 2) / (options.leaders * (1 - options.leaders / distinct / 2))
            print(f"  {name}: {part:.1f} s for {options.leaders:,} of them ({pairs:,} pairs), {whole:.0f} s for all")


def _part(engine: Engine, columns: Columns, radius: int, leaders: int) -> tuple[float, int]:
    found = [0]

    def run() -> None:
        found[0] = sum(map(len, engine(columns, radius, leaders)))

    return cpu_seconds(run, 1), found[0]


if __name__ == "__main__":
    main()
