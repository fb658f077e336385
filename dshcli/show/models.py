"""Models: the list, and all that is known of one."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dshcli.errors import BadModel
from dshcli.hasher.models import Model
from dshcli.show.screen import Format, Screen
from dshcli.show.text import escaped

COLUMNS = ("current", "name", "bits", "radius", "backbone", "classes", "model_id", "folder")


def show_models(screen: Screen, models: Sequence[Model | BadModel], current: str) -> None:
    """All models, the current one marked; the errors of damaged ones go to stderr."""
    records = [_record(model, current) for model in models if isinstance(model, Model)]
    rows = [[record[column] for column in COLUMNS] for record in records]
    if screen.format is Format.JSON:
        for record in records:
            screen.json(record)
    elif screen.format is Format.CSV:
        screen.csv([COLUMNS, *rows])
    elif screen.format is Format.PLAIN:
        for row in rows:
            screen.line("\t".join(escaped(str(cell)) for cell in row))
    else:
        _show_table(rows)
    for model in models:
        if isinstance(model, BadModel):
            screen.complain(f"Damaged: {escaped(str(model))}")


def show_model(screen: Screen, model: Model, current: str) -> None:
    """One model with its configuration, metrics and training."""
    record = _record(model, current) | {"config": asdict(model.config)}
    if screen.format is Format.JSON:
        screen.json(record)
    else:
        screen.line(json.dumps(record, indent=2, ensure_ascii=False))


def _show_table(rows: list[list[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*COLUMNS[:-1], box=None, pad_edge=False)
    for mark, *cells in rows:
        table.add_row("*" if mark else "", *(Text(escaped(str(cell))) for cell in cells[:-1]))
    Console(file=sys.stdout).print(table)


def _record(model: Model, current: str) -> dict[str, Any]:
    config = model.config
    return {
        "name": config.name,
        "bits": config.bits,
        "radius": config.radius,
        "backbone": config.backbone,
        "classes": len(config.classes),
        "current": current in (model.folder.name, str(model.folder)),
        "model_id": model.model_id,
        "folder": str(model.folder),
    }
