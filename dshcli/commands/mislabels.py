"""`dsh mislabels`: images of a labelled folder whose label is likely to be wrong."""

from dataclasses import dataclass, replace

import numpy as np

from dshcli.errors import DshError, UsageError
from dshcli.hasher.data import Dataset, Split
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.files import FileSource
from dshcli.hasher.labels import Ints, has_several
from dshcli.hasher.models import Model, find_model
from dshcli.hasher.sources import open_source
from dshcli.machine import cores
from dshcli.progress import Reporter, Silent
from dshcli.sets.mislabels import Shares, doubts, probabilities

FOLDS = 5
SHORT, SHORTEST = 8, 5  # folds learn an eighth of the recipe's epochs, at least so many: longer, and they learn errors
AT_ONCE = 512  # images between two movements of the progress bar


@dataclass(frozen=True)
class MislabelsOptions:
    """folds: models to train, each of which judges the images that it never saw; 0: the model itself judges all. count:
    the most doubtful ones, however many are likely (None: those that are likely)."""

    model: str | None = None
    folds: int = FOLDS
    count: int | None = None


@dataclass(frozen=True)
class Mislabel:
    """rank: from 1; confidence: how much the label is believed, 0 to 1; likely: whether it counts as wrong."""

    rank: int
    path: str
    split: str
    label: str
    suggested: str
    confidence: float
    likely: bool


@dataclass(frozen=True)
class Mislabels:
    """The shown ones; of how many images, how many of them likely mislabelled, and how many with a doubtful label."""

    model: Model
    folds: int
    images: int
    likely: int
    doubtful: int
    shown: tuple[Mislabel, ...]
    skipped: tuple[tuple[str, str], ...]


def find_mislabels(folder: str, options: MislabelsOptions, reporter: Reporter | None = None) -> Mislabels:
    """Judges the labels of a folder (or CSV file) of images. Raises UsageError, NoModel, BadModel, DshError."""
    reporter = reporter or Silent()
    _check(options)
    model = _model_of_labels(options.model, folder)
    source = open_source(folder, None, reporter)
    if not isinstance(source, FileSource):
        raise UsageError(f"{folder} has no image files", hint="Name a folder with one sub-folder per class.")
    if any(has_several(listed.labels) for listed in source.splits.values()):
        raise UsageError(
            f"{folder}: its images have several labels each", hint="Only one label an image can be judged."
        )
    if options.folds:
        dataset, shares = _by_folds(model, source, options.folds, reporter)
    else:
        dataset, shares = _by_itself(model, source, reporter)
    return _ranked(model, source, dataset, shares, options)


def _check(options: MislabelsOptions) -> None:
    if options.folds < 0 or options.folds == 1:
        raise UsageError(f"{options.folds} folds", hint="2 or more; 0 lets the model judge what it was trained on.")
    if options.count is not None and options.count < 1:
        raise UsageError(f"-k must be at least 1, not {options.count}", hint="Leave it out for all likely ones.")


def _model_of_labels(wanted: str | None, folder: str) -> Model:
    """The wanted, or current, model. Raises UsageError if it was not trained on labels."""
    model = find_model(wanted)
    if not model.config.classes:
        raise UsageError(
            f"the model {model.config.name} was trained without labels and knows no classes",
            hint=f"Train one on these: dsh train {folder}; then dsh mislabels {folder}",
        )
    return model


def _by_itself(model: Model, source: FileSource, reporter: Reporter) -> tuple[Dataset, Shares]:
    """The probabilities by the model as it is."""
    reporter.say(
        f"{model.config.name} judges the labels itself: of images that it was trained on it has learned wrong ones, too"
    )
    encoder = Encoder(model, threads=cores())
    dataset = source.load(model.config.spec, reporter)
    splits = _splits(dataset)
    outputs = []
    with reporter.task("encoding", total=sum(map(len, splits)), unit="image") as task:
        for split in splits:
            for at in range(0, len(split), AT_ONCE):
                outputs.append(encoder.outputs(split.inputs[at : at + AT_ONCE]))
                task.advance(len(outputs[-1]))
    found = np.concatenate(outputs)
    return dataset, probabilities(found, found, _labels(dataset), len(dataset.classes))


def _by_folds(model: Model, source: FileSource, folds: int, reporter: Reporter) -> tuple[Dataset, Shares]:
    """The probabilities by models of the same recipe that were not trained on what they judge."""
    from dshcli.hasher.crossing import cross
    from dshcli.hasher.siblings import recipe_of

    try:
        recipe = recipe_of(model)
    except DshError as error:
        raise DshError(str(error), hint=f"{error.hint} Or let the model judge alone: --folds 0") from error
    short = replace(recipe, epochs=min(recipe.epochs, max(recipe.epochs // SHORT, SHORTEST)))
    crossed = cross(source, short, folds, reporter)
    dataset = crossed.dataset
    classes, trained = len(dataset.classes), np.zeros((len(dataset.train), len(dataset.classes)))
    others = []
    for one in crossed.judgements:
        trained[one.places] = probabilities(one.judged, one.known, one.labels, classes)
        others.append(probabilities(one.others, one.known, one.labels, classes))
    return dataset, np.concatenate([trained, np.mean(others, axis=0)])


def _ranked(model: Model, source: FileSource, dataset: Dataset, shares: Shares, options: MislabelsOptions) -> Mislabels:
    skipped = {path for path, _ in dataset.skipped}
    places = [
        (name, path)
        for name in ("train", "validation", "test")
        if name in source.splits
        for path in source.splits[name].paths
        if path not in skipped
    ]
    labels = _labels(dataset)
    assert len(places) == len(labels) == len(shares)
    found = doubts(shares, labels)
    chosen = np.flatnonzero(found.likely) if options.count is None else np.arange(min(options.count, len(found.images)))
    shown = tuple(
        Mislabel(
            rank,
            places[image][1],
            places[image][0],
            dataset.classes[labels[image]],
            dataset.classes[found.suggested[at]],
            float(found.confidence[at]),
            bool(found.likely[at]),
        )
        for rank, (at, image) in enumerate(zip(chosen.tolist(), found.images[chosen].tolist(), strict=True), start=1)
    )
    return Mislabels(
        model=model,
        folds=options.folds,
        images=len(labels),
        likely=int(found.likely.sum()),
        doubtful=len(found.images),
        shown=shown,
        skipped=dataset.skipped,
    )


def _labels(dataset: Dataset) -> Ints:
    return np.concatenate([split.labels for split in _splits(dataset)])


def _splits(dataset: Dataset) -> list[Split]:
    return [split for split in (dataset.train, dataset.validation, dataset.test) if split is not None]
