"""From a source and a recipe to what the training loop takes: the network, the inputs of each split, and the loss."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dshcli.hasher import losses, networks
from dshcli.hasher.augment import Augment
from dshcli.hasher.centres import Centres, hash_centres
from dshcli.hasher.data import Dataset, Parts, Source, Split, divide
from dshcli.hasher.feeds import Feed, PixelFeed, channel_statistics
from dshcli.hasher.recipe import Recipe
from dshcli.images.spec import InputSpec
from dshcli.progress import Reporter

DIGITS = Augment(turn=10, shift=0.07, zoom=0.1, shear=0.1)
PICTURES = Augment(turn=5, shift=0.1, zoom=0.1, mirror=True, erase=0.4)


@dataclass(frozen=True)
class Setup:
    """All that a training needs. network maps normalised pixels to outputs; trained is the part of it that learns."""

    network: networks.HashNetwork
    description: dict[str, Any]  # what networks.build needs to make the network again
    trained: nn.Module
    dataset: Dataset
    parts: Parts
    mean: tuple[float, ...]
    std: tuple[float, ...]
    centres: Centres | None
    loss: Callable[[Tensor, Tensor], Tensor]
    feed: Callable[[Split], Feed]


def prepare(source: Source, recipe: Recipe, reporter: Reporter) -> Setup:
    """Reads the source and makes the network, its weights drawn from the recipe's seed. Raises DshError, UsageError."""
    spec = InputSpec(recipe.size, recipe.channels)
    description = networks.describe(recipe.backbone, spec, recipe.bits, norm=recipe.loss == "cosine")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = networks.build(description)
    network.to(recipe.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    dataset = source.load(spec, reporter)
    parts = divide(dataset, recipe.seed)
    mean, std = channel_statistics(parts.train.inputs)
    centres, loss = _loss(recipe, len(dataset.classes))
    return Setup(
        network=network,
        description=description,
        trained=network,
        dataset=dataset,
        parts=parts,
        mean=mean,
        std=std,
        centres=centres,
        loss=loss,
        feed=partial(_pixel_feed, recipe, mean, std, _augment(recipe, source.survey.mirrors)),
    )


def _pixel_feed(
    recipe: Recipe, mean: tuple[float, ...], std: tuple[float, ...], augment: Augment, split: Split
) -> Feed:
    return PixelFeed(split.inputs, mean, std, device=recipe.device, augment=augment)


def _augment(recipe: Recipe, mirrors: bool) -> Augment:
    if not recipe.augment:
        return Augment()
    return PICTURES if mirrors else DIGITS


def _loss(recipe: Recipe, classes: int) -> tuple[Centres | None, Callable[[Tensor, Tensor], Tensor]]:
    """The loss as a function of outputs and labels alone, and the centres it pulls to, if any."""
    if recipe.loss == "dsh":
        return None, partial(losses.dsh_loss, margin=recipe.margin)
    centres = hash_centres(classes, recipe.bits, seed=recipe.seed)
    signs = torch.from_numpy(centres.signs).float().to(recipe.device)
    functions = {
        "center": losses.center_loss,
        "dsh+center": losses.dsh_center_loss,
        "cosine": losses.cosine_loss,
    }
    function = functions[recipe.loss]
    return centres, lambda outputs, labels: function(outputs, labels, signs)
