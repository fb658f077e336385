"""Where `dsh` keeps things on this computer. Nothing here creates a folder or a file.

`DSH_HOME`, if set, holds everything; otherwise the places are the system's usual ones (platformdirs).
"""

import os
from pathlib import Path

import platformdirs


def _home(usual: str) -> Path:
    return Path(os.environ.get("DSH_HOME") or usual)


def data_folder() -> Path:
    """The folder of the index and of trained models."""
    return _home(platformdirs.user_data_dir("dsh", appauthor=False))


def models_folder() -> Path:
    """One sub-folder per trained model."""
    return data_folder() / "models"


def radii_folder() -> Path:
    """One small file per model whose radius was measured or chosen here."""
    return data_folder() / "radii"


def default_index() -> Path:
    """The index that a command uses without `--db`; `DSH_DB` overrides it."""
    chosen = os.environ.get("DSH_DB")
    return Path(chosen) if chosen else data_folder() / "index.db"


def cache_folder() -> Path:
    """Downloaded data sets and what can be computed again."""
    if os.environ.get("DSH_HOME"):
        return data_folder() / "cache"
    return Path(platformdirs.user_cache_dir("dsh", appauthor=False))


def quarantine_folder() -> Path:
    """One sub-folder per run of `dsh apply`, with the files that it took away."""
    return data_folder() / "quarantine"
