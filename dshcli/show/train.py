"""The report at the end of a training: what was made, how good it is, and the table of codes per class."""

import sys
from typing import Any

from dshcli.hasher.evaluation import Evaluation
from dshcli.hasher.training import TrainingResult
from dshcli.show.screen import Format, Screen
from dshcli.show.text import count, escaped

TITLES = {"class": "class", "hex": "code (hex)", "binary": "code", "exact": "exact", "nearest_class": "nearest class"}
COLUMNS = tuple(TITLES)


def show_training(screen: Screen, result: TrainingResult) -> None:
    """Figures and code table on stdout, or one JSON record, or the code table as CSV; closing words on stderr."""
    rows = result.evaluation.class_rows()
    columns = _columns(result.evaluation)
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
            _maybe(evaluation.predicted_label_map, "{:.4f}  (what a classifier alone is worth)"),
        ),
        ("minimum class distance", f"{distance} of {evaluation.bits} bits, between {escaped(a)} and {escaped(b)}"),
        ("exact class code", _maybe(evaluation.exact, "{:.2%} of the queries")),
        ("nearest class code right", _maybe(evaluation.nearest, "{:.2%} of the queries")),
        (f"within radius {radius}", _at_radius(evaluation, radius)),
        ("distinct codes", f"{evaluation.space.distinct:,}, the largest bucket {evaluation.space.largest_bucket:,}"),
    ]
    return [(name, value) for name, value in lines if value is not None]


def _maybe(figure: float | None, form: str) -> str | None:
    return None if figure is None else form.format(figure)


def _columns(evaluation: Evaluation) -> list[str]:
    """The columns of the code table that have something to say."""
    return [column for column in COLUMNS if column != "exact" or evaluation.exact_by_class is not None]


def _at_radius(evaluation: Evaluation, radius: int) -> str:
    precision = evaluation.retrieval.precision_by_radius[radius]
    recall = evaluation.retrieval.recall_by_radius[radius]
    return f"precision {precision:.4f}, recall {recall:.4f}"


def show_codes(screen: Screen, evaluation: Evaluation) -> None:
    """The code of each class, on a terminal as a table."""
    rows, columns = evaluation.class_rows(), _columns(evaluation)
    if screen.format is Format.PLAIN:
        for row in rows:
            screen.line("\t".join(escaped(str(row[column])) for column in columns))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*(TITLES[column] for column in columns), box=None, pad_edge=False)
    for row in rows:
        cells = _cells(row)
        table.add_row(*(cells[column] for column in columns))
    screen.line("")
    Console(file=sys.stdout).print(table)


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the code table as people read it."""
    from rich.text import Text

    return {
        "class": Text(escaped(row["class"])),
        "hex": row["hex"],
        "binary": row["binary"] if len(row["binary"]) <= 64 else row["binary"][:61] + "...",
        "exact": _maybe(row["exact"], "{:.1%}"),
        "nearest_class": "-" if row["nearest_class"] is None else count(row["nearest_class"], "bit"),
    }


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
