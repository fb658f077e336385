"""The report at the end of a training: what was made, how good it is, and the table of codes per class."""

from typing import Any

from dshcli.hasher.evaluation import Evaluation
from dshcli.hasher.training import TrainingResult
from dshcli.show.codes import code_columns, show_codes
from dshcli.show.screen import Format, Screen
from dshcli.show.text import escaped, maybe_text


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
    for path, reason in result.skipped[:5]:
        screen.say(f"skipped {escaped(path)}: {reason}")
    if len(result.skipped) > 5:
        screen.say(f"... and {len(result.skipped) - 5} more; --json lists all of them")
    screen.say(
        f"Trained in {result.seconds:.0f} s ({result.cpu_seconds:.0f} s CPU). Saved {result.model.model_id} to "
        f"{escaped(str(result.model.folder))}; it is the current model now (to go back: dsh models use photo)."
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
