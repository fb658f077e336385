"""The command line: signatures and help. Each command calls one function and shows what it returns."""

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from dshcli import paths
from dshcli.app_models import models_app
from dshcli.errors import DshError, UsageError
from dshcli.options import (
    LOOK,
    Against,
    Copies,
    Csv,
    DataDir,
    Db,
    Device,
    DeviceName,
    Folders,
    Jobs,
    Json,
    Kinds,
    Link,
    ListFile,
    MaxFalse,
    MaxPixels,
    ModelName,
    Photos,
    PlanFile,
    Protect,
    Quiet,
    Radius,
    Removal,
    RemoveTo,
    Seed,
    Strict,
    Verbose,
    Verify,
    WriteRadius,
    all_queries,
    at_most_one,
    either_labels_or_copies,
    show_version,
    words_of,
)


class _Group(TyperGroup):
    """Our errors end as `Error: ...` and `Hint: ...`, without a traceback. Anything else is a bug and keeps its own."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DshError as error:
            _leave(error)
        except KeyboardInterrupt:
            print("\nStopped. What was finished is saved; the same command goes on from there.", file=sys.stderr)
            raise typer.Exit(130) from None


def _leave(error: DshError) -> NoReturn:
    from dshcli.show.text import escaped

    print(f"Error: {escaped(str(error))}", file=sys.stderr)
    if error.hint:
        print(f"Hint: {escaped(error.hint)}", file=sys.stderr)
    raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error


app = typer.Typer(cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, **LOOK)
app.add_typer(models_app, name="models")


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Find duplicate and similar images by learned binary codes.

    Start with: dsh index ./photos, then dsh dupes.
    """


@app.command(epilog="Example: dsh index ./photos --exclude 'thumbs/*' --prune")
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


@app.command(epilog="Example: dsh query img.png -r 2; or: find new -name '*.jpg' | dsh query - -k 5 --json")
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


@app.command(epilog="Example: dsh dupes --radius 1; in a script: dsh dupes ./photos --json --fail-on-found")
def dupes(
    folders: Folders = [],  # noqa: B006
    radius: Radius = None,
    link: Annotated[Link, typer.Option(help="All members near the keeper, or chains.")] = Link.STAR,
    db: Db = None,
    model: ModelName = None,
    verify: Verify = None,
    kinds: Kinds = None,
    max_pixels: MaxPixels = None,
    jobs: Jobs = 0,
    plan: PlanFile = None,
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
    from dshcli.commands.planning import with_plan
    from dshcli.dedupe.plan import ensure_plan_place
    from dshcli.images.opening import MAX_PIXELS
    from dshcli.library.store import Index
    from dshcli.progress import Silent, Terminal
    from dshcli.show.dupes import show_dupes, show_plan
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    screen = Screen.of(json=json, csv=csv, quiet=quiet, verbose=verbose)
    if plan is not None:
        ensure_plan_place(plan)
    limit = max_pixels or MAX_PIXELS
    options = DupesOptions(model, radius, link.value, tuple(folders), verify, words_of(kinds), jobs, limit)
    with Index.open(db or paths.default_index()) as index:
        result = find_dupes(index, options, Silent() if quiet else Terminal())
        show_dupes(screen, result if plan is None else with_plan(result, index, plan))
    if plan is not None:
        show_plan(screen, plan, result)
    if fail_on_found and result.count:
        raise typer.Exit(4)


@app.command(epilog="Example: dsh apply plan.jsonl, then dsh apply plan.jsonl --yes --protect ./album")
def apply(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="What dsh dupes --plan wrote; you may have edited it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Else nothing is changed.")] = False,
    to: RemoveTo = Removal.QUARANTINE,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Of the quarantine; else in your data folder.")
    ] = None,
    protect: Protect = [],  # noqa: B006
    really_delete: Annotated[bool, typer.Option("--really-delete", help="Must go with --to delete.")] = False,
    db: Annotated[
        Path | None, typer.Option("--db", metavar="FILE", help="The index that keeps the journal; else the plan's.")
    ] = None,
    strict: Strict = False,
    json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Remove the files that a plan names or, without --yes, say what would be done. dsh undo takes it back.

    Both files are read again before each step. What is not as the plan says is skipped, with the reason.
    """
    from dshcli.commands.apply import ApplyOptions, applying
    from dshcli.progress import Silent, Terminal
    from dshcli.show.apply import show_applying
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    screen, reporter = Screen.of(json=json, csv=csv, quiet=quiet), Silent() if quiet else Terminal()
    options = ApplyOptions(to.value, folder, tuple(protect), db, yes, really_delete)
    with applying(plan, options, reporter) as work:
        skipped = show_applying(screen, work, reporter)
    if strict and skipped:
        raise typer.Exit(3)


@app.command(epilog="Example: dsh undo; an earlier run: dsh undo --list, then dsh undo 2")
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


@app.command(epilog="Example: dsh train mnist --bits 8; dsh train ./labelled --name cats; dsh train ./photos --copies")
def train(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="mnist, fashion-mnist, cifar10, a folder with one folder a class, or a CSV of path,label[,label].",
        ),
    ],
    copies: Annotated[
        bool, typer.Option("--copies", help="No labels: learn to tell edited copies of a folder's photos. Hours.")
    ] = False,
    bits: Annotated[
        int | None, typer.Option("--bits", "-b", metavar="K", help="Of the code, 4 to 512; else 48, for copies 384.")
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="center (the usual), dsh, dsh+center, cosine; for copies nce or dsh."),
    ] = None,
    margin: Annotated[float | None, typer.Option(metavar="M", help="Of the dsh losses; else 2 x bits.")] = None,
    backbone: Annotated[
        str, typer.Option(metavar="NAME", help="small, resnet, lite0, one of torchvision's, or auto.")
    ] = "auto",
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Else by the size of the data.")] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Images a batch; else by the network.")] = None,
    learning_rate: Annotated[float | None, typer.Option(metavar="X", help="Else by the network.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Equal seeds give equal models on one machine.")] = 0,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.")] = "auto",
    data_dir: DataDir = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The model's name; else by data and bits.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Save the model in this folder instead.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    augment: Annotated[bool, typer.Option(help="Vary the images while training.")] = True,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write events for TensorBoard: losses, scores, the outputs.")
    ] = None,
    fine_tune: Annotated[bool, typer.Option("--fine-tune", help="Train all of a pretrained network: slow.")] = False,
    json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Fit a hasher on labelled images or on copies, test it, save it, and make it the current model."""
    from dshcli.commands.train import train_and_use, train_copies_and_use
    from dshcli.hasher.recipe import TrainOptions
    from dshcli.progress import Silent, Terminal
    from dshcli.show.screen import Screen
    from dshcli.show.train import show_copies_training, show_training

    options = TrainOptions(
        bits, loss, margin, backbone, epochs, batch, learning_rate, seed, device, data_dir, name, out, resume, augment,
        fine_tune, tensorboard,
    )  # fmt: skip
    at_most_one(json=json, csv=csv)
    screen, reporter = Screen.of(json=json, csv=csv, quiet=quiet), Silent() if quiet else Terminal()
    if copies:
        show_copies_training(screen, train_copies_and_use(source, options, reporter))
    else:
        show_training(screen, train_and_use(source, options, reporter))


