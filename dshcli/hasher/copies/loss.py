"""Losses of codes that tell copies: the views of one photo are alike, all others of the batch are not."""

import torch
from torch import Tensor
from torch.nn import functional

from dshcli.hasher.losses import dsh_loss

TEMPERATURE = 0.05  # of the cosines, as SSCD has it (Pizzi et al., CVPR 2022)
ALIKE = 0.85  # correlation of two gray copies from which on photos may show the same


class Alike:
    """Which pairs of photos may show the same, by small gray copies: as negatives they would teach nonsense."""

    def __init__(self, grays: Tensor) -> None:
        self._grays = grays  # (photos, pixels), of norm 1

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """bool (a, b), for photos by number, (a,) and (b,); a photo is alike to itself."""
        return (self._grays[first] @ self._grays[second].T > ALIKE) | (first[:, None] == second[None, :])


def signs(outputs: Tensor) -> Tensor:
    """+-1 (n, k) of outputs; backwards as if it were tanh, the straight-through way (Bengio et al., 2013)."""
    soft = outputs.tanh()
    hard = torch.where(outputs >= 0, 1.0, -1.0)
    return soft + (hard - soft).detach()


def copies_loss(outputs: Tensor, photos: Tensor, alike: Alike) -> Tensor:
    """InfoNCE (van den Oord et al., 2018) between soft outputs and hard codes.

    outputs (2n, k): two views each of n photos, `photos` (2n,) their numbers; each view has to find the code of its
    twin among all codes of the batch. `alike` tells the pairs that count neither way. As the codes are signs, their
    magnitude cannot help: what is learned is what will be compared.

    There is no memory of earlier codes to tell a view from: turning all codes away from it together would lower the
    loss, and that is what the head learns then.
    """
    n, bits = len(outputs) // 2, outputs.shape[1]
    queries, codes = functional.normalize(outputs.tanh(), dim=1), signs(outputs) / bits**0.5
    left_out = alike(photos, photos)
    views = torch.arange(2 * n, device=outputs.device)
    twins = views.roll(n)
    left_out[views, twins] = False
    cosines = (queries @ codes.T).masked_fill(left_out, -torch.inf)
    return functional.cross_entropy(cosines / TEMPERATURE, twins)


def dsh_copies_loss(outputs: Tensor, photos: Tensor, alike: Alike) -> Tensor:
    """Deep Supervised Hashing with every photo as a class: all pairs of the batch, the two kinds weighing the same.

    Of the (2n)(2n-1)/2 pairs n are of one photo; without the balance they would hardly count.
    """
    n, bits = len(outputs) // 2, outputs.shape[1]
    same = (outputs[:n] - outputs[n:]).square().sum(dim=1).mean()
    return dsh_loss(outputs, photos) / bits + same / (2 * bits)


LOSSES = {"nce": copies_loss, "dsh": dsh_copies_loss}
