"""The loop that fits a network to copies: a step is a batch of photos, each seen twice."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dshcli.hasher.checkpoints import CheckpointStore
from dshcli.hasher.copies.loss import LOSSES, Alike
from dshcli.hasher.copies.photos import Photos, squared
from dshcli.hasher.copies.views import NEAREST, Stage, Views, batches
from dshcli.hasher.fitting import Diverged
from dshcli.hasher.lite0 import MEAN, STD
from dshcli.hasher.networks import HashNetwork
from dshcli.progress import Reporter, Task

BODY_SHARE = 0.3  # of the head's learning rate goes to the body
FROZEN = 3  # first blocks that keep their weights: they know edges and colours, and their maps are the largest
WARM_UP = 100  # steps until the learning rate is full
FALL = 0.4  # of the steps, the last ones, over which it falls to nothing
CLIPPED = 5.0  # the largest norm of a gradient
ROUND = 300  # steps after which look-alikes are looked for anew
TOGETHER = 32
KEPT_EVERY = 240.0  # seconds between checkpoints


@dataclass(frozen=True)
class CopiesRecipe:
    """All numbers of a training on copies: equal recipes on equal photos give equal models on one machine.

    A third of the bits is not learned, but taken from the picture's longest waves (networks.Waves).
    """

    bits: int
    loss: str
    stages: tuple[Stage, ...]
    batch: int
    learning_rate: float
    weight_decay: float
    seed: int
    device: str = "cpu"
    look_alikes: bool = False  # batches bring together what the network itself still confuses

    @property
    def waves(self) -> int:
        return self.bits // 3

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)


def fit_copies(
    network: HashNetwork,
    photos: Photos,
    fillers: Photos,
    recipe: CopiesRecipe,
    store: CheckpointStore,
    reporter: Reporter,
    *,
    workers: int = 1,
) -> None:
    """Trains `network` in place and leaves it in eval mode; goes on from the store's checkpoint if there is one.

    Raises Diverged if the loss is no number, DshError if a checkpoint cannot be written.
    """
    network.keep_statistics()
    _freeze(network)
    optimizer = _optimizer(network, recipe)
    state = store.maybe_read_state() or {"step": 0, "near": None}
    if state["step"]:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
    course = _Course(network, optimizer, photos, recipe, store)
    with reporter.task("training", total=recipe.steps, unit="step") as task:
        task.advance(state["step"])
        step, near = state["step"], state["near"]
        while step < recipe.steps:
            stop = min((step // ROUND + 1) * ROUND, recipe.steps)
            if recipe.look_alikes and (near is None or step % ROUND == 0):
                near = torch.from_numpy(nearest(network, photos, recipe, reporter))
            known = None if near is None else near.numpy()
            views = Views(photos, fillers, recipe.stages, recipe.batch, recipe.seed, known)
            course.go(batches(views, step, stop, workers=workers), step, near, task)
            step = stop
    network.eval()


class _Course:
    """The steps of a training, and its checkpoints."""

    def __init__(
        self,
        network: HashNetwork,
        optimizer: torch.optim.Optimizer,
        photos: Photos,
        recipe: CopiesRecipe,
        store: CheckpointStore,
    ) -> None:
        self._network, self._optimizer, self._recipe, self._store = network, optimizer, recipe, store
        self._alike = Alike(torch.from_numpy(photos.grays).to(recipe.device))
        self._loss = LOSSES[recipe.loss]
        self._kept, self._mean = time.monotonic(), math.nan

    def go(self, several: Iterator[tuple[Tensor, Tensor]], start: int, near: Tensor | None, task: Task) -> None:
        """Learns from several batches, the first of them for the step `start`."""
        self._network.train()
        for step, (pixels, numbers) in enumerate(several, start):
            value = self._learn(step, pixels, numbers)
            self._mean = value if math.isnan(self._mean) else 0.98 * self._mean + 0.02 * value
            task.note(loss=f"{self._mean:.3f}")
            task.advance()
            if time.monotonic() - self._kept > KEPT_EVERY or step + 1 == self._recipe.steps:
                self._store.write_state(self._state(step + 1, near))
                self._kept = time.monotonic()

    def _learn(self, step: int, pixels: Tensor, numbers: Tensor) -> float:
        """One step; its loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.learning_rate * group["share"] * rate(step, self._recipe.steps)
        outputs = self._network(normalised(pixels, self._recipe.device)).float()
        loss = self._loss(outputs, numbers.to(outputs.device), self._alike)
        value = loss.item()
        if not math.isfinite(value):
            raise Diverged(f"the loss became {value} in step {step + 1}", hint="Try a smaller --learning-rate.")
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), CLIPPED)
        self._optimizer.step()
        return value

    def _state(self, step: int, near: Tensor | None) -> dict[str, Any]:
        return {
            "step": step,
            "near": near,
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }


def nearest(network: HashNetwork, photos: Photos, recipe: CopiesRecipe, reporter: Reporter) -> npt.NDArray[np.int64]:
    """Each photo's look-alikes (photos, NEAREST) by the network's codes, but for what may show the same."""
    alike, codes = Alike(torch.from_numpy(photos.grays)), []
    size = recipe.stages[0].size
    network.eval()
    with reporter.task("look-alikes", total=len(photos), unit="photo") as task, torch.inference_mode():
        for at in range(0, len(photos), TOGETHER):
            pixels = [squared(photos.picture(i), size) for i in range(at, min(at + TOGETHER, len(photos)))]
            codes.append(network(normalised(torch.from_numpy(np.stack(pixels)), recipe.device)).sign().cpu())
            task.advance(len(pixels))
    signs, everyone, rows = torch.cat(codes), torch.arange(len(photos)), []
    for some in torch.split(everyone, 1000):
        likeness = (signs[some] @ signs.T).masked_fill(alike(some, everyone), -torch.inf)
        rows.append(likeness.topk(min(NEAREST, len(photos) - 1), dim=1).indices)
    found: npt.NDArray[np.int64] = torch.cat(rows).numpy()
    return found


def normalised(pixels: Tensor, device: str) -> Tensor:
    """uint8 (n, size, size, 3) as lite0 wants them; the channels stay last in memory, which is faster on a CPU."""
    mean, std = torch.tensor(MEAN, device=device), torch.tensor(STD, device=device)
    return ((pixels.to(device).float() / 255 - mean) / std).permute(0, 3, 1, 2)


def rate(step: int, steps: int) -> float:
    """The share of the full learning rate: a short rise, a long level stretch, and a fall to nothing.

    While it is level, it does not depend on how many steps are still to come: a training can be made longer on its way.
    """
    falls_from = steps * (1 - FALL)
    down = 1.0 if step < falls_from else 0.5 * (1 + math.cos(math.pi * (step - falls_from) / (steps - falls_from)))
    return min((step + 1) / WARM_UP, 1.0) * down


def _freeze(network: HashNetwork) -> None:
    features = network.body[0]  # type: ignore[index]
    for block in list(features.children())[:FROZEN]:
        block.requires_grad_(requires_grad=False)


def _optimizer(network: HashNetwork, recipe: CopiesRecipe) -> torch.optim.Optimizer:
    """AdamW; the pretrained body learns more slowly than the head. Biases and scales do not decay."""
    groups = []
    for part, share in ((network.body, BODY_SHARE), (network.head, 1.0)):
        for decays in (True, False):
            tensors = [p for p in part.parameters() if p.requires_grad and (p.ndim > 1) == decays]
            groups.append({"params": tensors, "share": share, "weight_decay": recipe.weight_decay * decays})
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=recipe.learning_rate)
