"""The commands that fill an index and search it: signatures and help."""

from typing import Annotated

import typer

from dshcli import paths
from dshcli.app.options import (
    CleanFolders,
    Csv,
    Db,
    Decided,
    Device,
    DeviceName,
    Folders,
    Jobs,
    Json,
    Keep,
    Kinds,
    Link,
    LinkRule,
    ListFile,
    MaxPixels,
    ModelName,
    PlanFile,
    Protect,
    Quiet,
    Radius,
    ReportFile,
    Strict,
    Verbose,
    Verify,
    all_queries,
    at_most_one,
    words_of,
)

commands = typer.Typer()


@commands.command(epilog="Example: dsh index ./photos --exclude 'thumbs/*' --prune")
def index(
    folders: Annotated[list[str], typer.Argument(metavar="FOLDER", help="Folders of images, or single images.")],
    db: Db = None,
    model: ModelName = None,
    include: Annotated[list[str], typer.Option(metavar="GLOB", help="Only files of this name or path.")] = [],  # noqa: B006
    exclude: Annotated[list[str], typer.Option(metavar="GLOB", help="No files or folders of this name.")] = [],  # noqa: B006
    hidden: Annotated[bool, typer.Option("--hidden", help="Hidden files and folders, too.")] = False,
    follow_symlinks: Annotated[bool, typer.Option("--follow-symlinks", help="Follow symlinks; loops end.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Drop images from the index whose files are gone.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try files again that could not be read before.")] = False,
    strict: Strict = False,
    max_pixels: MaxPixels = None,
    jobs: Jobs = 0,
    device: DeviceName = Device.CPU,
    json: Json = False,
    csv: Csv = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Hash the images of folders into the index. Unchanged files are not opened again."""
    from dshcli.commands.index import index_images
    from dshcli.images.opening import MAX_PIXELS
    from dshcli.images.walk import WalkOptions
    from dshcli.library.indexing import IndexOptions
    from dshcli.progress import Silent, Terminal
    from dshcli.show.index import show_ledger
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    walk = WalkOptions(tuple(include), tuple(exclude), hidden, follow_symlinks)
    options = IndexOptions(walk, max_pixels or MAX_PIXELS, jobs, prune, retry)
    reporter = Silent() if quiet else Terminal()
    ledger = index_images(db or paths.default_index(), folders, model, device, options, reporter)
    show_ledger(Screen.of(json=json, csv=csv, quiet=quiet, verbose=verbose), ledger)
    if strict and ledger.skipped:
        raise typer.Exit(3)


@commands.command(epilog="Example: dsh query img.png -r 2; or: find new -name '*.jpg' | dsh query - -k 5 --json")
def query(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE", help="Image files; - reads paths from stdin.")] = [],  # noqa: B006
    listed: ListFile = None,
    radius: Radius = None,
    count: Annotated[int | None, typer.Option("-k", metavar="N", help="At most N neighbours, the nearest.")] = None,
    db: Db = None,
    model: ModelName = None,
    max_pixels: MaxPixels = None,
    device: DeviceName = Device.CPU,
    json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """List the indexed images whose codes are near an image's, nearest first."""
    from dshcli.commands.query import QueryOptions, find_neighbours
    from dshcli.images.opening import MAX_PIXELS
    from dshcli.library.store import Index
    from dshcli.show.query import show_answers
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    queries, several = all_queries(images, listed), len(images) > 1 or "-" in images or listed is not None
    with Index.open(db or paths.default_index()) as index:
        options = QueryOptions(model, radius, count, max_pixels or MAX_PIXELS, device)
        result = find_neighbours(index, queries, options)
        problems = show_answers(Screen.of(json=json, csv=csv, quiet=quiet), result, several=several)
    if problems and not several:
        raise typer.Exit(1)


@commands.command(
    epilog="Example: dsh dupes --keep 'folder:./album > exif > sharp > pixels'; new files only: dsh dupes ./new "
    "--against ./album; in a script: dsh dupes ./photos --json --fail-on-found; what you marked: dsh dupes "
    "--marked --plan plan.jsonl"
)
def dupes(
    folders: Folders = [],  # noqa: B006
    radius: Radius = None,
    link: LinkRule = Link.STAR,
    db: Db = None,
    model: ModelName = None,
    verify: Verify = None,
    kinds: Kinds = None,
    keep: Keep = None,
    protect: Protect = [],  # noqa: B006
    against: CleanFolders = [],  # noqa: B006
    max_pixels: MaxPixels = None,
    jobs: Jobs = 0,
    plan: PlanFile = None,
    report: ReportFile = None,
    decided: Decided = False,
    marked: Annotated[
        bool, typer.Option("--marked", help="Only what you marked to be removed, by dsh review or dsh decide --same.")
    ] = False,
    fail_on_found: Annotated[bool, typer.Option("--fail-on-found", help="Exit with 4 if there is a group.")] = False,
    json: Json = False,
    csv: Csv = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Group the images that are copies of one picture; say which to keep. Changes no picture.

    Codes find the candidates. With a model trained on copies, each is then proven on its pixels.
    """
    from dshcli.commands.dupes import DupesOptions, find_dupes
    from dshcli.images.opening import MAX_PIXELS
    from dshcli.library.store import Index
    from dshcli.progress import Silent, Terminal
    from dshcli.show.beside import Beside
    from dshcli.show.dupes import show_dupes
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    screen, reporter = Screen.of(json=json, csv=csv, quiet=quiet, verbose=verbose), Silent() if quiet else Terminal()
    beside = Beside(plan, report)
    beside.ensure_places()
    limit = max_pixels or MAX_PIXELS
    options = DupesOptions(
        model, radius, link.value, tuple(folders), verify, words_of(kinds), jobs, limit, keep, tuple(protect),
        tuple(against), decided, marked,
    )  # fmt: skip
    with Index.open(db or paths.default_index()) as index:
        result = find_dupes(index, options, reporter)
        show_dupes(screen, beside.written(result, index, options, screen, reporter))
    beside.tell(screen, result)
    if fail_on_found and result.count:
        raise typer.Exit(4)
