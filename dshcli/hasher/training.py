"""Training from beginning to end: a source and options go in, a saved model and the facts about it come out."""

import hashlib
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

import dshcli
from dshcli.errors import UsageError
from dshcli.hasher import networks
from dshcli.hasher.centres import Centres
from dshcli.hasher.checkpoints import Record
from dshcli.hasher.data import Indices, Parts, Source, Split, Survey, stratified
from dshcli.hasher.evaluation import Evaluation, Protocol, evaluate, protocol_words
from dshcli.hasher.export import export_files
from dshcli.hasher.fitting import Diverged, Lesson, coded, encode, fit, outputs_of
from dshcli.hasher.journal import Journal, NoJournal, TensorBoard
from dshcli.hasher.labels import has_several
from dshcli.hasher.lite0 import SHIPPED
from dshcli.hasher.memory import memory_told, to_read_less, to_train_on_less
from dshcli.hasher.models import Model, ModelConfig, save_model
from dshcli.hasher.place import Place, check_place, claim_place
from dshcli.hasher.ranking import Coded, tie_aware_map
from dshcli.hasher.recipe import Recipe, TrainOptions, check_options, decide
from dshcli.hasher.setup import Setup, prepare
from dshcli.hasher.sources import open_source
from dshcli.progress import Reporter