@app.command("eval", epilog="Example: dsh eval mnist-8 mnist --report out.html; dsh eval photo ./my-photos --copies")
def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or folder.")],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA", help="As for train: a data set or a folder; else what the model was trained on."
        ),
    ] = None,
    data_dir: DataDir = None,
    protocol: Annotated[
        Against, typer.Option(help="Test images search the training images, or each other (the DSH paper's way).")
    ] = Against.TRAIN,
    at: Annotated[
        list[int], typer.Option("--at", metavar="K", min=1, help="Also mAP@K and P@K; may be repeated.")
    ] = [],  # noqa: B006
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Train the recipe with N seeds: mean and spread.")] = 1,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="Train the recipe on 3/4 of the classes, judge on the others.")
    ] = False,
    references: Annotated[
        bool, typer.Option("--references", help="Also float features, PCA and ITQ codes, as --unseen does.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with plots, codes and worst answers.")
    ] = None,
    copies: Copies = False,
    photos: Photos = 200,
    max_false: MaxFalse = 1.0,
    seed: Seed = 0,
    write_radius: WriteRadius = False,
    json: Json = False,
    csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Judge a model by labelled images (tie-aware mAP, precision and recall by radius, the codes of the classes), or
    with --copies by edits of your photos: what it finds at which radius, and the radius that they want."""
    from dshcli.progress import Silent, Terminal
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    either_labels_or_copies(context, copies=copies)
    screen, reporter = Screen.of(json=json, csv=csv, quiet=quiet), Silent() if quiet else Terminal()
    if copies:
        from dshcli.commands.eval_copies import CopiesOptions, ensure_stored, evaluate_copies
        from dshcli.show.eval_copies import show_copies

        found = evaluate_copies(model, data, CopiesOptions(photos, max_false, seed, write_radius), reporter)
        show_copies(screen, found)
        return ensure_stored(found)
    from dshcli.commands.evaluate import EvalOptions, evaluate_model
    from dshcli.hasher.evaluation import PLACES
    from dshcli.hasher.judging import JudgeOptions
    from dshcli.show.eval import show_evaluation

    judge = JudgeOptions(protocol is Against.SELF, tuple(sorted({*PLACES, *at})))
    result = evaluate_model(model, data, EvalOptions(judge, data_dir, seeds, unseen, references), reporter)
    show_evaluation(screen, result)
    if report is not None:
        from dshcli.show.page import write_report

        write_report(report, result, reporter)


def main() -> None:
    """The entry point `dsh`."""
    try:
        app(prog_name="dsh")
    except BrokenPipeError:
        # The reader, `head` for instance, has had enough: leave without a word, also at interpreter shutdown.
        sys.stderr.close()
        sys.exit(141)
