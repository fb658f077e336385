"""Where a training works and where its model will stand: names, and the folder that holds its checkpoint."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from dshcli import paths
from dshcli.errors import DshError, UsageError
from dshcli.hasher.checkpoints import CheckpointStore
from dshcli.hasher.models import BUILTIN, CONFIG
from dshcli.hasher.recipe import TrainOptions
from dshcli.progress import Reporter

RESERVED = (BUILTIN, "current")
WORK = ".training"  # .NAME.training is the folder of NAME's checkpoint


@dataclass(frozen=True)
class Place:
    """The model's name and folder, and the store of its checkpoint in a hidden folder beside it."""

    name: str
    folder: Path
    store: CheckpointStore

    @property
    def unfinished(self) -> bool:
        """Whether a checkpoint is there to go on from."""
        return self.store.maybe_read() is not None

    def release(self) -> None:
        """Removes the checkpoint: the model is saved, or the training cannot go on."""
        shutil.rmtree(self.store.folder, ignore_errors=True)


def check_place(options: TrainOptions) -> None:
    """Raises UsageError if the name or the folder cannot be a model's, before anything has been trained."""
    name = options.name
    if name is not None and (not name or name != Path(name).name or name.startswith(".") or name in RESERVED):
        raise UsageError(
            f"a model cannot be named {name!r}",
            hint="Choose a plain name without slashes; a folder goes with --out.",
        )
    out = options.out
    if out is not None and out.exists() and not (out / CONFIG).is_file() and not _empty_folder(out):
        raise UsageError(
            f"{out} is there and is no model", hint="Choose a folder that is new, empty or a model's own."
        )


def claim_place(stem: str, options: TrainOptions, settings: dict[str, Any], reporter: Reporter) -> Place:
    """The place of a training with these settings; its hidden folder exists from now on and is its own.

    A name or folder that the user chose is used again; otherwise the first free name of `stem`, `stem`-2, ...
    With `resume` the place of the training that was stopped. Raises DshError if there is none, or if the
    folder cannot be written.
    """
    if options.resume:
        return _unfinished(stem, options, settings)
    for place in _candidates(stem, options, settings):
        chosen_by_user = options.name is not None or options.out is not None
        try:
            place.folder.parent.mkdir(parents=True, exist_ok=True)
            # mkdir decides between two trainings that start at once.
            place.store.folder.mkdir(exist_ok=chosen_by_user)
        except FileExistsError:
            if place.unfinished:
                reporter.say(
                    f"a training of {place.name} was stopped before its end: --resume goes on with it"
                )
            continue
        except OSError as error:
            raise DshError(
                f"{place.folder.parent}: {error.strerror or error}",
                hint="Set DSH_HOME or --out to a folder you can write.",
            ) from error
        place.store.clear()
        return place
    raise AssertionError("names do not end")


def _unfinished(stem: str, options: TrainOptions, settings: dict[str, Any]) -> Place:
    if options.out is not None or options.name is not None:
        places = _candidates(stem, options, settings)
    else:
        work = sorted(paths.models_folder().glob(f".{stem}*{WORK}"))
        names = [folder.name[1 : -len(WORK)] for folder in work]
        places = (_place(name, paths.models_folder() / name, settings) for name in names)
    for place in places:
        if place.unfinished:
            return place
    raise DshError(
        f"no training of {options.name or stem} with these data and settings was stopped on its way",
        hint="Give the same options as then, or train without --resume.",
    )


def _candidates(stem: str, options: TrainOptions, settings: dict[str, Any]) -> Iterator[Place]:
    """Places in the order of preference; one that already holds a model only if the user named it."""
    if options.out is not None:
        folder = options.out.absolute()
        yield _place(options.name or folder.name, folder, settings)
    elif options.name is not None:
        yield _place(options.name, paths.models_folder() / options.name, settings)
    else:
        for number in count(1):
            name = stem if number == 1 else f"{stem}-{number}"
            if not (paths.models_folder() / name).exists():
                yield _place(name, paths.models_folder() / name, settings)


def _place(name: str, folder: Path, settings: dict[str, Any]) -> Place:
    return Place(name, folder, CheckpointStore(folder.parent / f".{folder.name}{WORK}", settings))


def _empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
