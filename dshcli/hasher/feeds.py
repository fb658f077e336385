"""From images to what a network eats: batches of normalised pixels, or of features that were computed once."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dshcli.hasher.augment import Augment

Indices = npt.NDArray[np.int64]
Images = npt.NDArray[np.uint8]

TOGETHER = 512
PIXELS_TOGETHER = 512 * 32 * 32  # 20 images of 160 pixels: more would need gigabytes, and take longer


class Feed(Protocol):
    """Inputs by index, as they are (`plain`), or changed at random, with a strength of 0 to 1 (`varied`)."""

    @property
    def together(self) -> int:
        """How many inputs go through a network at once where nothing else decides, so that memory and cache do."""
        ...

    def __len__(self) -> int: ...
    def plain(self, indices: Indices) -> Tensor: ...
    def varied(self, indices: Indices, generator: torch.Generator, strength: float) -> Tensor: ...


class PixelFeed:
    """Images uint8 (n, size, size, channels) as float tensors (n, channels, size, size), normalised."""

    def __init__(
        self,
        images: Images,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        *,
        device: str = "cpu",
        augment: Augment | None = None,
    ) -> None:
        self._images, self._augment, self._device = images, augment or Augment(), device
        # Written as x * scale + shift: one pass over a batch fewer than (x / 255 - mean) / std.
        self._scale = torch.tensor([1 / (255 * s) for s in std], device=device)
        self._shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=device)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def together(self) -> int:
        pixels = self._images.shape[1] * self._images.shape[2]
        return int(min(max(PIXELS_TOGETHER // pixels, 1), TOGETHER))

    def plain(self, indices: Indices) -> Tensor:
        pixels = torch.from_numpy(self._images[indices]).to(self._device)
        # The channels stay last in memory, where convolutions on a CPU are a third faster.
        return (pixels.float() * self._scale + self._shift).permute(0, 3, 1, 2)

    def varied(self, indices: Indices, generator: torch.Generator, strength: float = 1.0) -> Tensor:
        changed = self._augment.scaled(strength)(self.plain(indices), generator)
        return changed.contiguous(memory_format=torch.channels_last)


class FeatureFeed:
    """Features float32 (n, views, f) of frozen layers: view 0 is of the image as it is, the others of changed ones."""

    def __init__(self, features: npt.NDArray[np.float32], *, device: str = "cpu") -> None:
        self._features, self._device = features, device

    def __len__(self) -> int:
        return len(self._features)

    @property
    def together(self) -> int:
        return TOGETHER

    def plain(self, indices: Indices) -> Tensor:
        return torch.from_numpy(self._features[indices, 0]).to(self._device)

    def varied(self, indices: Indices, generator: torch.Generator, strength: float = 1.0) -> Tensor:
        """Any of the views, evenly; as the strength falls, more and more often the first."""
        views = torch.randint(self._features.shape[1], (len(indices),), generator=generator)
        views *= torch.rand(len(indices), generator=generator) < strength
        return torch.from_numpy(self._features[indices, views.numpy()]).to(self._device)


def channel_statistics(images: Images) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, for pixels scaled to 0..1; of 10,000 images at most, evenly spread."""
    step = -(-len(images) // 10_000)
    histograms = [np.bincount(images[::step, ..., c].ravel(), minlength=256) for c in range(images.shape[3])]
    levels = np.arange(256) / 255
    means = [float(np.average(levels, weights=h)) for h in histograms]
    deviations = [
        float(np.sqrt(np.average((levels - m) ** 2, weights=h))) for m, h in zip(means, histograms, strict=True)
    ]
    # Images of one flat colour would divide by zero.
    return tuple(round(m, 6) for m in means), tuple(round(max(d, 1e-2), 6) for d in deviations)
