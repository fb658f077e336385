"""Random changes to training images, a whole batch at once: each is one operation on a tensor (n, c, h, w)."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Augment:
    """How far an image may be changed, each amount drawn evenly from -x..x. All zero: not at all.

    turn in degrees; shift as a share of the side; zoom as a logarithm of the scale; shear as a slope; mirror: the share
    of images that are flipped left to right; erase: the side, as a share of the image's, of a square that half of the
    images lose (DeVries & Taylor, 2017).
    """

    turn: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    mirror: float = 0.0
    erase: float = 0.0

    def scaled(self, strength: float) -> "Augment":
        """With all amounts times `strength`, 0 to 1."""
        return Augment(**{name: amount * strength for name, amount in vars(self).items()})

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Changed copies of normalised images (n, c, h, w); what comes in from outside is the border's colour.

        The generator lives on the CPU whatever the images' device, so that a seed means the same everywhere.
        """
        if self.turn or self.shift or self.zoom or self.shear or self.mirror:
            images = _warp(images, self._maps(len(images), generator).to(images.device))
        if self.erase:
            images = _erase(images, self.erase, generator)
        return images

    def _maps(self, count: int, generator: torch.Generator) -> Tensor:
        """Affine maps (count, 2, 3) from places in the output to places in the input, both in -1..1."""

        def spread(amount: float) -> Tensor:
            return (torch.rand(count, generator=generator) * 2 - 1) * amount

        turn, shear = spread(math.radians(self.turn)), spread(self.shear)
        wide, high = spread(self.zoom).exp(), spread(self.zoom).exp()
        right, down = spread(2 * self.shift), spread(2 * self.shift)
        if self.mirror:
            wide = torch.where(torch.rand(count, generator=generator) < self.mirror, -wide, wide)
        cos, sin = turn.cos(), turn.sin()
        first = torch.stack([cos * wide, (shear * cos - sin) * high, right], dim=1)
        second = torch.stack([sin * wide, (shear * sin + cos) * high, down], dim=1)
        return torch.stack([first, second], dim=1)


def _warp(images: Tensor, maps: Tensor) -> Tensor:
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _erase(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Sets a square to zero, the mean of normalised images, in about half of them."""
    count, _, height, width = images.shape
    chosen = torch.rand(count, 1, generator=generator) < 0.5
    rows = _band(height, share, torch.rand(count, 1, generator=generator)) & chosen
    columns = _band(width, share, torch.rand(count, 1, generator=generator))
    square = (rows[:, None, :, None] & columns[:, None, None, :]).to(images.device)
    return images.masked_fill(square, 0.0)


def _band(side: int, share: float, centre: Tensor) -> Tensor:
    """Where (n, side) a place lies within half of `share` of the side around `centre` (n, 1), which is in 0..1."""
    places = (torch.arange(side) + 0.5) / side
    return (places - centre).abs() < share / 2
