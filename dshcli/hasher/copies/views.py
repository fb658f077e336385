"""Batches of photos and their copies, made by worker processes while the network learns."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL.Image import Image as Picture
from torch import Tensor

from dshcli.edits.drawing import any_edits
from dshcli.hasher.copies.photos import Photos, squared

NEAREST, COMPANIONS = 12, 3  # look-alikes known of each photo, and how many of them come into a batch with it
PLAIN = 0.5  # how often a photo's first view is the photo as it is


@dataclass(frozen=True)
class Stage:
    """So many steps at one size of the square input."""

    steps: int
    size: int


@dataclass(frozen=True)
class Views(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """A batch by the number of its step: pixels uint8 (2 batch, size, size, 3) and the photos' numbers (2 batch,).

    The second half shows the photos of the first half, edited. Seed and step decide everything. fillers are what
    collages show beside: photos that are never told apart from others, as a collage rightly looks like all its parts.
    """

    photos: Photos
    fillers: Photos
    stages: tuple[Stage, ...]
    batch: int
    seed: int
    near: npt.NDArray[np.int64] | None = None  # (photos, NEAREST): look-alikes, which batches then bring together

    def __len__(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.seed, step])
        chosen, size = self._chosen(step), self.size(step)
        first, second = [], []

        def filler() -> Picture:
            return self.fillers.picture(int(rng.integers(len(self.fillers))))

        for number in chosen.tolist():
            photo = self.photos.picture(number)
            plain, strength = rng.random() < PLAIN, float(rng.random())
            first.append(squared(photo if plain else any_edits(photo, rng, filler, strength), size))
            second.append(squared(any_edits(photo, rng, filler), size))
        return torch.from_numpy(np.stack(first + second)), torch.from_numpy(np.tile(chosen, 2))

    def size(self, step: int) -> int:
        """The side of the square at that step."""
        for stage in self.stages:
            if step < stage.steps:
                return stage.size
            step -= stage.steps
        raise IndexError(step)

    def _chosen(self, step: int) -> npt.NDArray[np.int64]:
        """The photos of a step: every epoch goes through all of them in another order.

        With look-alikes, a step's first photos come from that order, and the others are some of theirs.
        """
        led = self.batch if self.near is None else max(self.batch // (1 + COMPANIONS), 1)
        per_epoch = max(len(self.photos) // led, 1)
        order = np.random.default_rng([self.seed, 1 << 32, step // per_epoch]).permutation(len(self.photos))
        at = step % per_epoch * led
        first: npt.NDArray[np.int64] = order[at : at + led]
        return first if self.near is None else self._with_companions(first, self.near, order)

    def _with_companions(
        self, first: npt.NDArray[np.int64], near: npt.NDArray[np.int64], order: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Those photos and COMPANIONS of each one's look-alikes; each photo once, filled up from the epoch's order."""
        rng = np.random.default_rng([self.seed, *first[:4].tolist()])
        companions = [rng.choice(near[number], COMPANIONS, replace=False) for number in first.tolist()]
        wanted = np.concatenate([first, *companions, order])
        _, places = np.unique(wanted, return_index=True)
        return wanted[np.sort(places)][: self.batch]


def batches(views: Views, start: int, stop: int, *, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches from step `start` to before `stop`."""
    loader = torch.utils.data.DataLoader(
        views,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        prefetch_factor=8 if workers else None,
    )
    return iter(loader)
