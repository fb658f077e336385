"""Models: the list, and all that is known of one."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dshcli.commands.radius import RadiusHere
from dshcli.errors import BadModel
from dshcli.hasher.models import Model
from dshcli.hasher.radii import maybe_stored
from dshcli.show.screen import Format, Screen
from dshcli.show.text import escaped

COLUMNS = (
    "current",
    "name",
    "bits",
    "radius",
    "backbone",
    "classes",
    "model_id",
    "folder",
    "own_radius",
    "radius_from",
)
SHOWN = ("current", "name", "bits", "radius", "backbone", "classes", "model_id")  # in the table


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
        _show_table(records)
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


def show_radius(screen: Screen, here: RadiusHere) -> None:
    """The radius as data; in words, where it comes from."""
    own, stored = here.model.config.radius, here.stored
    screen.line(str(own if stored is None else stored.radius))
    if stored is None:
        screen.say(f"{here.model.model_id}: its own radius.")
    else:
        origin = f"{escaped(stored.origin)}, {escaped(stored.date)}"
        screen.say(f"{here.model.model_id}: {origin}; the model's own radius is {own}.")


def _show_table(records: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*SHOWN, box=None, pad_edge=False)
    for record in records:
        cells = record | {"current": "*" if record["current"] else ""}
        if record["radius_from"]:
            cells["radius"] = f"{record['radius']} ({record['radius_from'].split()[0]} here)"
        table.add_row(*(Text(escaped(str(cells[column]))) for column in SHOWN))
    Console(file=sys.stdout).print(table)


def _record(model: Model, current: str) -> dict[str, Any]:
    config, stored = model.config, maybe_stored(model.model_id)
    return {
        "name": config.name,
        "bits": config.bits,
        "radius": config.radius if stored is None else stored.radius,
        "own_radius": config.radius,
        "radius_from": "" if stored is None else f"{stored.origin}, {stored.date}",
        "backbone": config.backbone,
        "classes": len(config.classes),
        "current": current in (model.folder.name, str(model.folder)),
        "model_id": model.model_id,
        "folder": str(model.folder),
    }
