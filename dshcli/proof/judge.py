"""From cells to a judgement: do the two show one picture, however much was laid over it?"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.proof.cells import Cells
from dshcli.proof.vision import cv

DETAIL = (2.0, 8.0)  # gray levels: cells of less are left out; strong compression spares only the coarser detail
_WEAK = 0.1  # of the picture's own mean detail: less is left out, too
_MARGIN = 0.7  # a cell agrees if it differs by at most this much of what it differs from other places
_LEAST = 0.4  # correlation of a cell that agrees
_AROUND = 7  # cells: the side of the window that is called clean or covered
_CLEAN = 0.85  # of a window's weight that agrees
_COVERED = 0.5  # less than that: something is laid over it
_LEAST_WINDOW = 1.5  # weight of a window that can be called anything
_WHOLE = 0.7  # of the weight that agrees: the same picture
_PART = 0.3  # ... with something laid over it, if it agrees all over in clean windows
_CLEAN_AREA = 0.3  # of the area with detail that lies in clean windows
_EVIDENCE = 12.0  # weight of all cells together, at least


@dataclass(frozen=True)
class Judgement:
    """same: whether they show one picture. share: of the weight that agrees. weight: of all cells.

    By cells with detail, 0 to 1: clean, that lie where next to all agrees; covered, where most does not; changed, that
    do not agree themselves.
    """

    same: bool
    share: float
    weight: float
    clean: float
    covered: float
    changed: float


def judge(cells: Cells) -> Judgement:
    """The best judgement over the DETAIL levels."""
    found = [_judged(cells, least) for least in DETAIL]
    return max(found, key=lambda each: (each.same, each.share))


def _judged(cells: Cells, least: float) -> Judgement:
    counts, weight = _weights(cells, least)
    agrees = cells.correlation > np.maximum(_LEAST, 1 - _MARGIN * (1 - np.clip(cells.alike, 0, 1)))
    total, cells_with_detail = float(weight.sum()), max(int(counts.sum()), 1)
    share = float((weight * agrees).sum()) / (total + 1e-6)
    around, agreeing_around = _around(weight), _around(np.asarray(weight * agrees, np.float32))
    known = counts & (around > _LEAST_WINDOW)
    clean = int((known & (agreeing_around > _CLEAN * around)).sum()) / cells_with_detail
    covered = int((known & (agreeing_around < _COVERED * around)).sum()) / cells_with_detail
    changed = int((counts & ~agrees).sum()) / cells_with_detail
    same = total >= _EVIDENCE and (share >= _WHOLE or (share >= _PART and clean >= _CLEAN_AREA))
    return Judgement(same, share, total, clean, covered, changed)


def _weights(cells: Cells, least: float) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Which cells hold detail, and how much each of them says: by its detail, and by how unlike others it is."""
    within = cells.within
    if not within.any():
        return within, np.zeros(within.shape, np.float32)
    usual = [float(np.sqrt(np.square(each[within]).mean())) + 0.1 for each in (cells.detail_x, cells.detail_y)]
    relative = np.maximum(cells.detail_x / usual[0], cells.detail_y / usual[1])
    counts = within & (np.maximum(cells.detail_x, cells.detail_y) > least) & (relative > _WEAK)
    weight = counts * np.minimum(relative, 1) * (1 - np.clip(cells.alike, 0, 1))
    return counts, np.asarray(weight, np.float32)


def _around(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Sums over the window around each cell."""
    total = cv().boxFilter(plane, -1, (_AROUND, _AROUND), normalize=False, borderType=cv().BORDER_CONSTANT)
    return np.asarray(total, np.float32)
