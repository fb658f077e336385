"""`dsh train FOLDER --copies` from beginning to end: photos without labels go in, a saved model comes out.

Where it starts: the built-in model, which was trained the same way on other photos; with another number of bits, from
ImageNet features.
"""

import hashlib
import math
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dshcli.errors import DshError, UsageError
from dshcli.hasher import lite0, networks
from dshcli.hasher.copies.beginning import SIZE, SMALLER, codes_of, complete, description_of, distance_for, network_for
from dshcli.hasher.copies.fitting import CopiesRecipe, fit_copies
from dshcli.hasher.copies.judging import CopyFigures, judge_copies
from dshcli.hasher.copies.loss import LOSSES
from dshcli.hasher.copies.photos import Photos, divided, read_photos
from dshcli.hasher.copies.views import Stage
from dshcli.hasher.export import export_files
from dshcli.hasher.models import Model, ModelConfig, save_model
from dshcli.hasher.place import check_place, claim_place
from dshcli.hasher.pretrained import load_lite0, maybe_load_photo
from dshcli.hasher.recipe import TrainOptions, check_options
from dshcli.hasher.training import device_for, held, versions
from dshcli.machine import cores
from dshcli.progress import Reporter

BITS = 384
SHARE_SMALLER = 0.8  # of the steps is done with smaller squares: it takes two thirds of the time
BATCH, LEARNING_RATE, WEIGHT_DECAY = 48, 1e-3, 1e-4
USUAL_STEPS, FEWEST_EPOCHS = 1500, 2
HELD_OUT, FILLERS = 1 / 8, 1 / 20  # of the photos: for the figures, and to fill collages with
FEWEST = 24  # photos to train on
EDITED = 300  # held-out photos whose copies are judged, at most
TABLED = 0.05  # the largest share of unrelated pairs whose radius a model still tells: small folders can afford it


@dataclass(frozen=True)
class CopiesResult:
    """A finished training on copies; figures are of held-out photos. seconds are of the whole command."""

    model: Model
    recipe: CopiesRecipe
    photos: int
    figures: CopyFigures
    skipped: tuple[tuple[str, str], ...]
    seconds: float
    cpu_seconds: float


def train_copies(folder: str, options: TrainOptions, reporter: Reporter) -> CopiesResult:
    """Trains on the photos of a folder. Raises UsageError, DshError; Ctrl-C and --resume are those of train_hasher."""
    clock, cpu = time.perf_counter(), time.process_time()
    check_options(options, tuple(LOSSES))
    check_place(options)
    if options.backbone not in ("auto", networks.LITE0):
        raise UsageError(f"--copies trains lite0, not {options.backbone}", hint="Leave --backbone out.")
    read = read_photos([folder], reporter)
    learned, held_out = divided(read.photos, HELD_OUT)
    fillers, learned = parted(learned)
    if len(learned) < FEWEST or len(held_out) < 2:
        raise DshError(
            f"{folder}: {len(read.photos)} different photos are too few to learn from",
            hint="Some hundred are needed, some thousand are better; without training: dsh index FOLDER.",
        )
    recipe = recipe_for(len(learned), options)
    reporter.say(
        f"{len(learned)} photos to learn from, {len(held_out)} held out; lite0, fine-tuned, {recipe.bits} bits, loss "
        f"{recipe.loss}, {recipe.steps} steps of {recipe.batch} photos, {recipe.device}"
    )
    network = network_for(recipe)
    if not maybe_load_photo(network, description_of(recipe)):
        load_lite0(network)
    settings = {"source": folder, "recipe": asdict(recipe), "data": fingerprint(read.photos)}
    stem = Path(folder).resolve().name.lstrip(".") or "photos"
    place = claim_place(f"{stem}-copies-{recipe.bits}", options, settings, reporter)
    with held(place, reporter):
        fit_copies(network, learned, fillers, recipe, place.store, reporter, workers=min(cores(), 2))
        complete(network, recipe)
        figures = judge_copies(
            partial(codes_of, network, recipe.device),
            SIZE,
            recipe.bits,
            held_out,
            fillers,
            reporter,
            edited=EDITED,
            distance=distance_for(recipe),
        )
        config = config_for(place.name, recipe, figures, {"source": folder, "photos": len(learned)})
        model = save_model(place.folder, config, partial(export_files, network, config))
    return CopiesResult(
        model, recipe, len(learned), figures, read.skipped, time.perf_counter() - clock, time.process_time() - cpu
    )


def parted(photos: Photos) -> tuple[Photos, Photos]:
    """A few photos to fill collages with, at least one, and the rest."""
    every = round(1 / FILLERS)
    numbers = range(len(photos))
    return photos.some(numbers[::every]), photos.some([i for i in numbers if i % every])


def recipe_for(photos: int, options: TrainOptions) -> CopiesRecipe:
    """The numbers of a training on so many photos. Raises UsageError for more photos a batch than there are."""
    batch = options.batch or min(BATCH, photos // 2)
    if batch > photos:
        raise UsageError(f"a batch of {batch} photos is more than there are ({photos})", hint="Leave --batch out.")
    per_epoch = max(photos // batch, 1)
    steps = per_epoch * (options.epochs or max(math.ceil(USUAL_STEPS / per_epoch), FEWEST_EPOCHS))
    smaller = round(steps * SHARE_SMALLER)
    return CopiesRecipe(
        bits=options.bits or BITS,
        loss=options.loss or "nce",
        stages=(Stage(smaller, SMALLER), Stage(steps - smaller, SIZE)),
        batch=batch,
        learning_rate=options.learning_rate or LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        seed=options.seed,
        device=device_for(options.device),
    )


def config_for(name: str, recipe: CopiesRecipe, figures: CopyFigures, training: dict[str, Any]) -> ModelConfig:
    """What is known of a model trained on copies."""
    calibration = figures.calibration
    radius = calibration.radius
    return ModelConfig(
        name=name,
        bits=recipe.bits,
        size=SIZE,
        channels=3,
        mean=lite0.MEAN,
        std=lite0.STD,
        backbone=networks.LITE0,
        loss=f"copies-{recipe.loss}",
        radius=radius,
        false_rates=tuple(float(f"{rate:.4g}") for rate in calibration.rates if rate <= TABLED),
        network=description_of(recipe),
        metrics={
            "recall of copies": {edit: round(share, 4) for edit, share in figures.recall(radius).items()},
            "unrelated pairs": calibration.pairs,
            "unrelated pairs within the radius": calibration.within[radius],
        },
        training={**training, "recipe": asdict(recipe)},
        versions=versions(),
    )


def fingerprint(photos: Photos) -> str:
    """A digest of the photos: other photos need another training."""
    digest = hashlib.sha256()
    for file in photos.files:
        digest.update(hashlib.sha256(file).digest())
    return digest.hexdigest()
