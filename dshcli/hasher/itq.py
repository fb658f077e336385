"""Binary codes without labels: linear maps of features whose signs are the bits.

Centre, whiten by PCA to as many axes as bits, rotate by ITQ (Gong & Lazebnik, *Iterative Quantization*, CVPR 2011) so
that points lie close to the corners of the cube: the reference that learned codes are judged beside.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.floating[Any]]

TINY = 1e-10  # of the largest variance: below it an axis is rounding noise


@dataclass(frozen=True)
class Projection:
    """A linear map of features (n, d) to k numbers: (x - mean) @ matrix, mean (d,), matrix (d, k)."""

    mean: Matrix
    matrix: Matrix

    def __call__(self, features: Matrix) -> Matrix:
        result: Matrix = (features - self.mean) @ self.matrix
        return result

    def rotated(self, rotation: Matrix) -> "Projection":
        """The same map followed by a rotation (k, k), or by a choice of directions (k, bits)."""
        return Projection(self.mean, self.matrix @ rotation)


@dataclass(frozen=True)
class Rotation:
    """An orthogonal matrix (k, k), and the quantisation loss before each iteration and after the last."""

    matrix: Matrix
    losses: tuple[float, ...]


def pca_whitening(features: Matrix, dimensions: int) -> Projection:
    """Onto the `dimensions` directions of most variance, each scaled to variance 1 over `features` (n, d).

    Raises ValueError if the features do not vary in so many directions.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / len(features))  # ascending
    variances, axes = variances[::-1][:dimensions], axes[:, ::-1][:, :dimensions]
    if len(variances) < dimensions or variances[-1] <= TINY * variances[0]:
        raise ValueError(f"{len(features)} feature vectors do not vary in {dimensions} directions")
    return Projection(mean, axes / np.sqrt(variances))


def random_directions(dimensions: int, bits: int, *, seed: int = 0) -> Matrix:
    """`bits` orthogonal unit directions (dimensions, bits), evenly random. Raises ValueError if bits > dimensions."""
    if bits > dimensions:
        raise ValueError(f"{dimensions} dimensions have no {bits} orthogonal directions")
    rng = np.random.default_rng(seed)
    directions, _ = np.linalg.qr(rng.standard_normal((dimensions, bits)))
    return directions


def itq_rotation(points: Matrix, *, iterations: int = 50, seed: int = 0) -> Rotation:
    """The rotation R of centred points V (n, k) that lowers ||sign(V R) - V R||^2 / n, from a random start.

    Alternates the best corners B = sign(V R) for a rotation with the best rotation for those corners, U W' of the
    SVD B' V = W S U' (orthogonal Procrustes); neither step can raise the loss.
    """
    rotation = random_directions(points.shape[1], points.shape[1], seed=seed)
    losses = [_loss(points, rotation)]
    for _ in range(iterations):
        corners = _corners(points @ rotation)
        left, _, right = np.linalg.svd(points.T @ corners)
        rotation = left @ right
        losses.append(_loss(points, rotation))
    return Rotation(rotation, tuple(losses))


def _corners(turned: Matrix) -> Matrix:
    return np.where(turned >= 0, 1.0, -1.0)  # like codes_from_outputs: 0 counts as 1


def _loss(points: Matrix, rotation: Matrix) -> float:
    turned = points @ rotation
    return float(np.square(_corners(turned) - turned).sum() / len(points))


def fit_itq(features: Matrix, bits: int, *, seed: int = 0) -> Projection:
    """The linear map of features (n, d) whose signs are `bits` bits: centred, whitened, rotated. n must exceed bits."""
    whitening = pca_whitening(features, bits)
    return whitening.rotated(itq_rotation(whitening(features), seed=seed).matrix)
