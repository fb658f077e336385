"""Names what two proven pictures are to each other."""

import numpy as np
import numpy.typing as npt

from dshcli.proof.align import Alignment, Matrix
from dshcli.proof.evidence import Evidence
from dshcli.proof.judge import Judgement
from dshcli.proof.kinds import BORDER, LAID_OVER, Kind, Proof
from dshcli.proof.placing import WHOLE, Placing, rescaled
from dshcli.proof.tone import tone
from dshcli.proof.vision import cv

TILT = 0.7  # degrees that an alignment may be off
PERSPECTIVE = 1.06  # ratio of scales that it may be off
_OTHER_SHAPE = 1.04  # ratio of the scales along width and height, likewise
_SAME_SCALE = 0.012  # that a scale may be off
_PLAIN = 4  # gray levels from pixel to pixel in a border
_BORDER = 0.95  # of its pixels
_CAPTION = 0.7  # ... where there may be words in it, since the picture takes up
_MOSTLY = 0.6  # ... that much of the whole
_LAID_OVER = 0.025  # of the area with detail that has to differ for something to lie there
_TURNS = ("", "quarter turn right", "half turn", "quarter turn left")
_SIZES = {0.25: "a quarter of the size", 0.5: "half the size", 2.0: "twice the size", 4.0: "four times the size"}


class _Naming:
    """Finds the words for what b is to a."""

    def __init__(self, a: Evidence, b: Evidence, matrix: Matrix, judgement: Judgement) -> None:
        self.a, self.b, self.matrix, self.judgement = a, b, matrix, judgement
        self.placing = placing_of(a, b, matrix)
        self.framed = self._is_framed()

    def proof(self, inliers: int) -> Proof:
        found = {
            Kind.FLIPPED: self._flipped(),
            Kind.ROTATED: self._rotated(),
            Kind.CROPPED: self._cropped(),
            Kind.EDITED: self._edited(),
            Kind.RESIZED: self._resized(),
        }
        kind = next((kind for kind, words in found.items() if words), Kind.RE_ENCODED)
        detail = ", ".join(words for words in found.values() if words)
        return Proof(kind, detail, self.judgement.changed, inliers)

    def _is_framed(self) -> bool:
        """Whether one picture is all of the other with a border: next to nothing to see where the other one is not."""
        of_a, of_b = self.placing.share_of_a, self.placing.share_of_b
        if max(of_a, of_b) < WHOLE or min(of_a, of_b) >= WHOLE:
            return False
        larger, smaller, matrix = self.a, self.b, self.matrix
        if of_a > of_b:
            larger, smaller, matrix = self.b, self.a, np.asarray(np.linalg.inv(matrix))
        size = _size(larger.gray)
        covered = np.ones(smaller.gray.shape, np.uint8)
        covered = cv().dilate(cv().warpPerspective(covered, matrix, size), np.ones((7, 7), np.uint8))
        steps = cv().morphologyEx(larger.gray, cv().MORPH_GRADIENT, np.ones((2, 2), np.uint8))
        around = steps[covered == 0]
        wanted = _CAPTION if min(of_a, of_b) > _MOSTLY else _BORDER
        return bool(around.size and (around <= _PLAIN).mean() > wanted)

    def _flipped(self) -> str:
        if not self.placing.mirrored:
            return ""
        if self.placing.quarters == 2:
            return "top to bottom"
        return _and("left to right", _TURNS[self.placing.quarters])

    def _rotated(self) -> str:
        placing = self.placing
        if placing.perspective > PERSPECTIVE:
            return "seen at an angle"
        tilt = f"by {max(round(abs(placing.tilt)), 1)} degrees" if abs(placing.tilt) > TILT else ""
        return _and("" if placing.mirrored else _TURNS[placing.quarters], tilt)

    def _cropped(self) -> str:
        of_a, of_b = self.placing.share_of_a, self.placing.share_of_b
        if min(of_a, of_b) >= WHOLE or self.framed:
            return ""
        if max(of_a, of_b) >= WHOLE:
            return f"{_percent(min(of_a, of_b))} of the picture"
        return f"{_percent(of_a)} and {_percent(of_b)} of the two pictures"

    def _edited(self) -> str:
        covered = self.judgement.covered
        laid_over = f"{LAID_OVER} {_percent(covered)}" if covered > _LAID_OVER else ""
        small = rescaled(
            self.matrix, _size(self.a.gray), _size(self.a.colours), _size(self.b.gray), _size(self.b.colours)
        )
        colours = tone(self.a.colours, self.b.colours, small)
        return ", ".join(filter(None, (BORDER if self.framed else "", laid_over, colours)))

    def _resized(self) -> str:
        placing = self.placing
        across, down = placing.scale
        if max(across, down) > _OTHER_SHAPE * min(across, down) and placing.perspective <= PERSPECTIVE:
            return "another shape"
        size = float(np.sqrt(across * down))
        turned = placing.size_b[::-1] if placing.quarters % 2 else placing.size_b
        if turned == placing.size_a or abs(size - 1) < _SAME_SCALE:
            return ""
        known = (words for ratio, words in _SIZES.items() if abs(size / ratio - 1) < _SAME_SCALE)
        return next(known, f"{_percent(size)} of the size")


def describe(a: Evidence, b: Evidence, alignment: Alignment, judgement: Judgement) -> Proof:
    """What b is to a."""
    return _Naming(a, b, alignment.matrix, judgement).proof(alignment.inliers)


def placing_of(a: Evidence, b: Evidence, matrix: Matrix) -> Placing:
    """Where b lies in a, both in full; `matrix` is of their small gray copies."""
    size_a, size_b = (a.width, a.height), (b.width, b.height)
    return Placing(rescaled(matrix, _size(a.gray), size_a, _size(b.gray), size_b), size_a, size_b)


def _size(picture: npt.NDArray[np.uint8]) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def _and(*words: str) -> str:
    return " and ".join(filter(None, words))


def _percent(share: float) -> str:
    return f"{max(round(100 * share), 1)} %"
