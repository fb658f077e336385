"""Reads a map from one picture to another: mirrored, turned, tilted, a part of it, larger or smaller."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dshcli.proof.align import Matrix, local_map
from dshcli.proof.vision import cv

WHOLE = 0.98  # of a picture that the other one shows: all of it, as exactly as alignments are


@dataclass(frozen=True)
class Placing:
    """Where b lies in a. matrix: b's pixels to a's, both in full; sizes: (width, height)."""

    matrix: Matrix
    size_a: tuple[int, int]
    size_b: tuple[int, int]

    @cached_property
    def _here(self) -> Matrix:
        """From a to b, around the middle of what is b: (2, 2), mirroring left to right taken out."""
        middle = np.array([self.size_b[0] / 2, self.size_b[1] / 2])
        back = np.asarray(np.linalg.inv(local_map(self.matrix, middle)))
        return np.diag([-1.0, 1.0]) @ back if np.linalg.det(back) < 0 else back

    @cached_property
    def mirrored(self) -> bool:
        middle = np.array([self.size_b[0] / 2, self.size_b[1] / 2])
        return bool(np.linalg.det(local_map(self.matrix, middle)) < 0)

    @cached_property
    def degrees(self) -> float:
        """How far a is turned to the right to become b (after mirroring left to right, if mirrored): -180 to 180."""
        left, _, right = np.linalg.svd(self._here)
        turn = left @ right
        return float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))

    @cached_property
    def quarters(self) -> int:
        """The nearest number of quarter turns to the right: 0 to 3."""
        return round(self.degrees / 90) % 4

    @cached_property
    def tilt(self) -> float:
        """Degrees off that number of quarter turns."""
        return self.degrees - 90 * round(self.degrees / 90)

    @cached_property
    def perspective(self) -> float:
        """The largest of b's corners' scales over the smallest: 1 if there is no perspective."""
        scales = [abs(np.linalg.det(local_map(self.matrix, corner))) for corner in _corners(self.size_b)]
        return float(np.sqrt(max(scales) / min(scales)))

    @cached_property
    def scale(self) -> tuple[float, float]:
        """b's pixels for each pixel of a, along a's width and along its height."""
        across, down = np.linalg.norm(self._here, axis=0)
        return float(across), float(down)

    @cached_property
    def share_of_a(self) -> float:
        """How much of a is shown by b: 0 to 1."""
        return _shared(_moved(self.matrix, _corners(self.size_b)), self.size_a)

    @cached_property
    def share_of_b(self) -> float:
        return _shared(_moved(np.asarray(np.linalg.inv(self.matrix)), _corners(self.size_a)), self.size_b)


Size = tuple[int, int]  # width, height


def rescaled(matrix: Matrix, a: Size, new_a: Size, b: Size, new_b: Size) -> Matrix:
    """A map from a picture of size b to one of size a, as a map between the same pictures at other sizes."""
    return np.asarray(_resizing(a, new_a) @ matrix @ _resizing(new_b, b))


def _resizing(old: Size, new: Size) -> Matrix:
    across, down = new[0] / old[0], new[1] / old[1]
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def _corners(size: tuple[int, int]) -> npt.NDArray[np.float64]:
    right, bottom = size[0] - 0.5, size[1] - 0.5
    return np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]])


def _moved(matrix: Matrix, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    moved = np.c_[points, np.ones(len(points))] @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:])


def _shared(corners: npt.NDArray[np.float64], size: tuple[int, int]) -> float:
    """The share of a picture of that size that lies within the four corners."""
    scale = 1000.0 / max(size)  # the function works in single precision
    frame = (_corners(size) * scale).astype(np.float32)
    area, _ = cv().intersectConvexConvex((corners * scale).astype(np.float32), frame)
    return float(min(area / (size[0] * size[1] * scale * scale), 1.0))
