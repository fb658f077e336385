"""Makes linear_codes.json, the codes that a short search does not find: python -m dshcli.hasher.make_linear_codes

It goes over the table's ranks and lengths, leaves out those for which a construction is as good, searches long for each
of the others, and keeps the better of what it finds and what the table holds. The seed of a run gives the same codes
again; another one adds to what is there. About 15 minutes on one core.
"""

import argparse
import json
from itertools import product

import numpy as np

from dshcli.errors import UsageError
from dshcli.hasher.centres import TABLE, bundled_columns
from dshcli.hasher.code_bounds import distance_bound
from dshcli.hasher.code_constructions import best_mixture
from dshcli.hasher.linear_codes import WORK, LinearCode, linear_code, search_linear_code
from dshcli.progress import Reporter, Terminal

RANKS = range(5, 15)  # up to 16,384 classes
LENGTHS = (8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=int, default=16, help="times the work of a search at run time")
    options = parser.parse_args()
    if options.work < 1:
        raise UsageError("--work must be 1 or more")
    write_table(improved_table(options.seed, options.work, Terminal()))


def improved_table(seed: int, work: int, reporter: Reporter) -> list[LinearCode]:
    """The best code that is known for each rank and length where it beats the constructions."""
    known = {key: linear_code(key[0], np.array(columns)) for key, columns in bundled_columns().items()}
    table = []
    wanted = [(rank, bits) for rank, bits in product(RANKS, LENGTHS) if bits > rank]
    with reporter.task("searching", total=len(wanted), unit="code") as task:
        for rank, bits in wanted:
            bound, (constructed, _) = distance_bound(2**rank, bits), best_mixture(2**rank, bits)
            if constructed < bound:
                rng = np.random.default_rng([seed, rank, bits])
                codes = [search_linear_code(rank, bits, bound, rng, work * WORK)]
                codes += [known[rank, bits]] if (rank, bits) in known else []
                best = max(codes, key=lambda code: code.distance)
                if best.distance > constructed:
                    table.append(best)
            task.advance()
    return table


def write_table(table: list[LinearCode]) -> None:
    entries = [
        {
            "rank": code.rank,
            "bits": len(code.columns),
            "distance": code.distance,
            "columns": " ".join(f"{column:x}" for column in sorted(code.columns.tolist())),
        }
        for code in table
    ]
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    TABLE.write_text(f'{{"codes": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
