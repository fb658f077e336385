"""The losses side by side, on classes that were trained on and on classes that were not.

python -m tests.benchmarks.losses [--data mnist fashion-mnist] [--losses dsh center dsh+center cosine] [--bits ...]

`dsh` has the loss as published (margin 2 x bits), all of them the same network and optimiser. One process with one
thread per training, --jobs of them side by side; finished trainings are kept in the work folder and not done again.

seen      trained on all classes; test images query the training images, tie-aware mAP. This measures a classifier, so
          "predicted label" is beside it: the mAP of a code that is nothing but the class predicted.
unseen    trained on 75 % of the classes, rounded down, drawn by the seed; test images of the others query the training
          images of those others, tie-aware mAP. Beside it what the features of the trained network's own body give: as
          floats by cosine, as signs of PCA and of ITQ of as many bits, fitted to the database;
          and the mAP of chance.

Prints Markdown tables: mean over the seeds, ± the standard deviation, and in brackets the least distance of two class
codes over the seeds.
"""

import argparse
import statistics

from dshcli.hasher.recipe import LOSSES
from tests.benchmarks.runs import SEEN, UNSEEN, Figures, Run, add_options, bench_of, key_of, recipes_of

ORDER = ("dsh", "center", "dsh+center", "cosine")
SEEN_ROWS = {"codes": "map", "predicted label": "predicted_label_map"}
UNSEEN_ROWS = {
    "codes": "unseen_map",
    "float features": "unseen_features",
    "PCA of them": "unseen_pca",
    "ITQ of them": "unseen_itq",
    "chance": "unseen_chance",
}
TITLES = {
    SEEN: "trained on all classes, test against training images",
    UNSEEN: "trained on 75 % of the classes, test against training images of the others",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=ORDER, metavar="LOSS", help=", ".join(ORDER))
    parser.add_argument("--protocols", nargs="+", choices=(SEEN, UNSEEN), default=(SEEN, UNSEEN))
    add_options(parser, "bench-trainings")
    options = parser.parse_args()
    runs = [
        Run(protocol, key_of(data), bits, loss, seed, options.epochs, options.limit)
        for protocol in options.protocols
        for data in options.data
        for bits in options.bits
        for loss in options.losses
        for seed in options.seeds
    ]
    results = bench_of(options).finish(runs)
    for protocol in options.protocols:
        for data in dict.fromkeys(run.data for run in runs):
            part = {run: figures for run, figures in results.items() if (run.protocol, run.data) == (protocol, data)}
            print(f"**{data}**, {TITLES[protocol]}, {_seeds(options.seeds)}:\n\n{markdown(protocol, part)}\n")
    print(recipes_of(results.values()))


def _seeds(seeds: list[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def markdown(protocol: str, results: dict[Run, Figures]) -> str:
    """Rows by loss and figure, columns by code length."""
    lengths = sorted({run.bits for run in results})
    lines = [
        f"| loss | mAP of | {' | '.join(f'{bits} bits' for bits in lengths)} |",
        "|---|---|" + "---|" * len(lengths),
    ]
    for loss in dict.fromkeys(run.loss for run in results):
        for words, key in (SEEN_ROWS if protocol == SEEN else UNSEEN_ROWS).items():
            groups = [[f for run, f in results.items() if (run.loss, run.bits) == (loss, bits)] for bits in lengths]
            cells = [_cell(group, key) for group in groups]
            lines.append(f"| {loss} | {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(group: list[Figures], key: str) -> str:
    values = [figures[key] for figures in group]
    if None in values:
        return "-"
    spread = f" ± {_short(statistics.stdev(values))}" if len(values) > 1 else ""
    distance = f" ({min(figures['min_class_distance'] for figures in group)})" if key == "map" else ""
    return f"{_short(statistics.mean(values))}{spread}{distance}"


def _short(value: float) -> str:
    """Four places without the leading zero, as in the papers."""
    return f"{value:.4f}".removeprefix("0") if value < 1 else f"{value:.4f}"


if __name__ == "__main__":
    main()
