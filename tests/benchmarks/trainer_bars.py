"""How well does the trainer learn, how much does that vary with the seed, and what does it cost?

python -m tests.benchmarks.trainer_bars [--data mnist fashion-mnist FOLDER...] [--bits 8 12 24 48] [--seeds 0 1 2]

Trains for every data set, code length and seed; one process with one thread per training, --jobs of them side by side.
Finished trainings are kept in the work folder and not done again. Prints the tie-aware mAP of the test images (of a
folder without a test set: held-out ones) against the training images, by seed and as mean, least and greatest value and
standard deviation; the least distance of two class codes, by seed; and the CPU minutes of a training with reading,
testing and saving. All classes were trained on, so this measures a classifier; losses.py has unseen classes.
"""

import argparse
import statistics

from dshcli.hasher.recipe import LOSSES
from tests.benchmarks.runs import SEEN, Figures, Run, add_options, bench_of, key_of, recipes_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loss", choices=LOSSES, default="center")
    add_options(parser, "bench-trainings")
    options = parser.parse_args()
    runs = [
        Run(SEEN, key_of(data), bits, options.loss, seed, options.epochs, options.limit)
        for data in options.data
        for bits in options.bits
        for seed in options.seeds
    ]
    results = bench_of(options).finish(runs)
    print(f"loss {options.loss}, seeds {' '.join(map(str, options.seeds))}")
    print(recipes_of(results.values()))
    print(f"protocol: {'; '.join(sorted({figures['protocol'] for figures in results.values()}))}")
    print(table(results))


def table(results: dict[Run, Figures]) -> str:
    """A line for each data set and code length, in the order of the runs."""
    groups: dict[tuple[str, int], list[Figures]] = {}
    for run, figures in results.items():
        groups.setdefault((run.data, run.bits), []).append(figures)
    seeds = max(map(len, groups.values()))
    width = max(len("data"), *(len(data) for data, _ in groups))
    head = f"{'data':{width}} bits {'mAP by seed':{7 * seeds}} {'mean':>6} {'min..max':>14}     sd  distances  CPU min"
    return "\n".join([head, *(f"{data:{width}} {bits:4} {_row(group)}" for (data, bits), group in groups.items())])


def _row(group: list[Figures]) -> str:
    maps = [figures["map"] for figures in group]
    deviation = f"{statistics.stdev(maps):.4f}" if len(maps) > 1 else "     -"
    distances = " ".join(str(figures["min_class_distance"]) for figures in group)
    minutes = statistics.mean(figures["cpu_seconds"] for figures in group) / 60
    by_seed = " ".join(f"{value:.4f}" for value in maps)
    return (
        f"{by_seed:{max(7 * len(maps), 11)}} {statistics.mean(maps):.4f} {min(maps):.4f}..{max(maps):.4f} "
        f"{deviation} {distances:>10} {minutes:8.1f}"
    )


if __name__ == "__main__":
    main()
