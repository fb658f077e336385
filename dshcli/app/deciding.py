"""The commands about pairs of pictures, what people decide of them and what dsh thinks of them: signatures and help."""

from pathlib import Path
from typing import Annotated

import typer

from dshcli import paths
from dshcli.app.options import Csv, Db, Jobs, Json, MaxPixels, ModelName, Quiet, Radius, at_most_one
from dshcli.errors import UsageError

commands = typer.Typer()


@commands.command(
    epilog="Example: dsh decide a.jpg b.jpg --different; dsh decide --list; dsh decide --from marks.jsonl"
)
def decide(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE", help="Image files, indexed or not.")] = [],  # noqa: B006
    same: Annotated[bool, typer.Option("--same", help="Each is the first one's picture; one of them can go.")] = False,
    keep_both: Annotated[
        bool, typer.Option("--keep-both", help="Each is the first one's picture, and all of them stay.")
    ] = False,
    different: Annotated[bool, typer.Option("--different", help="No two of them are one picture.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="As if nothing had been decided; of one image: nor chosen.")
    ] = False,
    keeper: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="Keep it before all others of its group, and before IMAGEs.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show all decisions; decide nothing.")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE.jsonl", help="Decisions that a report exported.")
    ] = None,
    db: Db = None,
    json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Say what images are to each other: dsh dupes goes by it, whatever their codes and pixels say.

    Decisions are about contents: they outlive moves, new scans and new models.
    """
    from dshcli.commands.decide import choose_keeper, decide_from, decide_pairs, list_decisions
    from dshcli.library.decisions import Verdict
    from dshcli.library.store import Index
    from dshcli.show.decide import show_decisions, show_saved
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    others = {"keeper": keeper is not None, "list": listed, "from": source is not None}
    at_most_one(**{"same": same, "keep-both": keep_both, "different": different, "forget": forget, **others})
    screen, database = Screen.of(json=json, csv=csv, quiet=quiet), db or paths.default_index()
    if images and (listed or source is not None):
        raise UsageError("--list and --from take no images", hint="Leave them out.")
    if listed:
        with Index.open(database) as index:
            return show_decisions(screen, *list_decisions(index))
    if source is not None:
        return show_saved(screen, decide_from(database, source))
    if keeper is not None:
        return show_saved(screen, choose_keeper(database, keeper, images))
    if not (same or keep_both or different or forget):
        raise UsageError("nothing is said of these images", hint="Add --same, --keep-both, --different or --forget.")
    verdict = Verdict.SAME if same else Verdict.BOTH if keep_both else Verdict.DIFFERENT if different else None
    show_saved(screen, decide_pairs(database, images, verdict))


@commands.command(
    epilog="Example: dsh explain a.jpg b.jpg; with both pictures: dsh explain a.jpg b.jpg --report why.html"
)
def explain(
    one: Annotated[str, typer.Argument(metavar="A", help="An image file, indexed or not.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    radius: Radius = None,
    groups: Annotated[
        bool, typer.Option("--groups/--no-groups", help="Look where they stand in the index's groups: as dsh dupes.")
    ] = True,
    db: Db = None,
    model: ModelName = None,
    max_pixels: MaxPixels = None,
    jobs: Jobs = 0,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Also write a page with both pictures and the facts.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say why two images are one picture to dsh dupes, or two: distance, candidates, proof, decisions, groups."""
    from dshcli.commands.explain import ExplainOptions
    from dshcli.commands.explain import explain as explained
    from dshcli.images.opening import MAX_PIXELS
    from dshcli.progress import Silent, Terminal
    from dshcli.show.explain import show_explanation
    from dshcli.show.page.explaining import write_explanation
    from dshcli.show.screen import Screen

    reporter = Silent() if quiet else Terminal()
    limit = max_pixels or MAX_PIXELS
    options = ExplainOptions(model, radius, groups, jobs, limit)
    found = explained(db or paths.default_index(), (one, other), options, reporter)
    show_explanation(Screen.of(json=json, csv=False, quiet=quiet), found)
    if report is not None:
        write_explanation(report, found, reporter, limit)
