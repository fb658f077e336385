"""From a source and a recipe to what the training loop takes: the network, the inputs of each split, and the loss."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dshcli import paths
from dshcli.errors import NoData
from dshcli.hasher import lite0, networks
from dshcli.hasher.augment import Augment
from dshcli.hasher.centres import Centres, hash_centres
from dshcli.hasher.data import Dataset, Parts, Source, Split, divide
from dshcli.hasher.feature_cache import FeatureCache
from dshcli.hasher.feeds import FeatureFeed, Feed, PixelFeed, channel_statistics
from dshcli.hasher.losses import LossParts, center_loss, cosine_loss, dsh_center_parts, dsh_parts
from dshcli.hasher.pretrained import FrozenViews, load_lite0, maybe_load_torchvision
from dshcli.hasher.recipe import Recipe
from dshcli.images.spec import InputSpec
from dshcli.progress import Reporter

DIGITS = Augment(turn=10, shift=0.07, zoom=0.1, shear=0.1)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # torchvision's own
PICTURES = Augment(turn=5, shift=0.1, zoom=0.1, mirror=0.5, erase=0.25)


@dataclass(frozen=True)
class Inputs:
    """The data as the network takes them. trained is the part of the network that learns; feed makes its inputs."""

    dataset: Dataset
    parts: Parts
    mean: tuple[float, ...]
    std: tuple[float, ...]
    trained: nn.Module
    feed: Callable[[Split], Feed]


@dataclass(frozen=True)
class Setup:
    """All that a training needs. network maps normalised pixels to outputs; centres are None for a loss without."""

    network: networks.HashNetwork
    description: dict[str, Any]  # what networks.build needs to make the network again
    inputs: Inputs
    centres: Centres | None
    loss: Callable[[Tensor, Tensor], LossParts]


def prepare(source: Source, recipe: Recipe, reporter: Reporter) -> Setup:
    """Reads the source and makes the network, its weights drawn from the recipe's seed. Raises DshError, UsageError.

    On lite0 only the head learns, unless the recipe is to fine-tune: its body's features are computed once for all
    trainings, while the images are read.
    """
    description = networks.describe(
        recipe.backbone, InputSpec(recipe.size, recipe.channels), recipe.bits, norm=recipe.loss == "cosine"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = networks.build(description)
    network.to(recipe.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    augment = _augment(recipe, source.survey.mirrors)
    on_features = recipe.backbone == networks.LITE0 and not recipe.fine_tune
    read = _on_features if on_features else _on_pixels
    inputs = read(source, recipe, network, augment, reporter)
    centres, loss = _loss(recipe, len(inputs.dataset.classes))
    return Setup(network, description, inputs, centres, loss)


def _on_features(
    source: Source, recipe: Recipe, network: networks.HashNetwork, augment: Augment, reporter: Reporter
) -> Inputs:
    load_lite0(network)
    frozen = FrozenViews(network.body, replace(augment, erase=0), device=recipe.device)
    with FeatureCache(frozen, frozen.key, paths.cache_folder() / "features", reporter) as features:
        dataset = source.load(InputSpec(recipe.size, recipe.channels), reporter, features)
    parts = divide(dataset, recipe.seed)
    feed = partial(_feature_feed, recipe)
    return Inputs(dataset, parts, lite0.MEAN, lite0.STD, network.head, feed)


def _on_pixels(
    source: Source, recipe: Recipe, network: networks.HashNetwork, augment: Augment, reporter: Reporter
) -> Inputs:
    dataset = source.load(InputSpec(recipe.size, recipe.channels), reporter)
    parts = divide(dataset, recipe.seed)
    mean, std = _begun(network, recipe, parts.train, reporter)
    return Inputs(dataset, parts, mean, std, network, partial(_pixel_feed, recipe, mean, std, augment))


def _begun(
    network: networks.HashNetwork, recipe: Recipe, train: Split, reporter: Reporter
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Gives the network the weights it starts from, and tells the mean and deviation of pixels that go with them.

    Raises NoData if it was to be fine-tuned and has no weights.
    """
    if recipe.fine_tune:
        network.keep_statistics()
    if recipe.backbone == networks.LITE0:
        load_lite0(network)
        return lite0.MEAN, lite0.STD
    if recipe.backbone in networks.OWN:
        return channel_statistics(train.inputs)
    if not maybe_load_torchvision(network, recipe.backbone, reporter) and recipe.fine_tune:
        raise NoData(f"{recipe.backbone} has no weights to fine-tune", hint="Train without --fine-tune.")
    return IMAGENET_MEAN, IMAGENET_STD


def _feature_feed(recipe: Recipe, split: Split) -> Feed:
    return FeatureFeed(split.inputs, device=recipe.device)


def _pixel_feed(
    recipe: Recipe, mean: tuple[float, ...], std: tuple[float, ...], augment: Augment, split: Split
) -> Feed:
    return PixelFeed(split.inputs, mean, std, device=recipe.device, augment=augment)


def _augment(recipe: Recipe, mirrors: bool) -> Augment:
    if not recipe.augment:
        return Augment()
    return PICTURES if mirrors else DIGITS


def _loss(recipe: Recipe, classes: int) -> tuple[Centres | None, Callable[[Tensor, Tensor], LossParts]]:
    """The parts of the loss as a function of outputs and labels alone, and the centres it pulls to, if any."""
    if recipe.loss == "dsh":
        return None, partial(dsh_parts, margin=recipe.margin)
    centres = hash_centres(classes, recipe.bits, seed=recipe.seed)
    signs = torch.from_numpy(centres.signs).float().to(recipe.device)
    if recipe.loss == "dsh+center":
        return centres, partial(dsh_center_parts, centres=signs, margin=recipe.margin)
    whole = cosine_loss if recipe.loss == "cosine" else center_loss
    return centres, lambda outputs, labels: {recipe.loss: whole(outputs, labels, signs)}
