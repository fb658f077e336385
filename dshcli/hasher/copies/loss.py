"""Losses of codes that tell copies: the views of one photo are alike, all others of the batch are not."""

import torch
from torch import Tensor
from torch.nn import functional

from dshcli.hasher.losses import dsh_loss

TEMPERATURE = 0.07  # of the cosines (van den Oord et al., 2018, and SSCD: Pizzi et al., CVPR 2022, take 0.05 to 0.1)


ALIKE = 0.85  # correlation of two gray copies from which on photos may show the same


class Alike:
    """Which pairs of photos may show the same, by small gray copies: as negatives they would teach nonsense."""

    def __init__(self, grays: Tensor) -> None:
        self._grays = grays  # (photos, pixels), of norm 1

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """bool (a, b), for photos by number, (a,) and (b,); a photo is alike to itself."""
        return (self._grays[first] @ self._grays[second].T > ALIKE) | (first[:, None] == second[None, :])


class Memory:
    """The codes, +-1, of the last views, and whose they are: more to tell a view from than one batch holds.

    Cross-batch memory (Wang et al., CVPR 2020): weights change slowly, so that codes of some steps ago are still good.
    """

    def __init__(self, length: int, bits: int) -> None:
        self.codes = torch.zeros(length, bits)
        self.photos = torch.full((length,), -1)
        self._next = 0

    def add(self, codes: Tensor, photos: Tensor) -> None:
        places = (self._next + torch.arange(len(codes))) % len(self.codes)
        self.codes[places], self.photos[places] = codes.detach().cpu(), photos
        self._next = int(places[-1]) + 1

    def state(self) -> dict[str, Tensor]:
        return {"codes": self.codes, "photos": self.photos, "next": torch.tensor(self._next)}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.codes, self.photos, self._next = state["codes"], state["photos"], int(state["next"])


def signs(outputs: Tensor) -> Tensor:
    """+-1 (n, k) of outputs; backwards as if it were tanh, the straight-through way (Bengio et al., 2013)."""
    soft = outputs.tanh()
    hard = torch.where(outputs >= 0, 1.0, -1.0)
    return soft + (hard - soft).detach()


def copies_loss(outputs: Tensor, photos: Tensor, memory: Memory, alike: Alike) -> Tensor:
    """InfoNCE (van den Oord et al., 2018) between soft outputs and hard codes.

    outputs (2n, k): two views each of n photos, `photos` (2n,) their numbers; each view has to find the code of its
    twin among all codes of the batch and the memory. `alike` tells the pairs that count neither way. As the codes are
    signs, their magnitude cannot help: what is learned is what will be compared.
    """
    n, bits = len(outputs) // 2, outputs.shape[1]
    queries, codes = functional.normalize(outputs.tanh(), dim=1), signs(outputs) / bits**0.5
    left_out = alike(photos, photos)
    twins = torch.arange(2 * n, device=outputs.device).roll(n)
    left_out[torch.arange(2 * n), twins] = False
    cosines = (queries @ codes.T).masked_fill(left_out, -torch.inf)
    filled = memory.photos >= 0
    if filled.any():
        remembered, whose = memory.codes[filled].to(outputs.device) / bits**0.5, memory.photos[filled]
        old = (queries @ remembered.T).masked_fill(alike(photos, whose), -torch.inf)
        cosines = torch.cat([cosines, old], dim=1)
    return functional.cross_entropy(cosines / TEMPERATURE, twins)


def dsh_copies_loss(outputs: Tensor, photos: Tensor, memory: Memory, alike: Alike) -> Tensor:
    """Deep Supervised Hashing with every photo as a class: all pairs of the batch, the two kinds weighing the same.

    Of the (2n)(2n-1)/2 pairs n are of one photo; without the balance they would hardly count.
    """
    n, bits = len(outputs) // 2, outputs.shape[1]
    same = (outputs[:n] - outputs[n:]).square().sum(dim=1).mean()
    return dsh_loss(outputs, photos) / bits + same / (2 * bits)


LOSSES = {"nce": copies_loss, "dsh": dsh_copies_loss}
