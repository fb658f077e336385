"""A training that was stopped can be taken up again: after each epoch its whole state is on disk, or the one before."""

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from dshcli.errors import DshError, reason_of

FILE = "checkpoint.pt"


@dataclass(frozen=True)
class Record:
    """How a training went so far: mean loss and validation score of every epoch done, and the time it took.

    A score is a mean over `judged` validation images of a number between 0 and 1.
    """

    judged: int
    losses: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def epochs(self) -> int:
        return len(self.scores)

    @property
    def best_epoch(self) -> int:
        """The latest epoch (from 1) within one standard error of the highest score; 0: none yet.

        Within that error scores differ by chance, and what then speaks for an epoch is a lower learning rate. The
        error is at most sqrt(p (1 - p) / n), that of a share.
        """
        highest = max(self.scores, default=0.0)
        enough = highest - math.sqrt(max(highest * (1 - highest), 0.0) / self.judged)
        return max((i + 1 for i, score in enumerate(self.scores) if score >= enough), default=0)

    @property
    def best_score(self) -> float:
        """The score of the best epoch."""
        return self.scores[self.best_epoch - 1] if self.scores else 0.0

    @property
    def epochs_without_gain(self) -> int:
        """Epochs since one was better than all before it."""
        return len(self.scores) - self.scores.index(max(self.scores)) - 1 if self.scores else 0


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch. Random numbers need none: each epoch's generators come from the seed and its number."""

    record: Record
    network: dict[str, Any]
    optimizer: dict[str, Any]
    best_network: dict[str, Any]


@dataclass(frozen=True)
class CheckpointStore:
    """One checkpoint in a folder; settings are plain values that tell which training it belongs to."""

    folder: Path
    settings: dict[str, Any]

    def exists(self) -> bool:
        """Whether there is a checkpoint, of this training or another."""
        return (self.folder / FILE).is_file()

    def clear(self) -> None:
        """Removes the checkpoint of an earlier training, if there is one."""
        (self.folder / FILE).unlink(missing_ok=True)

    def write(self, checkpoint: Checkpoint) -> None:
        """Puts the checkpoint in the place of the last one, in one step. Raises DshError if the disk refuses."""
        self.write_state({**vars(checkpoint), "record": asdict(checkpoint.record)})

    def write_state(self, state: dict[str, Any]) -> None:
        """The same for tensors and plain values of any kind."""
        temporary = self.folder / f".{FILE}"
        try:
            with open(temporary, "wb") as file:
                torch.save({**state, "settings": self.settings}, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.folder / FILE)
        except (OSError, RuntimeError) as error:  # torch turns a full disk into a RuntimeError
            raise DshError(
                f"{self.folder}: the checkpoint could not be written ({reason_of(error)})",
                hint="See whether the disk is full; with some space, --resume goes on from the last one.",
            ) from error

    def maybe_read(self) -> Checkpoint | None:
        """The checkpoint, or None if there is none or it is another training's. Raises DshError if it is damaged."""
        state = self.maybe_read_state()
        return None if state is None else Checkpoint(Record(**state.pop("record")), **state)

    def maybe_read_state(self) -> dict[str, Any] | None:
        """What write_state was given, or None if there is nothing or it is another training's. Raises DshError.

        Only tensors and plain values are read (weights_only): a file that someone else made cannot run code.
        """
        if not self.exists():
            return None
        path = self.folder / FILE
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            return state if state.pop("settings") == self.settings else None
        except Exception as error:  # a damaged file fails in as many ways as there are bytes
            raise DshError(
                f"{path}: {reason_of(error)}", hint=f"Remove {self.folder} and train without --resume."
            ) from error
