"""The loop that fits a network to copies: a step is a batch of photos, each seen twice."""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dshcli.hasher.checkpoints import CheckpointStore
from dshcli.hasher.copies.loss import LOSSES, Alike
from dshcli.hasher.copies.photos import Photos
from dshcli.hasher.copies.views import Stage, Views, batches
from dshcli.hasher.fitting import Diverged
from dshcli.hasher.lite0 import MEAN, STD
from dshcli.hasher.networks import HashNetwork
from dshcli.progress import Reporter

BODY_SHARE = 0.3  # of the head's learning rate goes to the body
FROZEN = (
    3  # first blocks of the body that keep their weights: edges and colours are known, and the maps there are large
)
WARM_UP = 100  # steps until the learning rate is full
FALL = 0.4  # of the steps, the last ones, over which it falls to nothing
CLIPPED = 5.0  # the largest norm of a gradient
KEPT_EVERY = 240.0  # seconds between checkpoints


@dataclass(frozen=True)
class CopiesRecipe:
    """All numbers of a training on copies: equal recipes on equal photos give equal models on one machine."""

    bits: int
    loss: str
    stages: tuple[Stage, ...]
    batch: int
    learning_rate: float
    weight_decay: float
    seed: int
    device: str = "cpu"

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
    alike = Alike(torch.from_numpy(photos.grays))
    step = 0
    state = store.maybe_read_state()
    if state is not None:
        step = state["step"]
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
    views = Views(photos, fillers, recipe.stages, recipe.batch, recipe.seed)
    loss_of, kept, mean = LOSSES[recipe.loss], time.monotonic(), 0.0
    with reporter.task("training", total=recipe.steps, unit="step") as task:
        task.advance(step)
        network.train()
        for pixels, numbers in batches(views, step, workers=workers):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * group["share"] * rate(step, recipe.steps)
            outputs = network(normalised(pixels, recipe.device)).float()
            loss = loss_of(outputs, numbers, alike)
            value = loss.item()
            if not math.isfinite(value):
                raise Diverged(f"the loss became {value} in step {step + 1}", hint="Try a smaller --learning-rate.")
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIPPED)
            optimizer.step()
            step += 1
            mean = value if step == 1 else 0.98 * mean + 0.02 * value
            task.note(loss=f"{mean:.3f}")
            task.advance()
            if time.monotonic() - kept > KEPT_EVERY or step == recipe.steps:
                store.write_state(_state(step, network, optimizer))
                kept = time.monotonic()
    network.eval()


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


def _state(step: int, network: HashNetwork, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    return {
        "step": step,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
    }


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
