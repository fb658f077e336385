"""The report at the end of a training: what was made, how good it is, and the table of codes per class."""

from typing import Any

from dshcli.hasher.copies.training import CopiesResult
from dshcli.hasher.evaluation import Evaluation
from dshcli.hasher.models import Model
from dshcli.hasher.training import TrainingResult
from dshcli.show.codes import code_columns, show_codes
from dshcli.show.screen import Format, Screen
from dshcli.show.text import count, escaped, maybe_text


def show_training(screen: Screen, result: TrainingResult) -> None:
    """Figures and code table on stdout, or one JSON record, or the code table as CSV; closing words on stderr."""
    rows = result.evaluation.class_rows()
    columns = code_columns(result.evaluation)
    if screen.format is Format.JSON:
        screen.json(_record(result))
    elif screen.format is Format.CSV:
        screen.csv([columns, *([row[column] for column in columns] for row in rows)])
    else:
        for name, value in figures(result.evaluation):
            screen.line(f"{name}\t{value}" if screen.format is Format.PLAIN else f"{name:<28} {value}")
        show_codes(screen, result.evaluation)
    _close(screen, result.model, result.skipped, result.seconds, result.cpu_seconds)


def show_copies_training(screen: Screen, result: CopiesResult) -> None:
    """The share of held-out photos' copies within the model's radius, by edit; closing words on stderr."""
    figures, radius = result.figures, result.model.config.radius
    recall = figures.recall(radius)
    if screen.format is Format.JSON:
        screen.json(_copies_record(result))
    elif screen.format is Format.CSV:
        screen.csv([("edit", "copies", "recall"), *((edit, figures.photos, share) for edit, share in recall.items())])
    else:
        for name, value in (("radius", f"{radius} of {result.recipe.bits} bits"), *_shares(recall)):
            screen.line(f"{name}\t{value}" if screen.format is Format.PLAIN else f"{name:<28} {value}")
    screen.say(
        f"Recall of copies of {count(figures.photos, 'photo')} that were held out; of {figures.calibration.pairs:,} "
        f"unrelated pairs {figures.calibration.within[radius]:,} lie within the radius."
    )
    _close(screen, result.model, result.skipped, result.seconds, result.cpu_seconds)


def _shares(recall: dict[str, float]) -> list[tuple[str, str]]:
    return [*((edit, f"{share:.1%}") for edit, share in recall.items()),
            ("mean of all", f"{sum(recall.values()) / len(recall):.1%}")]  # fmt: skip


def _copies_record(result: CopiesResult) -> dict[str, Any]:
    config = result.model.config
    return {
        "model": result.model.model_id,
        "folder": str(result.model.folder),
        "photos": result.photos,
        "held_out": result.figures.photos,
        "steps": result.recipe.steps,
        "radius": config.radius,
        "metrics": config.metrics,
        "seconds": round(result.seconds, 1),
        "cpu_seconds": round(result.cpu_seconds, 1),
        "skipped": [{"path": path, "reason": reason} for path, reason in result.skipped],
    }


def _close(
    screen: Screen, model: Model, skipped: tuple[tuple[str, str], ...], seconds: float, cpu_seconds: float
) -> None:
    for path, reason in skipped[:5]:
        screen.say(f"skipped {escaped(path)}: {reason}")
    if len(skipped) > 5:
        screen.say(f"... and {len(skipped) - 5} more; --json lists all of them")
    screen.say(
        f"Trained in {seconds:.0f} s ({cpu_seconds:.0f} s CPU). Saved {model.model_id} to "
        f"{escaped(str(model.folder))}; it is the current model now (to go back: dsh models use photo)."
    )


def figures(evaluation: Evaluation) -> list[tuple[str, str]]:
    """The report's lines: what is measured, and its value; without those that several labels leave no sense."""
    distance, a, b = evaluation.worst_pair
    retrieval, radius = evaluation.retrieval, evaluation.radius
    several = ", where a shared label counts" if evaluation.exact is None else ""
    lines: list[tuple[str, str | None]] = [
        (
            "protocol",
            f"{evaluation.protocol}{several}; {retrieval.queries:,} queries, {evaluation.database:,} in the database",
        ),
        ("mAP", f"{evaluation.map:.4f}"),
        (
            "mAP of the predicted label",
            maybe_text(evaluation.predicted_label_map, "{:.4f}  (what a classifier alone is worth)"),
        ),
        ("minimum class distance", f"{distance} of {evaluation.bits} bits, between {escaped(a)} and {escaped(b)}"),
        ("exact class code", maybe_text(evaluation.exact, "{:.2%} of the queries")),
        ("nearest class code right", maybe_text(evaluation.nearest, "{:.2%} of the queries")),
        (f"within radius {radius}", _at_radius(evaluation, radius)),
        ("distinct codes", f"{evaluation.space.distinct:,}, the largest bucket {evaluation.space.largest_bucket:,}"),
    ]
    return [(name, value) for name, value in lines if value is not None]


def _at_radius(evaluation: Evaluation, radius: int) -> str:
    precision = evaluation.retrieval.precision_by_radius[radius]
    recall = evaluation.retrieval.recall_by_radius[radius]
    return f"precision {precision:.4f}, recall {recall:.4f}"


def _record(result: TrainingResult) -> dict[str, Any]:
    centres = result.centres
    return {
        "model": result.model.model_id,
        "folder": str(result.model.folder),
        "images": result.counts,
        "centres": None if centres is None else {"distance": centres.distance, "bound": centres.bound},
        "best_epoch": result.record.best_epoch,
        "seconds": round(result.seconds, 1),
        "cpu_seconds": round(result.cpu_seconds, 1),
        "evaluation": result.evaluation.as_dict(),
        "skipped": [{"path": path, "reason": reason} for path, reason in result.skipped],
    }
