"""Radii that were measured or chosen on this computer, in place of the models' own. No torch here.

One small file for each model id, so that two processes never write over each other's, and replaced as a whole, so that
a stop at any moment leaves the old one or the new one. They lie in the user's data folder: a model's own folder may be
read-only, as the package is.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from dshcli import paths
from dshcli.errors import DshError


@dataclass(frozen=True)
class StoredRadius:
    """A radius in bits; origin: a few words on where it comes from; date: YYYY-MM-DD."""

    radius: int
    origin: str
    date: str


def maybe_stored(model_id: str) -> StoredRadius | None:
    """What is stored for a model, if anything. Raises DshError if the file cannot be understood."""
    path = _file(model_id)
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DshError(
            f"{path}: {error}", hint=f"Remove that file; then {model_id} has its own radius again."
        ) from error


def radius_of(model_id: str, own: int) -> int:
    """The radius that commands use for a model: the stored one, else its own. Raises DshError."""
    stored = maybe_stored(model_id)
    return own if stored is None else stored.radius


def store_radius(model_id: str, stored: StoredRadius) -> None:
    """Keeps a radius for a model. Raises DshError if it cannot be written."""
    path = _file(model_id)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(asdict(stored), ensure_ascii=False) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise DshError(f"{path}: {error.strerror or error}", hint="Set DSH_HOME to a folder you can write.") from error


def forget_radius(model_id: str) -> bool:
    """Back to the model's own radius; whether another one was stored. Raises DshError if it cannot be removed."""
    path = _file(model_id)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DshError(f"{path}: {error.strerror or error}", hint="Remove that file yourself.") from error
    return True


def _file(model_id: str) -> Path:
    return paths.radii_folder() / f"{quote(model_id, safe='')}.json"


def _parsed(values: object) -> StoredRadius:
    stored = StoredRadius(**values) if isinstance(values, dict) else None
    if stored is None or type(stored.radius) is not int or stored.radius < 0:
        raise ValueError("it tells no radius")
    return stored
