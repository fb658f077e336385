"""The network that learns copies, and its codes."""

from typing import Any

import torch

from dshcli.codes import Codes, codes_from_outputs
from dshcli.hasher import networks
from dshcli.hasher.copies.fitting import CopiesRecipe, normalised
from dshcli.hasher.files import Pixels
from dshcli.hasher.waves import Distance, distance_of, maybe_turns
from dshcli.images.spec import InputSpec

SIZE, SMALLER = 160, 128  # side of the square that the finished model sees, and of the one for most of the training


def description_of(recipe: CopiesRecipe) -> dict[str, Any]:
    """What networks.build makes the network of: lite0, power means, one linear layer, a BatchNorm without scale; and
    beside them the longest waves."""
    usual = networks.describe(networks.LITE0, InputSpec(SIZE, 3), recipe.bits - recipe.waves, norm=True)
    return {**usual, "hidden": 0, "dropout": 0.0, "pool": "power", "waves": recipe.waves}


def distance_for(recipe: CopiesRecipe) -> Distance:
    """How far codes of such a model lie from each other."""
    return distance_of(maybe_turns(recipe.bits, recipe.waves, SIZE))


def network_for(recipe: CopiesRecipe) -> networks.HashNetwork:
    """The part of the network that learns, on the recipe's device; the weights are random, from its seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = networks.build({**description_of(recipe), "waves": 0})
    return network.to(recipe.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def complete(network: networks.HashNetwork, recipe: CopiesRecipe) -> None:
    """Adds the outputs that are not learned."""
    network.beside = networks.beside_of(description_of(recipe))
    network.to(recipe.device)


def codes_of(network: networks.HashNetwork, device: str, pixels: Pixels) -> Codes:
    """Packed codes of pixels (n, size, size, 3), by the network in eval mode."""
    network.eval()
    with torch.inference_mode():
        return codes_from_outputs(network(normalised(torch.from_numpy(pixels), device)).float().cpu().numpy())
