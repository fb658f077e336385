"""Model folders: what is in one, how it is read, written, listed and chosen. No torch here.

NAME/
  config.json           ModelConfig, with the SHA-256 of the two files below
  encoder.onnx          pixels uint8 (n, height, width, channels) -> outputs float32 (n, bits), on the CPU
  weights.safetensors   the same network's tensors, to go on training or to run on a GPU
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from dshcli import paths
from dshcli.codes import MAX_BITS, MIN_BITS
from dshcli.errors import BadModel, DshError, NoModel
from dshcli.hasher.radii import forget_radius
from dshcli.hasher.waves import Distance, Turns, distance_of, maybe_turns
from dshcli.images.spec import InputSpec

CONFIG, ENCODER, WEIGHTS = "config.json", "encoder.onnx", "weights.safetensors"
BUILTIN = "photo"


@dataclass(frozen=True)
class ModelConfig:
    """All that is known about a model beside its weights.

    size is the side in pixels of the square input, channels 1 (gray) or 3 (RGB); mean and std per channel are for
    pixels scaled to 0..1 and are already part of encoder.onnx. radius is the calibrated Hamming radius: within it,
    an answer counts as the same picture or class. false_rates, of models trained on copies alone: the share of
    unrelated pairs within each radius from 0 on, up to the widest that candidates for a proof may come from.
    """

    name: str
    bits: int
    size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    backbone: str
    loss: str
    radius: int
    false_rates: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()
    network: dict[str, Any] = field(default_factory=dict)  # what networks.build needs to make it again
    metrics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)  # of encoder.onnx and weights.safetensors

    @property
    def spec(self) -> InputSpec:
        return InputSpec(self.size, self.channels)

    @property
    def turns(self) -> Turns | None:
        """How codes change when a picture is turned, if they hold enough of its waves to tell."""
        return maybe_turns(self.bits, self.network.get("waves", 0), self.size)

    @property
    def distance(self) -> Distance:
        """How far codes (n, bytes), or (1, bytes), lie from others (n, bytes), in bits."""
        return distance_of(self.turns)

    @property
    def model_id(self) -> str:
        """Name and digest: codes of two models are comparable only if their ids are equal."""
        essence = [self.bits, self.size, self.channels, self.mean, self.std, sorted(self.sha256.items())]
        return f"{self.name}-{hashlib.sha256(json.dumps(essence).encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Model:
    """A model folder whose files have been checked."""

    folder: Path
    config: ModelConfig

    @property
    def model_id(self) -> str:
        return self.config.model_id

    @property
    def builtin(self) -> bool:
        return self.folder == builtin_folder()


def builtin_folder() -> Path:
    """The folder of the model that ships inside the package."""
    return Path(__file__).parent / "builtin" / BUILTIN


def open_model(folder: Path) -> Model:
    """The model in `folder`. Raises NoModel if it is no model folder, BadModel if a part is missing or damaged."""
    config = _read_config(folder)
    for name in (ENCODER, WEIGHTS):
        try:
            digest = _sha256(folder / name)
        except OSError as error:
            raise BadModel(
                f"{folder / name}: {error.strerror or error}",
                hint=f"The model is incomplete. Train it again, or remove it: dsh models rm {config.name}",
            ) from error
        if digest != config.sha256.get(name):
            raise BadModel(
                f"{folder / name} does not belong to {CONFIG}: its SHA-256 is another",
                hint=f"The file is damaged or of another model. Train it again, or: dsh models rm {config.name}",
            )
    return Model(folder, config)


def _read_config(folder: Path) -> ModelConfig:
    path = folder / CONFIG
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoModel(
            f"{folder} is not a model folder: it has no {CONFIG}", hint="dsh models list shows the models."
        ) from error
    except (OSError, ValueError) as error:
        raise BadModel(f"{path}: {error}", hint="Train the model again.") from error
    try:
        known = {f.name for f in fields(ModelConfig)}
        values: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in raw.items() if name in known
        }
        config = ModelConfig(**values)
        _check(config)
    except (TypeError, AttributeError, ValueError) as error:
        raise BadModel(f"{path}: {error}", hint="Train the model again.") from error
    return config


def _check(config: ModelConfig) -> None:
    if not MIN_BITS <= config.bits <= MAX_BITS:
        raise ValueError(f"bits must lie between {MIN_BITS} and {MAX_BITS}, not {config.bits}")
    if config.channels not in (1, 3) or len(config.mean) != config.channels or len(config.std) != config.channels:
        raise ValueError(f"channels, mean and std do not agree: {config.channels}, {config.mean}, {config.std}")
    if config.size < 1 or not 0 <= config.radius <= config.bits:
        raise ValueError(f"size {config.size} or radius {config.radius} cannot be")


def save_model(folder: Path, config: ModelConfig, write_files: Callable[[Path], None]) -> Model:
    """Writes a model folder in one step: a stop at any moment leaves the old folder or the new one, never half.

    `write_files(temporary)` puts encoder.onnx and weights.safetensors into the folder that it is given; their
    digests go into the config. Raises DshError if the disk is full or the folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise DshError(f"{folder}: {error.strerror or error}", hint="Choose another folder with --out.") from error
    try:
        write_files(temporary)
        config = replace(config, sha256={name: _sha256(temporary / name) for name in (ENCODER, WEIGHTS)})
        text = json.dumps(asdict(config), indent=2, ensure_ascii=False) + "\n"
        (temporary / CONFIG).write_text(text, encoding="utf-8")
        _swap(temporary, folder)
    except OSError as error:
        raise DshError(
            f"{folder}: {error.strerror or error}",
            hint="Free some space, or choose another folder with --out.",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Model(folder, config)


def _swap(new: Path, folder: Path) -> None:
    """Puts `new` in the place of `folder`; the old one is moved aside first, since rename wants an empty target."""
    for path in new.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    new.chmod(0o755)  # mkdtemp makes it private
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.rename(old / "was")
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.rename(folder)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def list_models() -> list[Model | BadModel]:
    """The built-in model, then the trained ones by name; a damaged one stands in the list as its error."""
    folders = [builtin_folder()]
    if paths.models_folder().is_dir():
        trained = (p for p in paths.models_folder().iterdir() if p.is_dir() and not p.name.startswith("."))
        folders += sorted(trained)
    return [_open_or_error(folder) for folder in folders]


def _open_or_error(folder: Path) -> Model | BadModel:
    try:
        return open_model(folder)
    except (BadModel, NoModel) as error:
        return BadModel(str(error), hint=error.hint)


def find_model(name: str | None) -> Model:
    """The model of that name, in that folder, or (None) the current one. Raises NoModel, BadModel."""
    name = name or current_name()
    if name == BUILTIN:
        return open_model(builtin_folder())
    if os.sep in name or (os.altsep and os.altsep in name) or name in (".", ".."):
        return open_model(Path(name))
    folder = paths.models_folder() / name
    if not folder.is_dir():
        known = ", ".join([BUILTIN, *_trained_names()])
        raise NoModel(
            f"there is no model named {name!r}",
            hint=f"Models here: {known}. A folder needs a slash: ./{name}",
        )
    return open_model(folder)


def _trained_names() -> list[str]:
    root = paths.models_folder()
    return sorted(p.name for p in root.iterdir() if p.is_dir() and p.name[0] != ".") if root.is_dir() else []


def current_name() -> str:
    """The name (or folder) of the model that commands use without `--model`: `photo` until another is chosen."""
    try:
        return _current_file().read_text(encoding="utf-8").strip() or BUILTIN
    except FileNotFoundError:
        return BUILTIN


def use_model(name: str) -> Model:
    """Makes a model the current one, for all later commands. Raises NoModel, BadModel, DshError."""
    model = find_model(name)
    path = _current_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}-{os.getpid()}")
        temporary.write_text(f"{name}\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise DshError(f"{path}: {error.strerror or error}", hint="Set DSH_HOME to a folder you can write.") from error
    return model


def remove_model(name: str) -> None:
    """Deletes a trained model and the radius stored for it; if it was the current one, `photo` is current again.

    Raises NoModel, DshError.
    """
    if name == BUILTIN:
        raise DshError(f"{BUILTIN} is built in and stays", hint="dsh models list shows which can be removed.")
    if name not in _trained_names():
        raise NoModel(f"there is no trained model named {name!r}", hint="dsh models list shows the models.")
    if current_name() == name:
        _current_file().unlink(missing_ok=True)
    with suppress(BadModel, NoModel):  # a damaged one goes as well
        forget_radius(_read_config(paths.models_folder() / name).model_id)
    try:
        shutil.rmtree(paths.models_folder() / name)
    except OSError as error:
        raise DshError(f"{paths.models_folder() / name}: {error.strerror or error}") from error


def _current_file() -> Path:
    return paths.models_folder() / "current"
