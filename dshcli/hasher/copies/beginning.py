"""The network that learns copies, and where it starts: pretrained features, whitened and turned into bits at random."""

from typing import Any

import numpy as np
import torch

from dshcli.codes import Codes, codes_from_outputs
from dshcli.hasher import itq, networks
from dshcli.hasher.copies.fitting import CopiesRecipe, normalised
from dshcli.hasher.copies.photos import Photos, squared
from dshcli.hasher.files import Pixels
from dshcli.images.spec import InputSpec
from dshcli.progress import Reporter

SIZE, SMALLER = 160, 128  # side of the square that the finished model sees, and of the one for most of the training
RIDGE = 0.3  # of the mean variance, added to all directions when the head starts from whitened features
WHITENED_BY = 3000  # photos at most
TOGETHER = 32


def description_of(bits: int) -> dict[str, Any]:
    """What networks.build makes the network of: lite0, power means, one linear layer, a BatchNorm without scale."""
    usual = networks.describe(networks.LITE0, InputSpec(SIZE, 3), bits, norm=True)
    return {**usual, "hidden": 0, "dropout": 0.0, "pool": "power"}


def network_for(recipe: CopiesRecipe) -> networks.HashNetwork:
    """The network of a recipe, on its device; the weights are random, from its seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = networks.build(description_of(recipe.bits))
    return network.to(recipe.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def whiten(network: networks.HashNetwork, photos: Photos, reporter: Reporter) -> None:
    """Gives the head whitened features in random directions (itq.fit_angles), from which learning starts well."""
    linear, norm = network.head.children()
    assert isinstance(linear, torch.nn.Linear) and isinstance(norm, torch.nn.BatchNorm1d)
    device, count = linear.weight.device.type, min(len(photos), WHITENED_BY)
    network.eval()
    features = []
    with reporter.task("features", total=count, unit="photo") as task, torch.inference_mode():
        for at in range(0, count, TOGETHER):
            pixels = [squared(photos.picture(i), SMALLER) for i in range(at, min(at + TOGETHER, count))]
            features.append(network.body(normalised(torch.from_numpy(np.stack(pixels)), device)).cpu().numpy())
            task.advance(len(pixels))
    rows = np.concatenate(features).astype(np.float64)
    projection = itq.fit_angles(rows, linear.out_features, ridge=RIDGE, seed=0)
    weight = torch.from_numpy((projection.matrix / projection(rows).std(axis=0)).T).float()
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(-weight @ torch.from_numpy(projection.mean).float())
        norm.reset_running_stats()


def codes_of(network: networks.HashNetwork, device: str, pixels: Pixels) -> Codes:
    """Packed codes of pixels (n, size, size, 3), by the network in eval mode."""
    network.eval()
    with torch.inference_mode():
        return codes_from_outputs(network(normalised(torch.from_numpy(pixels), device)).float().cpu().numpy())
