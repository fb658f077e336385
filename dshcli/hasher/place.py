"""Where a training works and where its model will stand: names, and the folder that holds its checkpoint."""

import os
import shutil
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
LOCK = "lock"


class NothingToResume(DshError):
    """No training with these data and settings was stopped on its way."""


@dataclass(frozen=True)
class Candidate:
    """A name, the folder its model would have, and the store of its checkpoint in a hidden folder beside it."""

    name: str
    folder: Path
    store: CheckpointStore

    def locked(self) -> "Place | None":
        """The same place, held by this process alone until it ends or lets go; None if another process has it."""
        while True:
            self.store.folder.mkdir(parents=True, exist_ok=True)
            path = self.store.folder / LOCK
            lock = os.open(path, os.O_RDWR | os.O_CREAT)
            if not _try_lock(lock):
                os.close(lock)
                return None
            # Whoever had the lock may have removed the folder just now: what is locked then is nobody's file.
            if _is_open(path, lock):
                return Place(self.name, self.folder, self.store, lock)
            os.close(lock)


@dataclass(frozen=True)
class Place(Candidate):
    """A candidate that this process holds. The system lets go of the lock if the process is killed."""

    lock: int

    def leave(self) -> None:
        """Lets go of the place; the checkpoint stays for --resume."""
        os.close(self.lock)

    def clear_away(self) -> None:
        """Removes the checkpoint and lets go of the place: the model is saved, or the training cannot go on."""
        shutil.rmtree(self.store.folder, ignore_errors=True)
        os.close(self.lock)


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
        raise UsageError(f"{out} is there and is no model", hint="Choose a folder that is new, empty or a model's own.")


def claim_place(stem: str, options: TrainOptions, settings: dict[str, Any], reporter: Reporter) -> Place:
    """The place of a training with these settings, held by this process.

    A name or folder that the user chose is used again; otherwise the first free name of `stem`, `stem`-2, ...
    With `resume` the place of the training that was stopped: raises NothingToResume if there is none. Raises DshError
    if another process is at it, or if the folder cannot be written.
    """
    try:
        if options.resume:
            return _unfinished(stem, options, settings)
        return _free(stem, options, settings, reporter)
    except OSError as error:
        raise DshError(
            f"{error.filename or paths.models_folder()}: {error.strerror or error}",
            hint="Set DSH_HOME or --out to a folder you can write.",
        ) from error


def _free(stem: str, options: TrainOptions, settings: dict[str, Any], reporter: Reporter) -> Place:
    if _chosen(options):
        place = _locked(_chosen_candidate(options, settings))
        place.store.clear()
        return place
    for number in count(1):
        candidate = _named(stem if number == 1 else f"{stem}-{number}", settings)
        if candidate.folder.exists():
            continue
        free = candidate.locked()
        if free is None:
            continue
        if not free.store.exists():
            return free
        if free.store.maybe_read_state() is not None:
            reporter.say(f"{free.name} was stopped on its way with these settings: --resume goes on with it")
        free.leave()
    raise AssertionError("numbers do not end")


def _unfinished(stem: str, options: TrainOptions, settings: dict[str, Any]) -> Place:
    if _chosen(options):
        candidates = [_chosen_candidate(options, settings)]
    else:
        work = sorted(paths.models_folder().glob(f".{stem}*{WORK}"))
        candidates = [_named(folder.name[1 : -len(WORK)], settings) for folder in work]
    for candidate in candidates:
        if candidate.store.maybe_read_state() is not None:
            return _locked(candidate)
    raise NothingToResume(
        f"no training of {options.name or stem} with these data and settings was stopped on its way",
        hint="Give the same options as then, or train without --resume.",
    )


def _locked(candidate: Candidate) -> Place:
    place = candidate.locked()
    if place is None:
        raise DshError(
            f"{candidate.name} is being trained by another process",
            hint="Wait until it has ended, or choose another --name.",
        )
    return place


def _chosen(options: TrainOptions) -> bool:
    return options.name is not None or options.out is not None


def _chosen_candidate(options: TrainOptions, settings: dict[str, Any]) -> Candidate:
    if options.out is not None:
        folder = options.out.absolute()
        return _candidate(options.name or folder.name, folder, settings)
    return _named(str(options.name), settings)


def _named(name: str, settings: dict[str, Any]) -> Candidate:
    return _candidate(name, paths.models_folder() / name, settings)


def _candidate(name: str, folder: Path, settings: dict[str, Any]) -> Candidate:
    return Candidate(name, folder, CheckpointStore(folder.parent / f".{folder.name}{WORK}", settings))


def _empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _is_open(path: Path, descriptor: int) -> bool:
    """Whether the file at `path` is the one that is open as `descriptor`."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool:
    """Locks an open file against other processes without waiting for them."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
