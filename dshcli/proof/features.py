"""Local features (SIFT) of a gray picture, and which of two pictures' features belong together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.proof.vision import cv

MOST = 600  # features of a picture
SIDE = 384  # pixels along the longer side of what they are looked for on: cost grows with the area
RATIO = 0.8  # a match's distance to the second best one's, at most
LEAST_SIDE = 12  # pixels: smaller pictures hold no feature


@dataclass(frozen=True)
class Features:
    """points: float32 (n, 2), x and y in pixels of the gray picture. descriptors: uint8 (n, 128), about 512 long."""

    points: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.uint8]

    def mirrored(self, width: int) -> "Features":
        """The features of the picture mirrored left to right, without looking for them again."""
        points = self.points.copy()
        points[:, 0] = np.float32(width - 1) - points[:, 0]
        return Features(points, self.descriptors[:, _MIRRORED])


def _mirrored_order() -> npt.NDArray[np.intp]:
    """A descriptor holds 4 x 4 cells of 8 directions, relative to its feature's: mirroring swaps rows and turns."""
    order = np.arange(128).reshape(4, 4, 8)
    return order[::-1, :, (-np.arange(8)) % 8].reshape(128)


_MIRRORED = _mirrored_order()


def find_features(gray: npt.NDArray[np.uint8]) -> Features:
    """The MOST strongest features."""
    scale = min(SIDE / max(gray.shape), 1.0)
    if min(gray.shape) * scale < LEAST_SIDE:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8))
    if scale < 1.0:
        gray = cv().resize(gray, None, fx=scale, fy=scale, interpolation=cv().INTER_AREA)
    keypoints, found = cv().SIFT_create(nfeatures=MOST, contrastThreshold=0.02).detectAndCompute(gray, None)
    if found is None:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8))
    points = np.array([keypoint.pt for keypoint in keypoints], np.float32)
    points = (points + np.float32(0.5)) / np.float32(scale) - np.float32(0.5)
    total = np.maximum(found.sum(axis=1, keepdims=True), 1)
    root = np.sqrt(found / total) * 512  # Hellinger's distance tells features apart better than Euclid's
    return Features(points, np.minimum(np.rint(root), 255).astype(np.uint8))


def match(a: Features, b: Features) -> npt.NDArray[np.intp]:
    """Pairs of indices (n, 2) into a and b: each the other's nearest, and much nearer than the second of b."""
    if len(a.points) < 2 or len(b.points) < 2:
        return np.zeros((0, 2), np.intp)
    left, right = a.descriptors.astype(np.float32), b.descriptors.astype(np.float32)
    squares = (right * right).sum(axis=1)
    distances = squares - 2 * (left @ right.T) + (left * left).sum(axis=1)[:, None]
    back = distances.argmin(axis=0)
    rows = np.arange(len(left))
    nearest = distances.argmin(axis=1)
    first = distances[rows, nearest].copy()
    distances[rows, nearest] = np.inf
    second = distances.min(axis=1)
    good = (first <= RATIO**2 * second) & (back[nearest] == rows)
    return np.stack([rows[good], nearest[good]], axis=1)
