"""The figures of an evaluation: one column, or with several seeds each one's, their mean and their spread."""

import math
import statistics
from dataclasses import asdict
from typing import Any

import numpy as np

from dshcli.commands.evaluate import EvalResult, Trial
from dshcli.hasher.evaluation import Evaluation, for_json
from dshcli.hasher.judging import References
from dshcli.show.codes import show_codes
from dshcli.show.screen import Format, Screen
from dshcli.show.text import escaped

REFERENCES = {
    "outputs": "mAP of the float outputs",
    "features": "mAP of the float features",
    "pca": "mAP of PCA codes of the features",
    "itq": "mAP of ITQ codes of the features",
    "chance": "mAP of an order by chance",
}


def show_evaluation(screen: Screen, result: EvalResult) -> None:
    """A table of figures and the code of each class; or a record of JSON per seed and one that sums up; or CSV."""
    if screen.format is Format.JSON:
        for trial in result.trials:
            screen.json(_record(result, trial))
        if len(result.trials) > 1:
            screen.json({"summary": _summary(result)})
        return
    if screen.format is Format.CSV:
        screen.csv([("figure", *(f"seed {trial.seed}" for trial in result.trials), "mean", "deviation")])
        screen.csv((name, *numbers, *mean_and_deviation(numbers)) for name, numbers in columns(result))
        return
    for name, value in facts(result):
        screen.line(f"{name}\t{escaped(value)}" if screen.format is Format.PLAIN else f"{name:<34} {escaped(value)}")
    for name, numbers in columns(result):
        screen.line(_line(screen.format, name, numbers))
    if len(result.trials) == 1:
        show_codes(screen, result.trials[0].evaluation)
    screen.say(caution(result))


def facts(result: EvalResult) -> list[tuple[str, str]]:
    """What was judged, on what, and how."""
    evaluation = result.trials[0].evaluation
    names, found = evaluation.class_names, evaluation.retrieval
    classes = f"{', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
    known = [
        ("model", ", ".join(trial.model.model_id for trial in result.trials)),
        ("data", f"{result.source}: {classes}"),
        ("protocol", f"{evaluation.protocol}; {found.queries:,} queries, {evaluation.database:,} in the database"),
    ]
    if len(result.trials) == 1:
        distance, one, other = evaluation.worst_pair
        known.append(("closest classes", f"{one} and {other}, {distance} of {evaluation.bits} bits apart"))
    return known


def caution(result: EvalResult) -> str:
    """What the figures do not tell, if anything."""
    config = result.trials[0].model.config
    if result.unseen or not set(result.trials[0].evaluation.class_names) <= set(config.classes):
        return ""
    return "These classes were seen in training: the figures judge a classifier. --unseen judges similarity."


def columns(result: EvalResult) -> list[tuple[str, list[float]]]:
    """Each figure's name, and its value in every trial."""
    values = [_numbers(trial) for trial in result.trials]
    return [(name, [column[i][1] for column in values]) for i, (name, _) in enumerate(values[0])]


def _numbers(trial: Trial) -> list[tuple[str, float]]:
    return figures(trial.evaluation) + reference_figures(trial.references)


def figures(evaluation: Evaluation) -> list[tuple[str, float]]:
    """What is measured, and its value; NaN where nothing could be. Several labels an image leave some without sense."""
    found, radius, space = evaluation.retrieval, evaluation.radius, evaluation.space
    off_diagonal = np.abs(space.correlation - np.eye(evaluation.bits))
    lines: list[tuple[str, float | None]] = [("mAP", evaluation.map)]
    lines += [(f"mAP@{k}", value) for k, value in found.map_at.items() if k > 1]
    lines += [(f"P@{n}", value) for n, value in found.precision_at.items()]
    lines += [("mAP of the predicted label alone", evaluation.predicted_label_map)]
    for r in sorted({min(2, evaluation.bits), radius}):
        within = evaluation.within(r)
        lines += [(f"{name.replace('_', ' ')} within radius {r}", value) for name, value in within.items()]
    lines += [
        ("exact class code", evaluation.exact),
        ("nearest class code right", evaluation.nearest),
        ("minimum class distance", evaluation.worst_pair[0]),
        ("distinct codes", space.distinct),
        ("images in the largest bucket", space.largest_bucket),
        ("entropy of the codes, bits", space.entropy),
        ("least balanced bit, share of ones", _farthest_from_half(space.balance)),
        ("largest correlation of two bits", float(off_diagonal.max())),
    ]
    return [(name, value) for name, value in lines if value is not None]


def reference_figures(references: References | None) -> list[tuple[str, float]]:
    """The yardsticks, if they were asked for."""
    return [] if references is None else [(REFERENCES[key], value) for key, value in asdict(references).items()]


def _farthest_from_half(balance: np.ndarray[Any, Any]) -> float:
    return float(balance[np.abs(balance - 0.5).argmax()])


def _line(kind: Format, name: str, numbers: list[float]) -> str:
    texts = [number_text(number) for number in numbers]
    if len(numbers) > 1:
        mean, deviation = mean_and_deviation(numbers)
        texts.append(f"mean {number_text(mean)}, deviation {number_text(deviation)}")
    return "\t".join([name, *texts]) if kind is Format.PLAIN else f"{name:<34} {'  '.join(texts)}"


def number_text(value: float) -> str:
    """A count as it is, any other figure with four digits, a figure that could not be had as a dash."""
    if math.isnan(value):
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def mean_and_deviation(numbers: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation."""
    return statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else 0.0


def _record(result: EvalResult, trial: Trial) -> dict[str, Any]:
    compared = None if trial.references is None else {k: for_json(v) for k, v in asdict(trial.references).items()}
    return {
        "model": trial.model.model_id,
        "data": result.source,
        "unseen_classes": result.unseen,
        "seed": trial.seed,
        **trial.evaluation.as_dict(),
        "references": compared,
    }


def _summary(result: EvalResult) -> dict[str, Any]:
    summary = {}
    for name, numbers in columns(result):
        mean, deviation = mean_and_deviation(numbers)
        summary[name] = {"mean": for_json(mean), "deviation": for_json(deviation)}
    return summary
