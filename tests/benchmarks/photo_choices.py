"""What the built-in model's loss and input size were chosen by:

    python -m tests.benchmarks.photo_choices --photos PHOTOS --work DIR

Trains lite0 for a short time with each loss, and runs the built-in model's weights at several input sizes; measures
both on the photos for calibration. Writes dshcli/hasher/builtin/choices.json, which the model card shows. Takes half an
hour on two cores; stopped, it goes on where it was.
"""

import argparse
import tempfile
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from dshcli.codes import hamming
from dshcli.hasher import lite0, networks
from dshcli.hasher.builtin.choices import FILE, Choices, LossRow, SizeRow, write_choices
from dshcli.hasher.builtin.make_photo import FIRST, Division, divide
from dshcli.hasher.checkpoints import CheckpointStore
from dshcli.hasher.copies.beginning import SMALLER, codes_of, description_of, network_for
from dshcli.hasher.copies.calibration import calibrate
from dshcli.hasher.copies.fitting import fit_copies
from dshcli.hasher.copies.judging import CopyFigures, Encode, judge_copies
from dshcli.hasher.copies.loss import LOSSES
from dshcli.hasher.copies.photos import Photos
from dshcli.hasher.copies.training import parted
from dshcli.hasher.copies.views import Stage
from dshcli.hasher.encoder import Encoder, Pixels
from dshcli.hasher.export import export_files
from dshcli.hasher.models import WEIGHTS, Model, ModelConfig, builtin_folder, open_model
from dshcli.hasher.pretrained import load_lite0
from dshcli.hasher.waves import Distance
from dshcli.progress import Terminal

SIZES = (96, 128, 160, 192, 224)
EDITED = 100  # photos
TEN = 1e-5
TIMED = 40  # pictures, of which the median time counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="where checkpoints are kept")
    parser.add_argument("--steps", type=int, default=200, help="of each short training")
    options = parser.parse_args()
    torch.set_num_threads(2)
    division = divide(options.photos)
    fillers, learned = parted(division.photos(division.fit))
    sizes = tuple(by_size(size, division, fillers) for size in SIZES)
    losses = tuple(by_loss(loss, division, learned, fillers, options.work, options.steps) for loss in sorted(LOSSES))
    choices = Choices(options.steps, EDITED, open_model(builtin_folder()).model_id, losses, sizes)
    write_choices(choices)
    print(FILE.read_text())


def by_loss(loss: str, division: Division, learned: Photos, fillers: Photos, work: Path, steps: int) -> LossRow:
    """Trains with a loss and judges the learned bits."""
    recipe = replace(FIRST, loss=loss, stages=(Stage(steps, SMALLER),))
    network = network_for(recipe)
    load_lite0(network)
    folder = work / loss
    folder.mkdir(parents=True, exist_ok=True)
    reporter = Terminal()
    fit_copies(network, learned, fillers, recipe, CheckpointStore(folder, asdict(recipe)), reporter)
    figures = _judged(partial(codes_of, network, recipe.device), SMALLER, recipe.bits - recipe.waves, division, fillers)
    ten = calibrate(figures.unrelated, TEN).radius
    return LossRow(loss, figures.overall(figures.calibration.radius), figures.overall(ten))


def by_size(size: int, division: Division, fillers: Photos) -> SizeRow:
    """Judges the weights of the built-in model at an input size, and times them."""
    description = {**description_of(FIRST), "size": size}
    network = networks.build(description)
    network.load_state_dict(load_file(builtin_folder() / WEIGHTS))
    with tempfile.TemporaryDirectory() as folder:
        config = ModelConfig("sized", FIRST.bits, size, 3, lite0.MEAN, lite0.STD, "lite0", "", 0, network=description)
        export_files(network, config, Path(folder), half_weights=True)
        encoder = Encoder(Model(Path(folder), config))
    figures = _judged(encoder.encode, size, FIRST.bits, division, fillers, config.distance)
    radius = figures.calibration.radius
    return SizeRow(size, radius, figures.overall(radius), _milliseconds(encoder, size))


def _judged(
    encode: Encode, size: int, bits: int, division: Division, fillers: Photos, distance: Distance = hamming
) -> CopyFigures:
    tuning = division.photos(division.tuning)
    return judge_copies(encode, size, bits, tuning, fillers, Terminal(), edited=EDITED, distance=distance)


def _milliseconds(encoder: Encoder, size: int) -> float:
    """CPU time of one image, the median of several; on one thread, as an encoder runs."""
    pixels: Pixels = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    times = []
    for _ in range(TIMED):
        start = time.process_time()
        encoder.encode(pixels)
        times.append(time.process_time() - start)
    return float(np.median(times)) * 1e3


if __name__ == "__main__":
    main()
