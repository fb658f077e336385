"""Losses of learned hashing: pure functions of outputs and labels that return a scalar. fp32, all pairs of the batch.

Labels are class numbers, int (n,), or for several labels an image a multi-hot matrix, bool or float (n, classes); two
images are similar if they share a label. `centres` are the classes' hash centres, +-1, (classes, bits). A batch without
any pair, or of no image at all, gives a finite loss and a finite gradient.

Nothing here may run under autocast: half precision would swamp the distance of two images that are alike.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

ALPHA = 0.01  # weight of the pull towards +-1, as published
SCALE, MARGIN = 8.0, 0.2  # of the cosines: the defaults of OrthoHash's authors (on CIFAR-10 they took a margin of 0.3)
LossParts = dict[str, Tensor]  # scalars by name, whose sum is a loss

TINY = 1e-4  # the least norm that is divided by, so that outputs of 0 do not get a gradient without bounds


def sum_of(parts: LossParts) -> Tensor:
    """The loss that is made of these parts."""
    return torch.stack(list(parts.values())).sum()


def same_label(labels: Tensor) -> Tensor:
    """Which images have a label in common: bool (n, n). An image with no label has none in common with itself."""
    if labels.ndim == 1:
        return labels[:, None] == labels[None, :]
    held = labels.to(torch.float32)
    return held @ held.T > 0


def squared_distances(outputs: Tensor) -> Tensor:
    """Squared Euclidean distances (n, n), summed over bits, by one matrix product.

    |a - b|^2 = |a|^2 + |b|^2 - 2ab cancels for equal points, so what falls below 0 is clamped; centring the outputs
    first keeps the squares, and with them the rounding error, small.
    """
    centred = outputs - outputs.mean(dim=0, keepdim=True).detach()
    squares = centred.square().sum(dim=1)
    return (squares[:, None] + squares[None, :] - 2 * centred @ centred.T).clamp(min=0)


def dsh_loss(outputs: Tensor, labels: Tensor, margin: float | None = None, alpha: float = ALPHA) -> Tensor:
    """Deep Supervised Hashing (Liu et al., CVPR 2016), exactly as published.

    1/(n(n-1)) * sum_{i<j} [ s D2 + (1-s) max(m - D2, 0) ] + alpha/n * sum_i sum_k | |b_ik| - 1 |

    outputs (n, k) are linear; D2 is the squared distance summed over bits, s = 1 for similar images. The margin m
    defaults to 2k: it must grow with the code, as dissimilar +-1 codes that differ in half of their bits are 2k apart.
    A single image has no pair, so that only the pull towards +-1 is left.
    """
    return sum_of(dsh_parts(outputs, labels, margin, alpha))


def dsh_parts(outputs: Tensor, labels: Tensor, margin: float | None = None, alpha: float = ALPHA) -> LossParts:
    """The two sums of dsh_loss: over pairs, and the pull towards +-1."""
    images, bits = outputs.shape
    if margin is None:
        margin = 2.0 * bits
    pull = alpha * (outputs.abs() - 1).abs().sum() / max(images, 1)
    if images < 2:
        return {"pairs": outputs.sum() * 0, "pull": pull}
    distances = squared_distances(outputs)
    per_pair = torch.where(same_label(labels), distances, (margin - distances).clamp(min=0))
    return {"pairs": per_pair.triu(diagonal=1).sum() / (images * (images - 1)), "pull": pull}


def targets(labels: Tensor, centres: Tensor) -> Tensor:
    """The centre, +-1 (n, k), that each image is drawn to: its class's; with several labels the majority, bit by bit.

    A bit on which an image's centres are split takes that of its first label (Yuan et al., CVPR 2020, draw lots). An
    image without any label is drawn nowhere: its target is 0.
    """
    centres = centres.to(torch.float32)
    if labels.ndim == 1:
        return centres[labels]
    held = labels.to(torch.float32)
    votes = (held @ centres).sign()
    first = centres[held.argmax(dim=1)] * held.any(dim=1, keepdim=True)
    return torch.where(votes == 0, first, votes)


def center_loss(outputs: Tensor, labels: Tensor, centres: Tensor) -> Tensor:
    """Binary cross-entropy of each bit to the centre's (CSQ: Yuan et al., CVPR 2020), outputs (n, k) being logits.

    With several labels an image is drawn to the bits on which most of its centres agree.
    """
    if not len(outputs):
        return outputs.sum() * 0
    wanted = targets(labels, centres).to(outputs.dtype)
    return functional.binary_cross_entropy_with_logits(outputs, (wanted + 1) / 2, weight=wanted.abs())


def center_margin(centres: Tensor) -> float:
    """The DSH margin that the centres allow: +-1 codes that differ in d bits are 4d apart, so m = 4 d_min."""
    signs = centres.to(torch.float32)
    if len(signs) < 2:
        return 2.0 * signs.shape[1]
    products = signs @ signs.T
    return 2.0 * (signs.shape[1] - products.fill_diagonal_(-math.inf).max().item())


def dsh_center_loss(
    outputs: Tensor, labels: Tensor, centres: Tensor, margin: float | None = None, weight: float = 1.0
) -> Tensor:
    """DSH over pairs plus `weight` times the centre loss; the margin defaults to what the centres allow, 4 d_min.

    Both are means over bits, so that neither drowns the other at any code length.
    """
    return sum_of(dsh_center_parts(outputs, labels, centres, margin, weight))


def dsh_center_parts(
    outputs: Tensor, labels: Tensor, centres: Tensor, margin: float | None = None, weight: float = 1.0
) -> LossParts:
    """The sums of dsh_center_loss: over pairs, the pull towards +-1, and the centre loss."""
    if margin is None:
        margin = center_margin(centres)
    pairs = {name: part / outputs.shape[1] for name, part in dsh_parts(outputs, labels, margin).items()}
    return {**pairs, "center": weight * center_loss(outputs, labels, centres)}


def cosine_loss(
    outputs: Tensor, labels: Tensor, centres: Tensor, scale: float | None = None, margin: float = MARGIN
) -> Tensor:
    """One loss for hashing (OrthoHash: Hoe et al., NeurIPS 2021): cross-entropy of the cosines with all centres.

    -log softmax(s (cos - margin of the own centre)). The scale s is the authors' 8, or more where 8 could not tell so
    many classes apart: sqrt(2) ln(C - 1) (Zhang et al., AdaCos, CVPR 2019), which passes 8 at 288 classes. With
    several labels the target is spread evenly over them; an image without any counts nothing.
    """
    if not len(outputs):
        return outputs.sum() * 0
    classes = len(centres)
    if scale is None:
        scale = max(SCALE, math.sqrt(2) * math.log(max(classes - 1, 1)))
    directions = functional.normalize(outputs, dim=1, eps=TINY)
    cosines = directions @ functional.normalize(centres.to(outputs.dtype), dim=1).T
    held = functional.one_hot(labels, classes) if labels.ndim == 1 else labels
    held = held.to(outputs.dtype)
    shares = held / held.sum(dim=1, keepdim=True).clamp(min=1)
    return functional.cross_entropy(scale * (cosines - margin * held), shares)
