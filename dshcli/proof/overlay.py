"""Lays one picture over another: both in one frame, at the scale and the sharpness of the poorer one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.proof.align import Matrix, local_map
from dshcli.proof.vision import cv

Gray = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

LEAST_AREA = 256  # pixels that both show
_SIGMAS = (0.5, 0.7, 0.9, 1.2, 1.6)  # of the blur that the sharper one is given, in pixels; if no less, both are halved
_SHARPER = 1.15  # ratio of sharpness from which on it is matched
_LEAST_SIDE = 64  # pixels: a smaller frame is not halved
_MOST_HALVINGS = 2


@dataclass(frozen=True)
class Overlay:
    """One frame, float32 (rows, columns): x and y in gray levels, inside is 1 where both are, else 0.

    blur is the ratio of sharpness, of y over x, before it was matched.
    """

    x: Plane
    y: Plane
    inside: Plane
    blur: float


def overlay(a: Gray, b: Gray, matrix: Matrix) -> Overlay | None:
    """a, and b whose pixels `matrix` takes to a's, in the frame of the one with fewer pixels; None if apart."""
    scale = float(np.sqrt(abs(np.linalg.det(local_map(matrix, np.array([b.shape[1] / 2, b.shape[0] / 2]))))))
    try:
        placed = _placed(a, b, matrix, scale) if scale >= 1 else _placed(b, a, _inverse(matrix), 1 / scale)
    except np.linalg.LinAlgError:
        return None
    for _ in range(_MOST_HALVINGS):
        if placed[2].sum() < LEAST_AREA:
            return None
        matched = _same_sharpness(*placed)
        if matched is not None:
            return matched
        placed = halved(*placed)
    return _same_sharpness(*placed, last=True) if placed[2].sum() >= LEAST_AREA else None


def _placed(fine: Gray, coarse: Gray, matrix: Matrix, scale: float) -> tuple[Plane, Plane, Plane]:
    """fine drawn in coarse's frame, coarse, and where both are."""
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
    return drawn.astype(np.float32), coarse.astype(np.float32), inside.astype(np.float32)


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def halved(x: Plane, y: Plane, inside: Plane) -> tuple[Plane, Plane, Plane]:
    """The same at half the size."""
    rows, columns = x.shape
    size = (max(columns // 2, 1), max(rows // 2, 1))
    x, y, inside = (cv().resize(each, size, interpolation=cv().INTER_AREA) for each in (x, y, inside))
    return x, y, (inside > 0.999).astype(np.float32)


def _same_sharpness(x: Plane, y: Plane, inside: Plane, last: bool = False) -> Overlay | None:
    """The sharper one blurred as the other one is; None if both should better be halved."""
    within, coarse = _inner(inside), _inner(_coarse(inside))
    weights = [_energy(_coarse(each), coarse) + 1e-3 for each in (x, y)]
    sharpness = [_energy(each, within) / weight for each, weight in zip((x, y), weights, strict=True)]
    ratio = (sharpness[1] + 1e-3) / (sharpness[0] + 1e-3)
    if max(ratio, 1 / ratio) < _SHARPER:
        return Overlay(x, y, inside, ratio)
    sharper = 0 if ratio < 1 else 1
    target, weight, sharp = sharpness[1 - sharper], weights[sharper], (x, y)[sharper]
    blurred, miss = sharp, abs(np.log(ratio))
    for sigma in _SIGMAS:
        trial = cv().GaussianBlur(sharp, (0, 0), sigma)
        now = np.log((_energy(trial, within) / weight + 1e-3) / (target + 1e-3))
        if abs(now) < miss:
            blurred, miss = trial, abs(now)
        if now <= 0:
            break
    else:
        if not last and min(x.shape) >= 2 * _LEAST_SIDE:
            return None
    return Overlay(blurred, y, inside, ratio) if sharper == 0 else Overlay(x, blurred, inside, ratio)


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
