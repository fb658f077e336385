"""From cells to a judgement: do the two show one picture, however much was laid over it?"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.proof.cells import Cells
from dshcli.proof.vision import cv

_DETAIL = 2.0  # gray levels: cells of less are left out
_STRONG = 8.0  # gray levels that no compression takes away: what is laid over a picture has as much detail
_WEAK = 0.1  # of the picture's own mean detail: less is left out, too
_EQUAL = 0.9  # correlation of a cell that agrees, whatever else it is like
_ALL_EQUAL = 0.97  # of the detail: the same picture at once
_LEAST_DETAIL = 20  # cells with detail that this takes
_MARGIN = 0.7  # a cell agrees if it differs by at most this much of what it differs from other places
_LEAST = 0.4  # correlation of a cell that agrees
_AROUND = 7  # cells: the side of the window that is called clean or covered
_CLEAN = 0.85  # of a window's weight that agrees
_COVERED = 0.5  # less than that: something is laid over it
_LEAST_WINDOW = 1.5  # weight of a window that can be called anything
_WHOLE = 0.7  # of the weight that agrees: the same picture
_PHOTO, _SCREEN = (0.5, 0.62), (0.75, 1.0)  # (how much its parts are alike, share and clean together that are wanted)
_HERE_AND_THERE, _LEFT_CLEAN = 0.15, 0.18  # covered, and clean: what is laid over a picture leaves more of it clean
_EVIDENCE = 12.0  # weight of all cells together, at least


@dataclass(frozen=True)
class Judgement:
    """same: whether they show one picture. share: of the weight that agrees.

    By cells with detail, 0 to 1: clean, that lie where next to all agrees; covered, with strong detail where most does
    not; changed, that do not agree themselves.
    """

    same: bool
    share: float
    clean: float
    covered: float
    changed: float


def judge(cells: Cells) -> Judgement:
    """Whether an overlay shows one picture.

    Where most of the weight agrees it does. Where less agrees, something may be laid over one of the two: then what is
    left agrees all over, in windows that are clean; a page or screen with other content agrees here and there. The more
    the parts of a picture are alike, the more has to agree.
    """
    counts, detail = _detail(cells)
    number = max(int(counts.sum()), 1)
    equal = cells.correlation > _EQUAL
    if number >= _LEAST_DETAIL and (detail * equal).sum() >= _ALL_EQUAL * detail.sum():
        return Judgement(True, 1.0, 1.0, 0.0, int((counts & ~equal).sum()) / number)
    weight = np.asarray(detail * (1 - cells.alike), np.float32)
    agrees = cells.correlation > np.maximum(_LEAST, 1 - _MARGIN * (1 - cells.alike))
    total = float(weight.sum())
    share = float((weight * agrees).sum()) / (total + 1e-6)
    around, agreeing_around = _around(weight), _around(np.asarray(weight * agrees, np.float32))
    known = counts & (around > _LEAST_WINDOW)
    clean = int((known & (agreeing_around > _CLEAN * around)).sum()) / number
    strong = np.maximum(cells.detail_x, cells.detail_y) > _STRONG
    covered = int((known & strong & (agreeing_around < _COVERED * around)).sum()) / number
    alike = 1 - total / (float(detail.sum()) + 1e-6)
    wanted = float(np.interp(alike, (_PHOTO[0], _SCREEN[0]), (_PHOTO[1], _SCREEN[1])))
    laid_over_all = covered > _HERE_AND_THERE and clean < _LEFT_CLEAN
    same = total >= _EVIDENCE and not laid_over_all and (share >= _WHOLE or share + clean >= wanted)
    return Judgement(same, share, clean, covered, int((counts & ~agrees).sum()) / number)


def _detail(cells: Cells) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Which cells hold detail, and how much: 1 for as much as the picture's cells hold on average, or more."""
    within = cells.within
    if not within.any():
        return within, np.zeros(within.shape, np.float32)
    usual = [float(np.sqrt(np.square(each[within]).mean())) + 0.1 for each in (cells.detail_x, cells.detail_y)]
    relative = np.maximum(cells.detail_x / usual[0], cells.detail_y / usual[1])
    counts = within & (np.maximum(cells.detail_x, cells.detail_y) > _DETAIL) & (relative > _WEAK)
    return counts, np.asarray(counts * np.minimum(relative, 1), np.float32)


def _around(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Sums over the window around each cell."""
    total = cv().boxFilter(plane, -1, (_AROUND, _AROUND), normalize=False, borderType=cv().BORDER_CONSTANT)
    return np.asarray(total, np.float32)
