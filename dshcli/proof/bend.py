"""How far one picture is bent beside the other: the sign of a scene seen twice, from two places.

Copies lie on each other to a small part of a pixel. When the camera has moved, near things move more than far ones, and
no map from plane to plane follows them.
"""

import numpy as np
import numpy.typing as npt

from dshcli.proof.cells import Cells
from dshcli.proof.overlay import Plane
from dshcli.proof.vision import cv

_SURE = 0.7  # correlation of a cell whose shift is measured
_CURVED = 0.02  # curvature of the correlation at its top: of less, the top's place cannot be told
_MOST_CURVED = 0.3  # more makes a cell no surer
_AROUND = 5  # cells along the side of the window that shifts are averaged in: noise is not alike in neighbours
_LEAST = 10.0  # weight of all cells that it takes


def bend(cells: Cells, detail: Plane) -> float:
    """Pixels that cells are shifted on average, when what a lens or a slanted view does is taken away.

    detail: how much each cell counts, (rows, columns). 0 if next to no cell's shift can be measured.
    """
    here, left, right, above, below = cells.nearby
    terms = _terms(*here.shape)
    squares = total = 0.0
    for before, after in ((left, right), (above, below)):
        curvature = 2 * here - before - after
        shift = np.clip((after - before) / 2 / np.maximum(curvature, _CURVED), -1, 1)
        weight = detail * np.clip(curvature, 0, _MOST_CURVED) * (cells.correlation > _SURE)
        weighted = terms * weight.reshape(-1, 1)
        smooth = np.linalg.solve(weighted.T @ terms + 1e-3 * np.eye(terms.shape[1]), weighted.T @ shift.reshape(-1))
        rest = shift - (terms @ smooth).reshape(shift.shape)
        rest = _around(rest * weight) / (_around(weight) + np.float32(1e-3))
        squares += float((weight * rest * rest).sum())
        total += float(weight.sum())
    return float(np.sqrt(2 * squares / total)) if total > _LEAST else 0.0


def _terms(rows: int, columns: int) -> npt.NDArray[np.float64]:
    """1, x, y, xy, xx, yy at each cell: (rows * columns, 6)."""
    y, x = (axis.reshape(-1) for axis in np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j])
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)


def _around(plane: npt.NDArray[np.floating]) -> Plane:
    size = (_AROUND, _AROUND)
    total = cv().boxFilter(plane.astype(np.float32), -1, size, normalize=False, borderType=cv().BORDER_CONSTANT)
    return np.asarray(total, np.float32)
