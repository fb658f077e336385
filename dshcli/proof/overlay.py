"""Lays one picture over another: both in one frame, at the scale and the sharpness of the poorer one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.proof.align import Matrix, local_map
from dshcli.proof.vision import cv

Gray = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

_SIGMAS = (0.5, 0.7, 0.9, 1.2, 1.6)  # of the blur that the sharper one is given, in pixels
_SHARPER = 1.15  # ratio of sharpness from which on it is matched
_WORN = 1.4  # ... and from which on fine detail may be lost in one of the two
_LEAST_AREA = 256  # pixels that both show
_LEAST_SIDE = 48  # pixels of a frame that was halved
_REFINED_SIDE = 256  # pixels along the longer side of the frame that an alignment is refined in
_ROUNDS = 15


@dataclass(frozen=True)
class Overlay:
    """One frame, float32 (rows, columns): x and y in gray levels, inside is 1 where both are, else 0.

    sharpness: of y over that of x.
    """

    x: Plane
    y: Plane
    inside: Plane
    sharpness: float = 1.0

    @property
    def worn(self) -> bool:
        """Whether one of the two was blurred, is noisy, or was compressed much more than the other."""
        return max(self.sharpness, 1 / self.sharpness) > _WORN

    def halved(self) -> "Overlay | None":
        """The same at half the size, or None if that would be too small."""
        rows, columns = self.x.shape
        if min(rows, columns) < 2 * _LEAST_SIDE:
            return None
        size = (columns // 2, rows // 2)
        x, y, inside = (
            cv().resize(each, size, interpolation=cv().INTER_AREA) for each in (self.x, self.y, self.inside)
        )
        return Overlay(x, y, (inside > 0.999).astype(np.float32))


def overlay(a: Gray, b: Gray, matrix: Matrix) -> Overlay | None:
    """a and b (`matrix` takes its pixels to a's) in the frame of the one with fewer pixels; None if they lie apart."""
    pair = _placed(a, b, matrix) if _scale(b, matrix) >= 1 else _placed(b, a, _inverse(matrix))
    return pair if pair.inside.sum() >= _LEAST_AREA else None


def refined(a: Gray, b: Gray, matrix: Matrix) -> Matrix | None:
    """The map that makes the most of the correlation of the two, searched for near `matrix`; None if there is none."""
    a_fine = _scale(b, matrix) >= 1
    pair = _placed(a, b, matrix) if a_fine else _placed(b, a, _inverse(matrix))
    rows, columns = pair.x.shape
    scale = min(_REFINED_SIDE / max(rows, columns), 1.0)
    size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
    x, y, inside = (cv().resize(each, size, interpolation=cv().INTER_AREA) for each in (pair.x, pair.y, pair.inside))
    until = (cv().TERM_CRITERIA_COUNT | cv().TERM_CRITERIA_EPS, _ROUNDS, 1e-4)
    mask = (inside > 0.999).astype(np.uint8)
    try:
        _, step = cv().findTransformECC(
            _contrast(y), _contrast(x), np.eye(3, dtype=np.float32), cv().MOTION_HOMOGRAPHY, until, mask, 3
        )
    except cv().error:  # it does not converge
        return None
    resize = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1]])
    step = np.linalg.inv(resize) @ step.astype(np.float64) @ resize
    return np.asarray(matrix @ step if a_fine else _inverse(step) @ matrix)


def _contrast(plane: Plane) -> Plane:
    """What differs from its surroundings, where strong edges count no more than middling ones."""
    return np.asarray(np.clip(plane - cv().GaussianBlur(plane, (0, 0), 6.0), -40, 40), np.float32)


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _scale(b: Gray, matrix: Matrix) -> float:
    """Pixels of a for each one of b, in b's middle."""
    middle = np.array([b.shape[1] / 2, b.shape[0] / 2])
    return float(np.sqrt(abs(np.linalg.det(local_map(matrix, middle)))))


def _placed(fine: Gray, coarse: Gray, matrix: Matrix) -> Overlay:
    """fine drawn in coarse's frame, beside coarse, whose pixels `matrix` takes to fine's."""
    scale = _scale(coarse, matrix)
    if scale > 1.25:  # the means of areas, since an interpolation would skip pixels
        rows, columns = fine.shape
        size = (max(round(columns / scale), 1), max(round(rows / scale), 1))
        fine = cv().resize(fine, size, interpolation=cv().INTER_AREA)
        across, down = size[0] / columns, size[1] / rows
        matrix = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]]) @ matrix
    rows, columns = coarse.shape
    how = cv().WARP_INVERSE_MAP
    drawn = cv().warpPerspective(
        fine, matrix, (columns, rows), flags=cv().INTER_LINEAR | how, borderMode=cv().BORDER_REPLICATE
    )
    inside = cv().warpPerspective(np.ones_like(fine), matrix, (columns, rows), flags=cv().INTER_NEAREST | how)
    return Overlay(drawn.astype(np.float32), coarse.astype(np.float32), inside.astype(np.float32))


def same_sharpness(pair: Overlay) -> Overlay | None:
    """The sharper one blurred as the other one is; None if that takes so much blur that both should be halved."""
    within, coarse = _inner(pair.inside), _inner(_coarse(pair.inside))
    planes = (pair.x, pair.y)
    weights = [_energy(_coarse(each), coarse) + 1e-3 for each in planes]
    sharpness = [_energy(each, within) / weight for each, weight in zip(planes, weights, strict=True)]
    ratio = (sharpness[1] + 1e-3) / (sharpness[0] + 1e-3)
    if max(ratio, 1 / ratio) < _SHARPER:
        return Overlay(pair.x, pair.y, pair.inside, ratio)
    sharper = 0 if ratio < 1 else 1
    blurred, miss, enough = planes[sharper], abs(np.log(ratio)), False
    for sigma in _SIGMAS:
        trial = cv().GaussianBlur(planes[sharper], (0, 0), sigma)
        now = np.log((_energy(trial, within) / weights[sharper] + 1e-3) / (sharpness[1 - sharper] + 1e-3))
        if abs(now) < miss:
            blurred, miss = trial, abs(now)
        if now <= 0:
            enough = True
            break
    if not enough and min(pair.x.shape) >= 2 * _LEAST_SIDE:
        return None
    x, y = (blurred, pair.y) if sharper == 0 else (pair.x, blurred)
    return Overlay(x, y, pair.inside, ratio)


def _coarse(plane: Plane) -> Plane:
    rows, columns = plane.shape
    small = cv().resize(plane, (max(columns // 4, 2), max(rows // 4, 2)), interpolation=cv().INTER_AREA)
    return np.asarray(small, np.float32)


def _inner(inside: Plane) -> Plane:
    """Where a pixel and its neighbours to the right and below are inside."""
    return inside[:-1, :-1] * inside[1:, 1:]


def _energy(plane: Plane, weight: Plane) -> float:
    """Sum of squared steps from pixel to pixel, where weight (a row and a column smaller) is 1."""
    right = plane[:-1, 1:] - plane[:-1, :-1]
    down = plane[1:, :-1] - plane[:-1, :-1]
    return float(np.dot((right * right + down * down).ravel(), weight.ravel()))
