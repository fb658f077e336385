"""The training loop: epochs of steps, a validation score after each, the best epoch kept, a checkpoint on disk."""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dshcli.codes import Codes, codes_from_outputs
from dshcli.errors import DshError
from dshcli.hasher.checkpoints import Checkpoint, CheckpointStore, Record
from dshcli.hasher.feeds import Feed
from dshcli.hasher.journal import Journal, NoJournal
from dshcli.hasher.labels import Labels
from dshcli.hasher.losses import LossParts, sum_of
from dshcli.hasher.networks import HashNetwork
from dshcli.hasher.recipe import RUN, Recipe
from dshcli.hasher.sampling import Indices, balanced_batches, shuffled_batches
from dshcli.hasher.schedule import one_cycle, variation
from dshcli.progress import Reporter, Task

BODY_SHARE = 0.1  # of the learning rate goes to a pretrained body that is fine-tuned: what it knows is to last
PATIENCE, LEAST_PATIENCE = (
    1 / 3,
    8,
)  # stop when that share of the epochs, but at least so many, brought no gain


Outputs = npt.NDArray[np.float32]


class Diverged(DshError):
    """The loss is no finite number any more: going on from the last epoch would end there again."""


@dataclass(frozen=True)
class Lesson:
    """What is learned from what: inputs, labels, the parts of a batch's loss, and a score of the network so far.

    A score is a mean over `judged` images, 0 to 1.
    """

    feed: Feed
    labels: Labels
    loss: Callable[[Tensor, Tensor], LossParts]
    score: Callable[[nn.Module], float]
    judged: int
    journal: Journal = field(default_factory=NoJournal)


def fit(network: nn.Module, lesson: Lesson, recipe: Recipe, store: CheckpointStore, reporter: Reporter) -> Record:
    """Trains `network` in place and leaves it, in eval mode, as it was after its best epoch.

    If `store` has a checkpoint, goes on from there: the weights come out as if the training had never stopped.
    Raises Diverged if the loss is no finite number, DshError if a checkpoint cannot be written.
    """
    optimizer = _optimizer(network, recipe)
    record, best = Record(lesson.judged), _copied(network)
    checkpoint = store.maybe_read()
    if checkpoint is not None:
        record, best = checkpoint.record, checkpoint.best_network
        network.load_state_dict(checkpoint.network)
        optimizer.load_state_dict(checkpoint.optimizer)
    steps = len(_batches(lesson, recipe, epoch=0))
    lesson.journal.begin(record.epochs)
    with (
        _reproducible(recipe.device),
        reporter.task("training", total=recipe.epochs * steps, unit="step") as task,
    ):
        task.advance(record.epochs * steps)
        while record.epochs < recipe.epochs and record.epochs_without_gain < _patience(recipe):
            clock, cpu = time.perf_counter(), time.process_time()
            parts = _run_epoch(network, optimizer, lesson, recipe, record, task)
            loss, score = sum(parts.values()), lesson.score(network)
            record = Record(
                lesson.judged,
                (*record.losses, loss),
                (*record.scores, score),
                record.seconds + time.perf_counter() - clock,
                record.cpu_seconds + time.process_time() - cpu,
            )
            if record.best_epoch == record.epochs:
                best = _copied(network)
            store.write(Checkpoint(record, network.state_dict(), optimizer.state_dict(), best))
            lesson.journal.epoch(record.epochs, _figures(record, parts, optimizer))
    network.load_state_dict(best)
    network.eval()
    return record


def _run_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    lesson: Lesson,
    recipe: Recipe,
    record: Record,
    task: Task,
) -> dict[str, float]:
    """One pass over an epoch's batches; the loss's mean parts. All that is random depends on seed and epoch alone."""
    epoch = record.epochs
    generator = torch.Generator().manual_seed(_mixed(recipe.seed, epoch))
    torch.manual_seed(_mixed(recipe.seed, epoch))  # for dropout, which asks the global generator
    batches = _batches(lesson, recipe, epoch)
    labels = torch.from_numpy(lesson.labels)
    network.train()
    total: dict[str, float] = {}
    for i, indices in enumerate(batches):
        step, steps = epoch * len(batches) + i, recipe.epochs * len(batches)
        rate = recipe.learning_rate * one_cycle(step, steps)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        with _half_precision(recipe.device):
            outputs = network(lesson.feed.varied(indices, generator, variation(step, steps)))
        parts = lesson.loss(outputs.float(), labels[indices].to(outputs.device))
        loss = sum_of(parts)
        values = {name: part.item() for name, part in parts.items()}
        value = sum(values.values())
        if not math.isfinite(value):
            raise Diverged(
                f"the loss became {value} in epoch {epoch + 1}, step {i + 1}",
                hint=_calmer(recipe),
            )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total = {name: total.get(name, 0.0) + part for name, part in values.items()}
        mean = sum(total.values()) / (i + 1)
        task.note(epoch=f"{epoch + 1}/{recipe.epochs}", loss=f"{mean:.4f}", **_last_score(record))
        task.advance()
    return {name: value / len(batches) for name, value in total.items()}


