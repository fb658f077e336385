"""The report at the end of a training: what was made, how good it is, and the table of codes per class."""

import sys
from typing import Any

from dshcli.hasher.evaluation import Evaluation
from dshcli.hasher.training import TrainingResult
from dshcli.show.screen import Format, Screen
from dshcli.show.text import count, escaped

COLUMNS = ("class", "hex", "binary", "exact", "nearest_class")


def show_training(screen: Screen, result: TrainingResult) -> None:
    """Figures and code table on stdout, or one JSON record, or the code table as CSV; closing words on stderr."""
    rows = result.evaluation.class_rows()
    if screen.format is Format.JSON:
        screen.json(_record(result))
    elif screen.format is Format.CSV:
        screen.csv([COLUMNS, *([row[column] for column in COLUMNS] for row in rows)])
    else:
        for name, value in figures(result.evaluation):
            screen.line(f"{name}\t{value}" if screen.format is Format.PLAIN else f"{name:<28} {value}")
        show_codes(screen, rows)
    for path, reason in result.skipped[:5]:
        screen.say(f"skipped {escaped(path)}: {reason}")
    if len(result.skipped) > 5:
        screen.say(f"... and {len(result.skipped) - 5} more; --json lists all of them")
    screen.say(
        f"Trained in {result.seconds:.0f} s ({result.cpu_seconds:.0f} s CPU). Saved {result.model.model_id} to "
        f"{escaped(str(result.model.folder))}; it is the current model now (to go back: dsh models use photo)."
    )


def figures(evaluation: Evaluation) -> list[tuple[str, str]]:
    """The report's lines: what is measured, and its value."""
    distance, a, b = evaluation.worst_pair
    retrieval, radius = evaluation.retrieval, evaluation.radius
    return [
        ("protocol", f"{evaluation.protocol}; {retrieval.queries:,} queries, {evaluation.database:,} in the database"),
        ("mAP", f"{evaluation.map:.4f}"),
        ("mAP of the predicted label", f"{evaluation.predicted_label_map:.4f}  (what a classifier alone is worth)"),
        ("minimum class distance", f"{distance} of {evaluation.bits} bits, between {escaped(a)} and {escaped(b)}"),
        ("exact class code", f"{evaluation.exact:.2%} of the queries"),
        ("nearest class code right", f"{evaluation.nearest:.2%} of the queries"),
        (f"within radius {radius}", _at_radius(evaluation, radius)),
        ("distinct codes", f"{evaluation.space.distinct:,}, the largest bucket {evaluation.space.largest_bucket:,}"),
    ]


def _at_radius(evaluation: Evaluation, radius: int) -> str:
    precision = evaluation.retrieval.precision_by_radius[radius]
    recall = evaluation.retrieval.recall_by_radius[radius]
    return f"precision {precision:.4f}, recall {recall:.4f}"


def show_codes(screen: Screen, rows: list[dict[str, Any]]) -> None:
    """The code of each class, on a terminal as a table."""
    if screen.format is Format.PLAIN:
        for row in rows:
            screen.line("\t".join(escaped(str(row[column])) for column in COLUMNS))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("class", "code (hex)", "code", "exact", "nearest class", box=None, pad_edge=False)
    for row in rows:
        bits = row["binary"] if len(row["binary"]) <= 64 else row["binary"][:61] + "..."
        away = "-" if row["nearest_class"] is None else count(row["nearest_class"], "bit")
        table.add_row(Text(escaped(row["class"])), row["hex"], bits, f"{row['exact']:.1%}", away)
    screen.line("")
    Console(file=sys.stdout).print(table)


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
