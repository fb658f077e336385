"""The table of class codes, which closes the report of a training and of an evaluation."""

import sys
from typing import Any

from dshcli.hasher.evaluation import Evaluation
from dshcli.show.screen import Format, Screen
from dshcli.show.text import count, escaped, maybe_text

TITLES = {"class": "class", "hex": "code (hex)", "binary": "code", "exact": "exact", "nearest_class": "nearest class"}


def code_columns(evaluation: Evaluation) -> list[str]:
    """The columns of the code table that have something to say."""
    return [column for column in TITLES if column != "exact" or evaluation.exact_by_class is not None]


def show_codes(screen: Screen, evaluation: Evaluation) -> None:
    """The code of each class, on a terminal as a table."""
    rows, columns = evaluation.class_rows(), code_columns(evaluation)
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
        "exact": maybe_text(row["exact"], "{:.1%}"),
        "nearest_class": "-" if row["nearest_class"] is None else count(row["nearest_class"], "bit"),
    }
