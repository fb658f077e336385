"""What a training writes down for people to look at while it runs: nothing, or events that TensorBoard shows.

Journal       the protocol
NoJournal     its silent twin
TensorBoard   scalars after each epoch; at the end the test figures, and the outputs in the embedding projector
"""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dshcli.errors import DshError, UsageError
from dshcli.hasher.evaluation import Evaluation
from dshcli.hasher.labels import words

PROJECTED = 2_000  # outputs in the projector
SPRITE_SIDE = 8_192  # pixels of the picture that holds all thumbnails: what the projector takes at most
THUMBNAIL = 64


class Journal(Protocol):
    """Who is told how a training goes."""

    def begin(self, done: int) -> None:
        """A training begins, or goes on with `done` epochs behind it."""
        ...

    def epoch(self, number: int, figures: dict[str, float]) -> None:
        """Figures by name, after the epoch of that number, from 1."""
        ...

    def end(self, evaluation: Evaluation, outputs: npt.NDArray[np.float32], inputs: Any, labels: Any) -> None:
        """Test figures, and of the test images the outputs (n, bits), pixels or features, and labels."""
        ...


class NoJournal:
    """Writes nothing."""

    def begin(self, done: int) -> None:
        pass

    def epoch(self, number: int, figures: dict[str, float]) -> None:
        pass

    def end(self, evaluation: Evaluation, outputs: npt.NDArray[np.float32], inputs: Any, labels: Any) -> None:
        pass


class TensorBoard:
    """Events in a folder. All methods raise DshError if it cannot be written.

    Raises UsageError if the package tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import tensorboard  # noqa: F401
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UsageError(
                "--tensorboard needs a package that is not installed", hint="pip install 'dshcli[tensorboard]'"
            ) from error
        self._folder, self._open = folder, SummaryWriter
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from error

    def begin(self, done: int) -> None:
        try:
            # Points of an epoch that a stopped run had written, and that this one repeats, are taken back.
            self._writer: Any = self._open(str(self._folder), purge_step=done + 1)
            self._epochs = done
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def epoch(self, number: int, figures: dict[str, float]) -> None:
        try:
            for name, value in figures.items():
                self._writer.add_scalar(name, value, number)
            self._writer.flush()
            self._epochs = number
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def end(self, evaluation: Evaluation, outputs: npt.NDArray[np.float32], inputs: Any, labels: Any) -> None:
        some = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), PROJECTED)).astype(np.int64))
        # A tab or a new line in a name would break the projector's table.
        names = [" ".join(name.split()) for name in words(labels[some], evaluation.class_names)]
        pictures = _thumbnails(inputs[some]) if inputs.dtype == np.uint8 else None
        try:
            for name, value in _figures(evaluation).items():
                self._writer.add_scalar(f"test/{name}", value, self._epochs)
            # It warns on stdout, where only data may go, if an earlier training has left its outputs in the folder.
            with redirect_stdout(sys.stderr):
                self._writer.add_embedding(outputs[some], metadata=names, label_img=pictures, tag="outputs")
            self._writer.close()
        except OSError as error:
            raise _unwritable(self._folder, error) from error


def _figures(evaluation: Evaluation) -> dict[str, float]:
    within = evaluation.within(evaluation.radius)
    figures = {
        "mAP": evaluation.map,
        "least class distance": float(evaluation.worst_pair[0]),
        "precision within radius": within["precision"],
        "recall within radius": within["recall"],
    }
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _thumbnails(pixels: npt.NDArray[np.uint8]) -> Any:
    """Pixels (n, h, w, c) as a tensor 0..1 (n, 3, h, w), every few of their rows and columns if they are large."""
    import torch

    most = min(SPRITE_SIDE // (int(np.ceil(np.sqrt(len(pixels)))) or 1), THUMBNAIL)
    step = -(-pixels.shape[1] // most)
    small = np.ascontiguousarray(pixels[:, ::step, ::step])
    coloured = np.repeat(small, 3, axis=3) if small.shape[3] == 1 else small
    return torch.from_numpy(coloured).permute(0, 3, 1, 2).float() / 255


def _unwritable(folder: Path, error: OSError) -> DshError:
    return DshError(f"{folder}: {error.strerror or error}", hint="Give --tensorboard a folder that you can write.")
