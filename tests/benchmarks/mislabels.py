"""How many planted label errors `dsh mislabels` finds among as many images as there are errors, beside simpler ways.

    python -m tests.benchmarks.mislabels --data CLOTHING/train --work /tmp/mislabels --seeds 1 2

For each seed, share and kind of error: links to the images in folders of partly wrong names, `dsh train`, and
`dsh mislabels`. Errors are uniform (any other class) or confusable (a class that looks alike). The folder's own errors,
of which every real set has some, count against all methods. The method's one number (sets/mislabels.SHARPNESS), the
length of the folds' trainings and the decay of the logistic regression were chosen on seed 0: judge on other seeds.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

CONFUSABLE = "t-shirt:shirt,longsleeve:t-shirt,skirt:dress,shorts:pants,outwear:longsleeve,shirt:longsleeve,shoes:hat"
DECAY = 1.0  # of the logistic regression, on features of unit deviation
FOLDS = 5
EVERYTHING = 1_000_000_000


def main() -> None:
    options = _options()
    print(f"{'errors':<18} {'seed':>4}  {'method':<34} {'precision':>9} {'recall':>7} {'CPU s':>7}", flush=True)
    for seed in options.seeds:
        for share in options.shares:
            for kind in ("uniform", "confusable"):
                _one(options, seed, share, kind)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with one sub-folder per class")
    parser.add_argument("--work", type=Path, required=True, help="a folder for links, models and features")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.05, 0.1])
    parser.add_argument("--pairs", default=CONFUSABLE, help="classes that look alike, as a:b,c:d")
    return parser.parse_args()


def _one(options: argparse.Namespace, seed: int, share: float, kind: str) -> None:
    name = f"{kind}-{share:g}-{seed}"
    folder = options.work / name
    pairs = [tuple(pair.split(":")) for pair in options.pairs.split(",")] if kind == "confusable" else None
    planted = plant(options.data, folder, share, pairs, seed)
    files = sorted(str(path) for path in folder.glob("*/*"))
    home = options.work / "home"

    def show(method: str, found: list[str], seconds: float) -> None:
        hits = len(planted & set(found))
        precision, recall = hits / max(len(found), 1), hits / len(planted)
        errors = f"{share:.0%} {kind}"
        print(f"{errors:<18} {seed:>4}  {method:<34} {precision:>9.3f} {recall:>7.3f} {seconds:>7.0f}", flush=True)

    _, seconds = _dsh(home, "train", folder, "--name", name, "--seed", seed, "--json")
    print(f"{name}: {len(files)} images, {len(planted)} errors; dsh train took {seconds:.0f} s of CPU", flush=True)
    lines, seconds = _dsh(home, "mislabels", folder, "-m", name, "-k", EVERYTHING, "--json")
    show("dsh mislabels", [line["path"] for line in lines[: len(planted)]], seconds)
    show("... all likely ones", [line["path"] for line in lines if line["likely"]], seconds)
    lines, seconds = _dsh(home, "mislabels", folder, "-m", name, "--folds", 0, "-k", EVERYTHING, "--json")
    show("dsh mislabels --folds 0", [line["path"] for line in lines[: len(planted)]], seconds)
    show("all that the model calls another", [line["path"] for line in lines], seconds)
    start = time.process_time()
    order = _by_regression(folder, home, files)
    show("logistic regression, 5 folds", [files[i] for i in order[: len(planted)]], time.process_time() - start)
    random = np.random.default_rng(seed).permutation(len(files))[: len(planted)]
    show("random", [files[i] for i in random], 0)


def plant(source: Path, target: Path, share: float, pairs: list[tuple[str, ...]] | None, seed: int) -> set[str]:
    """Links to all images of `source`, so many of them under a wrong class; returns the paths of these. pairs: classes
    that are taken for each other (None: any for any)."""
    random = np.random.default_rng(seed)
    files = [(path.parent.name, path) for path in sorted(source.resolve().glob("*/*"))]
    classes = sorted({label for label, _ in files})
    taken_for = {label: [other for other in classes if other != label] for label in classes}
    if pairs is not None:
        taken_for = {label: [b if a == label else a for a, b in pairs if label in (a, b)] for label in classes}
    possible = [number for number, (label, _) in enumerate(files) if taken_for[label]]
    wrong = set(random.permutation(possible)[: round(share * len(files))].tolist())
    shutil.rmtree(target, ignore_errors=True)
    planted = set()
    for number, (label, path) in enumerate(files):
        given = label
        if number in wrong:
            given = taken_for[label][random.integers(len(taken_for[label]))]
        link = target / given / f"{label}-{path.name}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
        if number in wrong:
            planted.add(str(link))
    return planted


def _dsh(home: Path, *arguments: object) -> tuple[list[dict[str, str]], float]:
    """The records that a command prints, and its CPU time in seconds."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "dshcli", *map(str, arguments)],
        env=os.environ | {"DSH_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return [json.loads(line) for line in done.stdout.splitlines()], seconds


def _by_regression(folder: Path, home: Path, files: list[str]) -> npt.NDArray[np.int64]:
    """The images by how little a logistic regression of lite0's features that did not see them believes the label."""
    os.environ["DSH_HOME"] = str(home)
    import torch

    from dshcli.hasher.crossing import folds_of
    from dshcli.hasher.recipe import TrainOptions
    from dshcli.hasher.setup import prepare
    from dshcli.hasher.sources import open_source
    from dshcli.hasher.training import recipe_for
    from dshcli.progress import Silent

    source = open_source(str(folder), None, Silent())
    dataset = prepare(source, recipe_for(source.survey, TrainOptions(device="cpu")), Silent()).inputs.dataset
    features, labels = dataset.train.inputs[:, 0], dataset.train.labels
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    own = np.empty(len(labels))
    for places in folds_of(labels, FOLDS, 0):
        rest = np.setdiff1d(np.arange(len(labels)), places)
        inputs, wanted = torch.from_numpy(features[rest]), torch.from_numpy(labels[rest])
        model = torch.nn.Linear(features.shape[1], len(dataset.classes))
        torch.nn.init.zeros_(model.weight)
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=60, line_search_fn="strong_wolfe")

        def loss() -> torch.Tensor:
            optimizer.zero_grad()  # noqa: B023
            value = torch.nn.functional.cross_entropy(model(inputs), wanted)  # noqa: B023
            value = value + DECAY * (model.weight**2).sum() / 2  # noqa: B023
            value.backward()
            return value

        optimizer.step(loss)
        with torch.no_grad():
            believed = model(torch.from_numpy(features[places])).softmax(dim=1).numpy()
        own[places] = believed[np.arange(len(places)), labels[places]]
    by_path = dict(zip(source.splits["train"].paths, own.tolist(), strict=True))  # type: ignore[attr-defined]
    return np.argsort([by_path[path] for path in files], kind="stable")


if __name__ == "__main__":
    main()
