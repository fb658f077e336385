"""The commands that train and judge models: signatures and help."""

from pathlib import Path
from typing import Annotated

import typer

from dshcli.app.options import (
    Against,
    Copies,
    Csv,
    DataDir,
    Json,
    MaxFalse,
    Photos,
    Quiet,
    Seed,
    WriteRadius,
    at_most_one,
    either_labels_or_copies,
)

commands = typer.Typer()


@commands.command(
    epilog="Example: dsh train mnist --bits 8; dsh train ./labelled --name cats; dsh train ./photos --copies"
)
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


@commands.command(
    "eval", epilog="Example: dsh eval mnist-8 mnist --report out.html; dsh eval photo ./my-photos --copies"
)
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
