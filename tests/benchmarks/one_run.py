"""One training of a benchmark, in a process of its own: trains, judges, adds a line to the results file.

python -m tests.benchmarks.one_run '{"run": {...}, "data_dir": null, "work": "DIR"}'      (started by runs.Bench)
"""

import json
import shutil
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dshcli.errors import DshError
from dshcli.hasher.data import Dataset, Features, Source, Split, Survey
from dshcli.hasher.evaluation import for_json
from dshcli.hasher.judging import JudgeOptions, judge
from dshcli.hasher.models import Model
from dshcli.hasher.recipe import Recipe, TrainOptions
from dshcli.hasher.references import references
from dshcli.hasher.some_classes import SomeClasses, split_classes
from dshcli.hasher.sources import open_source
from dshcli.hasher.training import TrainingResult, train_source
from dshcli.images.spec import InputSpec
from dshcli.progress import Reporter, Terminal
from tests.benchmarks.measuring import machine
from tests.benchmarks.runs import UNSEEN, Run, append_line


@dataclass(frozen=True)
class FirstImages:
    """A source of which only about `limit` images of each split are kept, evenly spread: for a quick try."""

    source: Source
    limit: int

    @property
    def survey(self) -> Survey:
        whole = self.source.survey
        return replace(whole, images=min(self.limit, whole.images))

    def load(self, spec: InputSpec, reporter: Reporter, features: Features | None = None) -> Dataset:
        whole = self.source.load(spec, reporter, features)
        validation, test = whole.validation, whole.test
        return replace(
            whole, train=self._some(whole.train), validation=validation and self._some(validation),
            test=test and self._some(test),
        )  # fmt: skip

    def _some(self, split: Split) -> Split:
        step = max(len(split) / self.limit, 1)
        return split.take(np.arange(0, len(split), step).astype(np.int64))


def seen_figures(result: TrainingResult) -> dict[str, Any]:
    """What a training came to, on the classes that it was trained on."""
    evaluation = result.evaluation
    distance, a, b = evaluation.worst_pair
    return {
        "map": evaluation.map,
        "predicted_label_map": evaluation.predicted_label_map,
        "min_class_distance": distance,
        "worst_pair": [a, b],
        "centre_distance": result.centres and result.centres.distance,
        "exact": evaluation.exact,
        "nearest": evaluation.nearest,
        "protocol": evaluation.protocol,
        "counts": result.counts,
        "epochs": result.record.epochs,
        "best_epoch": result.record.best_epoch,
        "cpu_seconds": result.cpu_seconds,
        "epochs_cpu_seconds": result.record.cpu_seconds,
        "recipe": _words(result.recipe),
    }


def unseen_figures(model: Model, source: Source) -> dict[str, Any]:
    """How a model ranks images of classes that it never saw, and what its features and chance would give; see eval."""
    judged = judge(model, source, JudgeOptions(), Terminal())
    compared = vars(references(judged, Terminal()))
    return {"unseen_map": judged.evaluation.map} | {f"unseen_{name}": for_json(v) for name, v in compared.items()}


def _words(recipe: Recipe) -> str:
    return (
        f"{recipe.backbone} at {recipe.size} px, {recipe.epochs} epochs, batch {recipe.batch}, "
        f"rate {recipe.learning_rate:g}"
    )


def figures_of(run: Run, data_dir: Path | None, out: Path) -> dict[str, Any]:
    """Trains and judges. CPU time is of reading, training, testing and saving, not of what is judged afterwards."""
    options = TrainOptions(bits=run.bits, loss=run.loss, seed=run.seed, epochs=run.epochs, device="cpu", out=out)
    cpu = time.process_time()
    found: Source = open_source(run.data, data_dir, Terminal())
    whole = found if run.limit is None else FirstImages(found, run.limit)
    if run.protocol != UNSEEN:
        result = train_source(whole, run.data, options, Terminal())
        return seen_figures(result) | {"cpu_seconds": time.process_time() - cpu}
    seen, unseen = split_classes(len(whole.survey.classes), run.seed)
    result = train_source(SomeClasses(whole, seen), run.data, options, Terminal())
    figures = seen_figures(result) | {"cpu_seconds": time.process_time() - cpu}
    names = [whole.survey.classes[number] for number in unseen]
    return figures | {"unseen_classes": names} | unseen_figures(result.model, SomeClasses(whole, unseen))


def main() -> None:
    order = json.loads(sys.argv[1])
    run, work = Run(**order["run"]), Path(order["work"])
    data_dir = Path(order["data_dir"]) if order["data_dir"] else None
    torch.set_num_threads(1)
    out = work / "models" / run.name
    shutil.rmtree(out, ignore_errors=True)
    try:
        figures = figures_of(run, data_dir, out)
    except DshError as error:
        raise SystemExit(f"Error: {error}\nHint: {error.hint}") from error
    on = machine("torch", "numpy")
    append_line(work / "results.jsonl", {"run": order["run"], "figures": figures, "machine": on})


if __name__ == "__main__":
    main()
