"""What a training is asked to do (TrainOptions) and what that comes to for the data at hand (Recipe). No torch here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dshcli.codes import MAX_BITS, MIN_BITS
from dshcli.errors import UsageError
from dshcli.hasher.data import Survey
from dshcli.images.spec import InputSpec

BITS = 48
LOSSES = ("center", "dsh", "dsh+center", "cosine")  # the first is the usual one
DEVICES = ("auto", "cpu", "cuda", "mps")
MIN_BATCH = 4
RUN = 4  # images of a class that come together in balanced batches where the loss is over pairs


@dataclass(frozen=True)
class TrainOptions:
    """A training as the user asks for it; None and 'auto' mean that the data decides.

    fine_tune: a pretrained network learns as a whole, its body more slowly than its head.
    out is the model's own folder, instead of one under the user's models; name is the model's name, which then
    replaces a model of that name. data_dir holds the files of a public data set. margin belongs to the DSH losses;
    tensorboard is a folder for events.
    """

    bits: int | None = None
    loss: str | None = None
    margin: float | None = None
    backbone: str = "auto"
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    seed: int = 0
    device: str = "auto"
    data_dir: Path | None = None
    name: str | None = None
    out: Path | None = None
    resume: bool = False
    augment: bool = True
    fine_tune: bool = False
    tensorboard: Path | None = None


@dataclass(frozen=True)
class Recipe:
    """All numbers of a training, decided: equal recipes on equal data give equal models on one machine."""

    bits: int
    loss: str
    margin: float | None
    backbone: str
    size: int
    channels: int
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    seed: int
    device: str
    augment: bool
    balanced_batches: bool
    fine_tune: bool


def check_options(options: TrainOptions, losses: Sequence[str] = LOSSES) -> None:
    """Raises UsageError for the first value that cannot work, whatever the data. losses are those to choose from."""
    if options.bits is not None and not MIN_BITS <= options.bits <= MAX_BITS:
        raise UsageError(
            f"{options.bits} bits cannot be trained",
            hint=f"Choose between {MIN_BITS} and {MAX_BITS}, such as 48.",
        )
    loss = options.loss or losses[0]
    if loss not in losses:
        raise UsageError(f"there is no loss named {loss!r} here", hint=f"Choose one of {', '.join(losses)}.")
    if options.device not in DEVICES:
        raise UsageError(f"there is no device named {options.device!r}", hint=f"Choose one of {', '.join(DEVICES)}.")
    if options.margin is not None and not (loss.startswith("dsh") and options.margin > 0):
        raise UsageError(
            f"margin {options.margin:g} does not fit the loss {loss!r}",
            hint="A margin is a positive number and belongs to --loss dsh or dsh+center.",
        )
    for name, value, least in (
        ("epochs", options.epochs, 1),
        ("batch", options.batch, MIN_BATCH),
        ("seed", options.seed, 0),
    ):
        if value is not None and value < least:
            raise UsageError(f"{name} is {value}", hint=f"The least that works is {least}.")
    if options.learning_rate is not None and not 0 < options.learning_rate < 100:
        raise UsageError(f"learning rate {options.learning_rate:g} cannot work", hint="Leave it out, or try 0.001.")


@dataclass(frozen=True)
class _Defaults:
    """What suits a backbone: images seen in all, within these bounds on epochs, and the optimiser's numbers."""

    images: int
    epochs: tuple[int, int]
    batch: int
    learning_rate: float
    weight_decay: float


_DEFAULTS = {
    "small": _Defaults(1_500_000, (20, 60), 256, 3e-3, 0.01),
    "resnet": _Defaults(600_000, (12, 40), 128, 3e-3, 0.05),
    "lite0": _Defaults(120_000, (20, 100), 128, 2e-3, 0.05),
}
_TORCHVISION = _Defaults(100_000, (5, 20), 32, 3e-4, 0.05)
_FINE_TUNED = _Defaults(30_000, (4, 12), 32, 2e-3, 0.05)
_FROM_SCRATCH = ("small", "resnet")


def decide(options: TrainOptions, survey: Survey, backbone: str, spec: InputSpec, device: str) -> Recipe:
    """The recipe for a source: what the options leave open comes from the backbone and the number of images.

    Raises UsageError if a network without pretrained weights is to be fine-tuned.
    """
    if options.fine_tune and backbone in _FROM_SCRATCH:
        raise UsageError(
            f"{backbone} has no pretrained weights to fine-tune",
            hint="Choose --backbone lite0, or leave out --fine-tune.",
        )
    usual = _FINE_TUNED if options.fine_tune else _DEFAULTS.get(backbone, _TORCHVISION)
    least, most = usual.epochs
    # A batch of a small set still leaves a dozen steps per epoch, and room for pairs of each class.
    batch = options.batch or max(min(usual.batch, survey.images // 12), MIN_BATCH)
    loss = options.loss or LOSSES[0]
    over_pairs = loss.startswith("dsh")
    return Recipe(
        bits=options.bits or BITS,
        loss=loss,
        margin=options.margin,
        backbone=backbone,
        size=spec.size,
        channels=spec.channels,
        epochs=options.epochs or min(max(usual.images // survey.images, least), most),
        batch=batch,
        learning_rate=options.learning_rate or usual.learning_rate,
        weight_decay=usual.weight_decay,
        seed=options.seed,
        device=device,
        augment=options.augment,
        balanced_batches=not survey.balanced or (over_pairs and batch < RUN * len(survey.classes)),
        fine_tune=options.fine_tune,
    )
