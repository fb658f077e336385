"""The commands that check labelled data sets: signatures and help."""

from pathlib import Path
from typing import Annotated

import typer

from dshcli import paths
from dshcli.app.options import Csv, Db, Jobs, Json, MaxPixels, ModelName, Quiet, Radius, Verify, at_most_one

commands = typer.Typer()

Report = Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page with the pictures side by side.")]
FailOver = Annotated[
    int | None,
    typer.Option("--fail-over", metavar="N", min=0, help="Exit with code 4 if more than N images are found."),
]


@commands.command(
    epilog="Exit codes: 0 done, 4 more than --fail-over N images leak or are in conflict. "
    "Example: dsh leaks data/train data/val data/test --fail-over 0 --report leaks.html"
)
def leaks(
    folders: Annotated[
        list[str],
        typer.Argument(metavar="TRAIN VAL [TEST ...]", help="The folders of the splits, training first."),
    ],
    db: Db = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="Else the current one if it tells copies, else photo."),
    ] = None,
    radius: Radius = None,
    verify: Verify = None,
    ignore_conflicts: Annotated[
        bool, typer.Option("--ignore-conflicts", help="Sub-folders are no labels: look for leaks alone.")
    ] = False,
    fail_over: FailOver = None,
    report: Report = None,
    max_pixels: MaxPixels = None,
    jobs: Jobs = 0,
    json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Find images that two splits of a data set share, and pictures that stand under two labels.

    Hashes what the index does not have yet. The label of an image is the sub-folder of its split that it lies in.
    """
    from dshcli.commands.leaks import LeaksOptions, find_leaks
    from dshcli.images.opening import MAX_PIXELS
    from dshcli.progress import Silent, Terminal
    from dshcli.show.leaks import show_leaks
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    options = LeaksOptions(model, radius, verify, jobs, max_pixels or MAX_PIXELS, not ignore_conflicts)
    reporter = Silent() if quiet else Terminal()
    result = find_leaks(db or paths.default_index(), folders, options, reporter)
    show_leaks(Screen.of(json=json, csv=csv, quiet=quiet), result)
    if report is not None:
        from dshcli.show.page.leaks import write_leaks

        write_leaks(report, result, reporter)
    if fail_over is not None and result.affected > fail_over:
        raise typer.Exit(4)


@commands.command(
    epilog="Exit codes: 0 done, 4 more than --fail-over N labels look wrong. "
    "Example: dsh train ./labelled; dsh mislabels ./labelled --report labels.html"
)
def mislabels(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="One folder a class, or splits above those; or a CSV of path,label.")
    ],
    model: ModelName = None,
    folds: Annotated[
        int,
        typer.Option(metavar="K", help="Models to train, each judging what it never saw; 0: the model alone, quickly."),
    ] = 5,
    count: Annotated[
        int | None, typer.Option("-k", metavar="N", help="The N most doubtful; else all that look wrong.")
    ] = None,
    fail_over: FailOver = None,
    report: Report = None,
    json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Rank the images of a labelled folder whose label looks wrong, with the label that fits better.

    The model must be one that was trained on labels. It has learned the wrong ones, too: so that images are judged by
    models that never saw them, its recipe is trained K times more, each time without a K-th of the images.
    """
    from dshcli.commands.mislabels import MislabelsOptions, find_mislabels
    from dshcli.progress import Silent, Terminal
    from dshcli.show.mislabels import show_mislabels
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    reporter = Silent() if quiet else Terminal()
    result = find_mislabels(folder, MislabelsOptions(model, folds, count), reporter)
    show_mislabels(Screen.of(json=json, csv=csv, quiet=quiet), result)
    if report is not None:
        from dshcli.show.page.mislabels import write_mislabels

        write_mislabels(report, result, reporter)
    if fail_over is not None and result.likely > fail_over:
        raise typer.Exit(4)
