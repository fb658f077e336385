"""Which images form the batches of an epoch."""

import numpy as np
import numpy.typing as npt

from dshcli.hasher.labels import Labels, rarest

Indices = npt.NDArray[np.int64]


def shuffled_batches(count: int, batch: int, random: np.random.Generator) -> list[Indices]:
    """Every index of 0..count-1 once, in batches of equal size; what is left over waits for another epoch.

    Equal batches keep the weight of each image in an epoch equal, and BatchNorm away from a batch of one.
    """
    return _full_batches(random.permutation(count), batch)


def balanced_batches(labels: Labels, batch: int, random: np.random.Generator, *, together: int = 1) -> list[Indices]:
    """Batches in which each class has about as many images as any other; as many draws in all as there are images.

    Small classes come several times an epoch, large ones not as a whole. Draws of a class come in runs of `together`,
    since a loss over pairs learns nothing from a batch where every class stands alone. An image of several labels
    counts for the rarest of them.
    """
    labels = rarest(labels)
    classes = np.unique(labels)
    draws = -(-len(labels) // (len(classes) * together)) * together  # per class, in whole runs
    indices, places = [], []
    for label in classes:
        members = np.flatnonzero(labels == label)
        rounds = -(-draws // len(members))
        indices.append(np.concatenate([random.permutation(members) for _ in range(rounds)])[:draws])
        runs = draws // together
        places.append(np.repeat((np.arange(runs) + random.random(runs)) / runs, together))
    # A stable sort keeps a run together: its draws share one place, and no two runs share theirs.
    order = np.argsort(np.concatenate(places), kind="stable")
    return _full_batches(np.concatenate(indices)[order], batch)


def _full_batches(order: Indices, batch: int) -> list[Indices]:
    batch = min(batch, len(order))
    return [order[at : at + batch] for at in range(0, len(order) - batch + 1, batch)]