def _figures(record: Record, parts: dict[str, float], optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """What a journal keeps of the last epoch."""
    several = {f"loss/{name}": value for name, value in parts.items()} if len(parts) > 1 else {}
    return {
        "loss": record.losses[-1],
        **several,
        "validation mAP": record.scores[-1],
        "learning rate": max(group["lr"] for group in optimizer.param_groups),
        "seconds an epoch": record.seconds / record.epochs,
    }


def _calmer(recipe: Recipe) -> str:
    margin = f", or a smaller margin than {recipe.margin:g}" if recipe.margin else ""
    return f"Train with a smaller learning rate than {recipe.learning_rate:g}{margin}."


def _last_score(record: Record) -> dict[str, str]:
    return {"mAP": f"{record.scores[-1]:.4f}"} if record.scores else {}


def encode(network: nn.Module, feed: Feed, indices: Indices | None = None) -> Codes:
    """Packed codes of a feed's inputs (those of `indices`), by the network in eval mode, which it is left in.

    Raises Diverged if an output is not a number.
    """
    return coded(outputs_of(network, feed, indices))


def coded(outputs: Outputs) -> Codes:
    """Packed codes of outputs (n, bits). Raises Diverged if one is not a number."""
    try:
        return codes_from_outputs(outputs)
    except ValueError as error:
        raise Diverged(str(error), hint="Train with a smaller learning rate.") from error


def outputs_of(network: nn.Module, feed: Feed, indices: Indices | None = None, task: Task | None = None) -> Outputs:
    """Outputs (n, bits) of a feed's inputs (those of `indices`), by the network in eval mode, which it is left in.

    The network may also be the body of one, whose outputs are features. Inputs done are told to `task`.
    """
    network.eval()
    indices = np.arange(len(feed)) if indices is None else indices
    outputs = []
    with torch.inference_mode():
        for at in range(0, len(indices), feed.together):
            some = indices[at : at + feed.together]
            outputs.append(network(feed.plain(some)).float().cpu().numpy())
            if task is not None:
                task.advance(len(some))
    return np.concatenate(outputs)


def _batches(lesson: Lesson, recipe: Recipe, epoch: int) -> list[Indices]:
    random = np.random.default_rng([recipe.seed, epoch])
    over_pairs = recipe.loss.startswith("dsh")
    if recipe.balanced_batches:
        together = RUN if over_pairs else 1
        return balanced_batches(lesson.labels, recipe.batch, random, together=together)
    return shuffled_batches(len(lesson.labels), recipe.batch, random)


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; biases and BatchNorm's scales do not decay. A group's share of the learning rate is the third value."""
    if recipe.fine_tune and isinstance(network, HashNetwork):
        parts = [(network.body, BODY_SHARE), (network.head, 1.0)]
    else:
        parts = [(network, 1.0)]
    groups = []
    for part, share in parts:
        matrices = [p for p in part.parameters() if p.requires_grad and p.ndim > 1]
        vectors = [p for p in part.parameters() if p.requires_grad and p.ndim <= 1]
        groups.append({"params": matrices, "weight_decay": recipe.weight_decay, "share": share})
        groups.append({"params": vectors, "weight_decay": 0.0, "share": share})
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def _patience(recipe: Recipe) -> int:
    return max(round(recipe.epochs * PATIENCE), LEAST_PATIENCE)


def _copied(network: nn.Module) -> dict[str, Any]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _mixed(seed: int, epoch: int) -> int:
    """A 63-bit seed for one epoch, different for every pair."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _half_precision(device: str) -> Any:
    """bfloat16 where the GPU has it: it needs no scaling of the loss. fp32 elsewhere."""
    if device == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


@contextmanager
def _reproducible(device: str) -> Iterator[None]:
    """Deterministic operations while training; the caller's generators and settings come back afterwards."""
    before = torch.are_deterministic_algorithms_enabled()
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is not deterministic without it
    devices = [torch.cuda.current_device()] if device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        # Some operations have no deterministic version on a GPU: better a warning there than no training.
        torch.use_deterministic_algorithms(True, warn_only=device != "cpu")
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
