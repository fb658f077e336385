"""Where one picture lies in another: maps from pixels of b to pixels of a, as 3 x 3 matrices.

Pixels have whole numbers at their centres: the unit square [0, 1]^2 of a picture reaches from -0.5 to its side - 0.5.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from dshcli.proof.evidence import Evidence
from dshcli.proof.features import match
from dshcli.proof.vision import cv

Matrix = npt.NDArray[np.float64]  # 3 x 3

LEAST_INLIERS = 10
REACH = 3.0  # pixels that a match may lie off


@dataclass(frozen=True)
class Alignment:
    """matrix: b's pixels to a's. inliers: local features that agree on it, 0 if none were used."""

    matrix: Matrix
    inliers: int = 0


def whole_pictures(a: Evidence, b: Evidence) -> list[tuple[float, Alignment]]:
    """b laid over the whole of a in the 8 orientations, the likeliest first, with the correlation of the two."""
    found = []
    for mirrored, turns in product((False, True), range(4)):
        turned = np.rot90(b.thumb[:, ::-1] if mirrored else b.thumb, turns)
        unit = np.linalg.matrix_power(_TURN, turns) @ (_MIRROR if mirrored else np.eye(3))
        matrix = _from_unit(a) @ unit @ np.linalg.inv(_from_unit(b))
        found.append((float((a.thumb * turned).sum()), Alignment(matrix)))
    return sorted(found, key=lambda each: -each[0])


_MIRROR = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
_TURN = np.array([[0.0, 1, 0], [-1, 0, 1], [0, 0, 1]])  # a quarter to the left


def _from_unit(picture: Evidence) -> Matrix:
    rows, columns = picture.gray.shape
    return np.array([[columns, 0, -0.5], [0, rows, -0.5], [0, 0, 1]])


def by_features(a: Evidence, b: Evidence) -> list[Alignment]:
    """At most two: b as it is, and mirrored; the one with more inliers first."""
    rows, columns = b.gray.shape
    mirror = np.array([[-1.0, 0, columns - 1], [0, 1, 0], [0, 0, 1]])
    found = []
    for features, before in ((b.features, np.eye(3)), (b.features.mirrored(columns), mirror)):
        pairs = match(a.features, features)
        if len(pairs) < LEAST_INLIERS:
            continue
        matrix, inside = cv().findHomography(
            features.points[pairs[:, 1]], a.features.points[pairs[:, 0]], cv().USAC_MAGSAC, REACH, None, 2000, 0.999
        )
        inliers = 0 if matrix is None else int(inside.sum())
        if inliers >= LEAST_INLIERS and is_sane(matrix, b.gray.shape):
            found.append(Alignment(matrix @ before, inliers))
    return sorted(found, key=lambda each: -each.inliers)


def is_sane(matrix: Matrix, shape: tuple[int, ...]) -> bool:
    """Whether it is what a camera or a picture editor could do to a picture of that shape: no fold, no extremes.

    It may mirror.
    """
    rows, columns = shape[:2]
    corners = np.array([[0.0, 0], [columns, 0], [columns, rows], [0, rows], [columns / 2, rows / 2]])
    homogeneous = np.c_[corners, np.ones(5)] @ matrix.T
    depth = homogeneous[:, 2]
    if not np.isfinite(homogeneous).all() or (depth * np.sign(depth[4]) <= 1e-6).any():
        return False
    areas, sign = [], np.sign(np.linalg.det(local_map(matrix, corners[4])))
    for point in corners:
        jacobian = local_map(matrix, point)
        large, small = np.linalg.svd(jacobian, compute_uv=False)
        if np.linalg.det(jacobian) * sign <= 0 or large > 3 * small:
            return False
        areas.append(large * small)
    return bool(max(areas) < 6 * min(areas) and 0.01 < areas[4] < 100)


def moved(before: Matrix, after: Matrix, shape: tuple[int, ...]) -> float:
    """How far a corner of a picture of that shape is from where it was, as a share of the picture's diagonal there."""
    rows, columns = shape[:2]
    corners = np.array([[0.0, 0, 1], [columns, 0, 1], [columns, rows, 1], [0, rows, 1]])
    old, new = (homogeneous[:, :2] / homogeneous[:, 2:] for homogeneous in (corners @ before.T, corners @ after.T))
    diagonal = np.linalg.norm(old[2] - old[0])
    return float(np.linalg.norm(new - old, axis=1).max() / diagonal)


def local_map(matrix: Matrix, point: npt.NDArray[np.float64]) -> Matrix:
    """The 2 x 2 matrix of first derivatives at a point (x, y)."""
    x, y, depth = matrix @ np.array([point[0], point[1], 1.0])
    top = np.outer([x / depth, y / depth], matrix[2, :2])
    return np.asarray((matrix[:2, :2] - top) / depth)
