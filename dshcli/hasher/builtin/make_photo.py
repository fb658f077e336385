"""Makes the built-in model `photo`:  python -m dshcli.hasher.builtin.make_photo --photos FOLDER --work DIR

Trains lite0 on copies of the photos, from its ImageNet weights and several times, as `dsh train FOLDER --copies` does
from the model that is made here; then calibrates and measures it on photos that it never saw. Run twice on one machine
it gives the same model_id. Stopped at any moment, the same command goes on from the last checkpoint in the work folder.

The photos' folder holds pictures in sub-folders and SOURCES.tsv, which names for each file its source repository,
commit, path and licence. The script writes the whole model folder, model card included; the LICENSE files are kept.
"""

import argparse
import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from dshcli.hasher import lite0
from dshcli.hasher.builtin.card import Facts, SourceRow, model_card
from dshcli.hasher.builtin.choices import read_choices
from dshcli.hasher.checkpoints import CheckpointStore
from dshcli.hasher.copies.beginning import SIZE, SMALLER, complete, distance_for, network_for
from dshcli.hasher.copies.calibration import Mask, look_alike
from dshcli.hasher.copies.fitting import CopiesRecipe, fit_copies
from dshcli.hasher.copies.judging import CopyCodes, CopyFigures, figures_of, hash_copies
from dshcli.hasher.copies.photos import Photos
from dshcli.hasher.copies.training import BATCH, EDITED, LEARNING_RATE, WEIGHT_DECAY, config_for, fingerprint, parted
from dshcli.hasher.copies.views import Stage
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.export import export_files
from dshcli.hasher.models import BUILTIN, ENCODER, WEIGHTS, Model, ModelConfig, builtin_folder, save_model
from dshcli.hasher.networks import HashNetwork
from dshcli.hasher.pretrained import load_lite0
from dshcli.progress import Reporter, Terminal

FIRST = CopiesRecipe(
    bits=384,
    loss="nce",
    stages=(Stage(950, SMALLER), Stage(270, SIZE)),
    batch=BATCH,
    learning_rate=LEARNING_RATE,
    weight_decay=WEIGHT_DECAY,
    seed=0,
)
HARDER = replace(FIRST, stages=(Stage(380, SMALLER), Stage(60, SIZE)), learning_rate=6e-4, seed=1, look_alikes=True)
LONGER = replace(HARDER, stages=(Stage(1600, SMALLER), Stage(240, SIZE)), seed=2)
TRAININGS = (FIRST, HARDER, LONGER)  # each goes on from where the one before ended; see `as_stored`

# (learned bits, bits of waves) of codes that the card compares
PARTS = ((64, 128), (128, 128), (192, 128), (256, 0), (256, 32), (256, 64), (256, 96), (0, 128), (256, 128))
LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy", "pillow")
AS_STORED = 2  # the training before which the network is rounded
SOURCES, REPEATS, CARD = "SOURCES.tsv", "repeats.tsv", "MODEL_CARD.md"
SIXTEENTHS = {"held out": range(2), "tuning": range(2, 4), "fit": range(4, 16)}  # of the photos, by what they are for


@dataclass(frozen=True)
class Division:
    """Names of photos below `root`: to learn from, to calibrate and choose by, and for benchmarks alone."""

    root: Path
    fit: tuple[str, ...]
    tuning: tuple[str, ...]
    held_out: tuple[str, ...]

    def photos(self, names: tuple[str, ...]) -> Photos:
        return Photos(names, tuple((self.root / name).read_bytes() for name in names))


def main() -> None:
    options = _parser().parse_args()
    reporter = Terminal()
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    model = make_photo(divide(options.photos), options.work, options.out, reporter)
    reporter.say(f"{model.model_id}: radius {model.config.radius}, in {model.folder}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Makes the built-in model.")
    parser.add_argument("--photos", type=Path, required=True, help=f"pictures in sub-folders, with {SOURCES}")
    parser.add_argument("--work", type=Path, required=True, help="where the checkpoint is kept")
    parser.add_argument("--threads", type=int, default=2, help="of torch: other numbers give other last digits")
    parser.add_argument("--out", type=Path, default=builtin_folder(), help="the model folder to write")
    return parser


def divide(root: Path) -> Division:
    """By the first byte of the SHA-256 of each file's name below `root`: an eighth is held out, one for tuning."""
    parts: dict[str, list[str]] = {part: [] for part in SIXTEENTHS}
    for name in sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg")):
        sixteenth = hashlib.sha256(name.encode()).digest()[0] % 16
        parts[next(part for part, own in SIXTEENTHS.items() if sixteenth in own)].append(name)
    return Division(root, tuple(parts["fit"]), tuple(parts["tuning"]), tuple(parts["held out"]))


