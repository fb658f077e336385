"""Which labels do not fit their images, by how near the outputs of an image come to the codes of the classes.

The rank is by self-confidence, and the likely ones are those that Confident Learning counts (Northcutt, Jiang & Chuang,
JAIR 2021): another class is at least as probable as it is, on average, for the images that bear its label.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import bits_from_codes, codes_from_outputs
from dshcli.hasher.class_codes import class_codes
from dshcli.hasher.encoder import Outputs
from dshcli.hasher.labels import Ints

SHARPNESS = 4.0  # of probabilities: chosen on one draw of planted errors, see tests/benchmarks/mislabels.py

Shares = npt.NDArray[np.float64]


def probabilities(outputs: Outputs, known: Outputs, labels: Ints, classes: int) -> Shares:
    """The probability of each class (n, classes) of images by their outputs (n, bits): a softmax of how well they
    agree with each class's code. The codes are those of the `known` images (m, bits) of `labels` (m,); a class that has
    none of these has the probability 0."""
    bits = outputs.shape[1]
    found = class_codes(codes_from_outputs(known), labels, bits)
    signs = 2.0 * bits_from_codes(found.codes, bits) - 1
    agreement = SHARPNESS * (outputs @ signs.T) / bits
    weights = np.exp(agreement - agreement.max(axis=1, keepdims=True))
    result = np.zeros((len(outputs), classes))
    result[:, found.classes] = weights / weights.sum(axis=1, keepdims=True)
    return result


@dataclass(frozen=True)
class Doubts:
    """The images (by number) whose label is not the most probable one, the most doubtful first; the suggested class of
    each, how much the own label is believed (0 to 1), and which of them are likely to be wrong."""

    images: Ints
    suggested: Ints
    confidence: Shares
    likely: npt.NDArray[np.bool_]


def doubts(shares: Shares, labels: Ints) -> Doubts:
    """From the probabilities (n, classes) of images of `labels` (n,). An image whose class has no code is left out."""
    rows = np.arange(len(labels))
    own, suggested = shares[rows, labels], shares.argmax(axis=1)
    images = np.flatnonzero((suggested != labels) & (own > 0))
    images = images[np.lexsort((images, own[images]))]
    return Doubts(images, suggested[images], own[images], _likely(shares, labels)[images])


def _likely(shares: Shares, labels: Ints) -> npt.NDArray[np.bool_]:
    """Whether some other class is as probable as it is on average for its own images, and more so than the label."""
    usual = np.full(shares.shape[1], np.inf)
    for label in np.unique(labels):
        usual[label] = shares[labels == label, label].mean()
    confident = np.where(shares >= usual, shares, -1.0)
    best = confident.argmax(axis=1)
    return np.asarray((confident.max(axis=1) >= 0) & (best != labels))
