"""The commands that act on files: signatures and help."""

from pathlib import Path
from typing import Annotated

import typer

from dshcli import paths
from dshcli.app.options import (
    Csv,
    Db,
    Json,
    Protect,
    Quiet,
    Removal,
    RemoveTo,
    Strict,
    at_most_one,
)

commands = typer.Typer()


@commands.command(epilog="Example: dsh apply plan.jsonl, then dsh apply plan.jsonl --yes --protect ./album")
def apply(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="What dsh dupes --plan wrote; you may have edited it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Else nothing is changed.")] = False,
    to: RemoveTo = Removal.QUARANTINE,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Of the quarantine; else in your data folder.")
    ] = None,
    protect: Protect = [],  # noqa: B006
    really_delete: Annotated[bool, typer.Option("--really-delete", help="Must go with --to delete.")] = False,
    merge_metadata: Annotated[
        bool,
        typer.Option(
            "--merge-metadata",
            help="First write into an XMP sidecar of the kept file what only the other one says: date, place, rating, "
            "keywords, title, description, creator, rights.",
        ),
    ] = False,
    db: Annotated[
        Path | None, typer.Option("--db", metavar="FILE", help="The index that keeps the journal; else the plan's.")
    ] = None,
    strict: Strict = False,
    json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Remove the files that a plan names or, without --yes, say what would be done. dsh undo takes it back.

    Both files are read again before each step. What is not as the plan says is skipped, with the reason. With
    --merge-metadata, so is a file whose metadata cannot be saved beside the kept one.
    """
    from dshcli.commands.apply import ApplyOptions, applying
    from dshcli.progress import Silent, Terminal
    from dshcli.show.apply import show_applying
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    screen, reporter = Screen.of(json=json, csv=csv, quiet=quiet), Silent() if quiet else Terminal()
    options = ApplyOptions(to.value, folder, tuple(protect), db, yes, really_delete, merge_metadata)
    with applying(plan, options, reporter) as work:
        skipped = show_applying(screen, work, reporter)
    if strict and skipped:
        raise typer.Exit(3)


@commands.command(epilog="Example: dsh undo; an earlier run: dsh undo --list, then dsh undo 2")
def undo(
    run: Annotated[int | None, typer.Argument(metavar="RUN", help="Its number; else the last run.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show the runs of dsh apply; undo nothing.")] = False,
    db: Db = None,
    strict: Strict = False,
    json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Put the files that dsh apply removed back where they were, all but deleted ones. Overwrites nothing."""
    from dshcli.commands.undo import list_runs, undoing
    from dshcli.progress import Silent, Terminal
    from dshcli.show.apply import show_runs, show_undoing
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    screen, reporter = Screen.of(json=json, csv=csv, quiet=quiet), Silent() if quiet else Terminal()
    database = db or paths.default_index()
    if listed:
        return show_runs(screen, list_runs(database))
    with undoing(database, run, reporter) as work:
        skipped = show_undoing(screen, work)
    if strict and skipped:
        raise typer.Exit(3)