SCORED = 5_000  # training images that validation queries search after each epoch


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    evaluation is of the test images searching all others; own_test tells that the data set itself said which those
    are, else they were held out of it. centres is None for a loss without them. seconds and cpu_seconds are of
    the whole command; record has those of the epochs, with what a stopped run had used before.
    """

    model: Model
    recipe: Recipe
    record: Record
    evaluation: Evaluation
    centres: Centres | None
    own_test: bool
    counts: dict[str, int]  # images by split
    skipped: tuple[tuple[str, str], ...]  # (path, reason) of images that were left out
    seconds: float
    cpu_seconds: float


def train_hasher(source: str, options: TrainOptions, reporter: Reporter) -> TrainingResult:
    """Trains a hasher on a public data set, a folder or a CSV file, evaluates it once on its test images, and saves it.

    Raises UsageError for options that cannot work, NoData if a public data set cannot be had, DshError if the
    data cannot be learned from, if the loss is no number, or if the model cannot be written. After Ctrl-C
    (KeyboardInterrupt passes through) or a kill, `options.resume` goes on after the last finished epoch.
    """
    check_options(options)
    check_place(options)
    return train_source(open_source(source, options.data_dir, reporter), source, options, reporter)


def train_source(found: Source, source: str, options: TrainOptions, reporter: Reporter) -> TrainingResult:
    """The same for a source that is open already; `source` is what the user calls it."""
    clock, cpu = time.perf_counter(), time.process_time()
    check_options(options)
    check_place(options)
    recipe = recipe_for(found.survey, options)
    _say_recipe(found.survey, recipe, reporter)
    journal = TensorBoard(options.tensorboard) if options.tensorboard else NoJournal()
    with memory_told(to_read_less(recipe)):
        setup = prepare(found, recipe, reporter)
    _say_setup(setup, recipe, reporter)
    settings = {"source": source, "recipe": asdict(recipe), "data": _fingerprint(setup.inputs.parts)}
    stem = found.survey.name.lstrip(".") or "model"
    place = claim_place(f"{stem}-{recipe.bits}", options, settings, reporter)
    with held(place, reporter), memory_told(to_train_on_less(recipe)):
        record = _fit(setup, recipe, place, journal, reporter)
        evaluation = _evaluate(setup, recipe.bits, journal)
        model = _save(place, setup, recipe, record, evaluation, source)
    return TrainingResult(
        model=model,
        recipe=recipe,
        record=record,
        evaluation=evaluation,
        centres=setup.centres,
        own_test=setup.inputs.parts.own_test,
        counts=_counts(setup.inputs.parts),
        skipped=setup.inputs.dataset.skipped,
        seconds=time.perf_counter() - clock,
        cpu_seconds=time.process_time() - cpu,
    )


@contextmanager
def held(place: Place, reporter: Reporter) -> Iterator[None]:
    """Keeps the checkpoint if the training is stopped, or if something fails that may go well another time."""
    try:
        yield
    except KeyboardInterrupt:
        if place.store.exists():
            place.leave()
            reporter.say("stopped; the same command with --resume goes on from its last checkpoint")
        else:
            place.clear_away()
        raise
    except Diverged:
        place.clear_away()
        raise
    except BaseException:
        place.leave()
        raise
    place.clear_away()


def recipe_for(survey: Survey, options: TrainOptions) -> Recipe:
    backbone = options.backbone
    if backbone == "auto":
        pretrained = SHIPPED.is_file()
        backbone = networks.choose_backbone(survey.side, survey.channels, survey.images, pretrained=pretrained)
    spec = networks.choose_spec(backbone, survey.side, survey.channels)
    return decide(options, survey, backbone, spec, device_for(options.device))


def device_for(wanted: str) -> str:
    """The device to train on. Raises UsageError if this computer does not have the one that is wanted."""
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if here[device])
    if not here[wanted]:
        raise UsageError(f"torch finds no {wanted} device here", hint="Choose --device auto or cpu.")
    return wanted


def _say_recipe(survey: Survey, recipe: Recipe, reporter: Reporter) -> None:
    several = f" ({survey.labels_each:.1f} an image)" if survey.labels_each > 1 else ""
    reporter.say(
        f"{survey.name}: {survey.images} training images of {len(survey.classes)} classes{several}, about "
        f"{survey.side} pixels, "
        f"{'gray' if survey.channels == 1 else 'in colour'}"
    )
    network = f"{recipe.backbone}, fine-tuned," if recipe.fine_tune else recipe.backbone
    reporter.say(
        f"network {network} on {recipe.size}x{recipe.size} {'gray' if recipe.channels == 1 else 'RGB'} pixels, "
        f"{recipe.bits} bits, loss {recipe.loss}, {recipe.epochs} epochs of batches of {recipe.batch}, {recipe.device}"
    )


def _say_setup(setup: Setup, recipe: Recipe, reporter: Reporter) -> None:
    counts, own_test = _counts(setup.inputs.parts), setup.inputs.parts.own_test
    held_out = "" if own_test else " (held out: the data bring no test set)"
    reporter.say(
        f"{counts['train']} images to train on, {counts['validation']} to choose the epoch, "
        f"{counts['test']} for the test{held_out}"
    )
    if setup.centres is not None:
        reporter.say(
            f"class centres: least distance {setup.centres.distance} of {recipe.bits} bits; "
            f"no codes can have more than {setup.centres.bound}"
        )


def _counts(parts: Parts) -> dict[str, int]:
    return {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)}


def _fingerprint(parts: Parts) -> str:
    """A digest of the labels and of about 1,000 images: other data need another training."""
    digest = hashlib.sha256()
    for split in (parts.train, parts.validation, parts.test):
        digest.update(split.labels.tobytes())
        step = -(-len(split) // 1000) or 1
        digest.update(np.ascontiguousarray(split.inputs[::step]).tobytes())
    return digest.hexdigest()


def _fit(setup: Setup, recipe: Recipe, place: Place, journal: Journal, reporter: Reporter) -> Record:
    lesson = Lesson(
        feed=setup.inputs.feed(setup.inputs.parts.train),
        labels=setup.inputs.parts.train.labels,
        loss=setup.loss,
        score=partial(_validation_map, setup, _scored(setup.inputs.parts.train, recipe.seed)),
        judged=len(setup.inputs.parts.validation),
        journal=journal,
    )
    record = fit(setup.inputs.trained, lesson, recipe, place.store, reporter)
    reporter.say(
        f"kept epoch {record.best_epoch} of {record.epochs}: validation mAP {record.best_score:.4f}, "
        f"highest {max(record.scores):.4f}"
    )
    return record


def _scored(train: Split, seed: int) -> Indices:
    """Training images that stand for all when an epoch is scored: a fixed share of each class."""
    if len(train) <= SCORED:
        return np.arange(len(train))
    return stratified(train.labels, SCORED / len(train), np.random.default_rng(seed))[1]


def _validation_map(setup: Setup, scored: Indices, network: torch.nn.Module) -> float:
    parts = setup.inputs.parts
    queries = encode(network, setup.inputs.feed(parts.validation))
    database = encode(network, setup.inputs.feed(parts.train), scored)
    return tie_aware_map(queries, parts.validation.labels, database, parts.train.labels[scored])


def _save(place: Place, setup: Setup, recipe: Recipe, record: Record, evaluation: Evaluation, source: str) -> Model:
    config = ModelConfig(
        name=place.name,
        bits=recipe.bits,
        size=recipe.size,
        channels=recipe.channels,
        mean=setup.inputs.mean,
        std=setup.inputs.std,
        backbone=recipe.backbone,
        loss=recipe.loss,
        radius=evaluation.radius,
        classes=setup.inputs.dataset.classes,
        network=setup.description,
        metrics=_metrics(evaluation),
        training={
            "source": source,
            "images": _counts(setup.inputs.parts),
            "own_test": setup.inputs.parts.own_test,
            "several_labels": has_several(setup.inputs.parts.train.labels),
            "recipe": asdict(recipe),
            "best_epoch": record.best_epoch,
            **asdict(record),
        },
        versions=versions(),
    )
    return save_model(place.folder, config, partial(export_files, setup.network, config))


def versions() -> dict[str, str]:
    return {
        "dshcli": dshcli.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def _evaluate(setup: Setup, bits: int, journal: Journal) -> Evaluation:
    """The test images, looked at now for the first time, search all others."""
    parts = setup.inputs.parts
    outputs = outputs_of(setup.inputs.trained, setup.inputs.feed(parts.test))
    queries = Coded(coded(outputs), parts.test.labels)
    database = Coded(
        np.concatenate(
            [encode(setup.inputs.trained, setup.inputs.feed(split)) for split in (parts.train, parts.validation)]
        ),
        np.concatenate([parts.train.labels, parts.validation.labels]),
    )
    protocol = Protocol(protocol_words(parts.own_test))
    evaluation = evaluate(queries, database, bits, setup.inputs.dataset.classes, protocol)
    journal.end(evaluation, outputs, parts.test.inputs, parts.test.labels)
    return evaluation


def _metrics(evaluation: Evaluation) -> dict[str, Any]:
    """The figures that a model keeps; the curves by radius can be had again from the codes."""
    figures = evaluation.as_dict()
    return {name: figures[name] for name in figures if name not in _CURVES}


_CURVES = ("by_radius", "same_class_pairs", "other_class_pairs", "bit_balance")