def make_photo(
    division: Division,
    work: Path,
    out: Path,
    reporter: Reporter,
    trainings: Sequence[CopiesRecipe] = TRAININGS,
) -> Model:
    """Trains, calibrates, measures and saves the model. Raises DshError."""
    fillers, learned = parted(division.photos(division.fit))
    network = network_for(trainings[0])
    load_lite0(network)
    for number, recipe in enumerate(trainings):
        if number == AS_STORED:
            as_stored(network)
        folder = work / f"{number}"
        folder.mkdir(exist_ok=True)
        store = CheckpointStore(
            folder, {"recipes": [asdict(r) for r in trainings[: number + 1]], "data": fingerprint(learned)}
        )
        fit_copies(network, learned, fillers, recipe, store, reporter)
    return save_photo(network, trainings, division, fillers, out, reporter)


def as_stored(network: HashNetwork) -> None:
    """Rounds a network to what a model folder keeps of it. The third training began with a saved model."""
    lite0.fold_norms(network)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.ndim > 1:
                tensor.copy_(tensor.half())


def save_photo(
    network: HashNetwork,
    trainings: Sequence[CopiesRecipe],
    division: Division,
    fillers: Photos,
    out: Path,
    reporter: Reporter,
) -> Model:
    """Measures the network as it will be shipped, with 16-bit weights, on the photos for tuning, and saves it."""
    recipe = trainings[-1]
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder)
        tuning = division.photos(division.tuning)
        bare = ModelConfig(BUILTIN, recipe.bits, SIZE, 3, lite0.MEAN, lite0.STD, "lite0", "", 0)
        lite0.fold_norms(network)
        complete(network, recipe)
        export_files(network, bare, draft, half_weights=True)
        encoder = Encoder(Model(draft, bare))
        codes = hash_copies(encoder.encode, (SIZE, 3), tuning, fillers, reporter, edited=EDITED)
        related = look_alike(tuning.grays) | _repeats(division.tuning)
        figures = figures_of(codes, recipe.bits, related, distance=distance_for(recipe))
        parts = {part: _figures_of_part(codes, *part, recipe, related) for part in PARTS}
        config = _config(recipe, figures, division, len(fillers))
        facts = Facts(figures, parts, tuple(trainings), read_choices(), _sources(division.root))
        return save_model(out, config, partial(_write_files, draft, model_card(config, facts)))


def _figures_of_part(codes: CopyCodes, learned: int, waves: int, recipe: CopiesRecipe, related: Mask) -> CopyFigures:
    """The figures of so many of the learned bits beside so many of the waves, as they are, never turned."""
    first_wave = recipe.bits - recipe.waves
    part = codes.part(range(learned)).beside(codes.part(range(first_wave, first_wave + waves)))
    return figures_of(part, learned + waves, related)


def _config(recipe: CopiesRecipe, figures: CopyFigures, division: Division, fillers: int) -> ModelConfig:
    training = {
        "method": "ImageNet features, fine-tuned on copies",
        "photos": len(division.fit) - fillers,
        "photos that fill collages": fillers,
        "photos for calibration": len(division.tuning),
        "photos held out": len(division.held_out),
        "data": f"see {CARD}",
    }
    config = config_for(BUILTIN, recipe, figures, training)
    return replace(config, versions=config.versions | {name: version(name) for name in LIBRARIES})


def _repeats(names: tuple[str, ...]) -> Mask:
    """Pairs of photos (n, n) that were seen by eye to show the same."""
    unknown = np.zeros((len(names), len(names)), np.bool_)
    place = {name: i for i, name in enumerate(names)}
    for line in (Path(__file__).parent / REPEATS).read_text(encoding="utf-8").splitlines()[1:]:
        first, second, _ = line.split("\t")
        if first in place and second in place:
            unknown[place[first], place[second]] = unknown[place[second], place[first]] = True
    return unknown


def _sources(root: Path) -> tuple[SourceRow, ...]:
    lines = (root / SOURCES).read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split("\t") for line in lines)
    counted = Counter((repository, commit, licence) for _, repository, commit, _, licence in rows)
    return tuple(SourceRow(*key, pictures=count) for key, count in sorted(counted.items()))


def _write_files(draft: Path, card: str, folder: Path) -> None:
    for source in (draft / ENCODER, draft / WEIGHTS, *builtin_folder().glob("LICENSE*")):
        shutil.copy(source, folder)
    (folder / CARD).write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
