"""Proves on their pixels what two pictures are to each other.

    same bytes, same pixels -> b laid over all of a, in 8 orientations -> by local features, mirrored too
    -> in one frame, cell by cell -> same or not -> in words

Symmetric: the pair is put in one order first, so that prove(a, b) and prove(b, a) are of one kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dshcli.proof.align import Alignment, Matrix, by_features, is_sane, moved, whole_pictures
from dshcli.proof.cells import compare
from dshcli.proof.describe import PERSPECTIVE, TILT, describe, placing_of
from dshcli.proof.evidence import Evidence
from dshcli.proof.judge import Judgement, judge
from dshcli.proof.kinds import Kind, Proof
from dshcli.proof.overlay import overlay, refined, same_sharpness
from dshcli.proof.placing import WHOLE

VERSION = 3  # raised whenever a proof may come out differently: part of the key that proofs are kept by

_LIKELY = 0.4  # correlation of two pictures scaled down, from which on one is laid over the other
_PROMISING = 0.15  # share that agrees, from which on an alignment is worth being refined
_REFINED = 0.08  # of its diagonal that a picture laid over all of another may be moved: more bends one into the other
_ANOTHER = 0.2  # of the cells with detail that something else covers: more than a copy that was bent as well has on it
_A_CORNER = 0.35  # of both pictures that they share: less of each is no copy, however equal it is
_SURELY = 100  # local features that agree on one map: it is the same thing, and covered where the map is not exact
_NEARLY, _NO_MORE = 0.6, 0.1  # ... from which on half the size is looked at, if no more is covered
_SURE = 0.7  # ... that is wanted there


def prove(a: Evidence, b: Evidence) -> Proof:
    """What b is to a. Of the same kind as prove(b, a); only the words of its detail may turn round."""
    if a.digest == b.digest:
        return Proof(Kind.EXACT)
    if a.content is not None and a.content == b.content:
        return Proof(Kind.SAME_PIXELS)
    first, second = _in_order(a, b)
    changed = 1.0
    for attempt in _attempts(first, second):
        if attempt.same:
            alignment = attempt.alignment
            if first is not a:
                alignment = Alignment(np.asarray(np.linalg.inv(alignment.matrix)), alignment.inliers)
            return describe(a, b, alignment, attempt.judgement)
        changed = min(changed, attempt.judgement.changed)
    return Proof(Kind.LOOK_ALIKE, "", changed)


@dataclass(frozen=True)
class Attempt:
    """One way to lay one picture over the other, what the cells say, and whether it was turned down all the same (see
    _another_shot)."""

    alignment: Alignment
    judgement: Judgement
    another_shot: bool

    @property
    def inliers(self) -> int:
        """Local features that agree on it."""
        return self.alignment.inliers

    @property
    def same(self) -> bool:
        return self.judgement.same and not self.another_shot


def attempts(a: Evidence, b: Evidence) -> list[Attempt]:
    """All that prove(a, b) tries before it says yes or no, for people who ask why."""
    return list(_attempts(*_in_order(a, b)))


def _in_order(a: Evidence, b: Evidence) -> tuple[Evidence, Evidence]:
    first, second = sorted((a, b), key=lambda each: (-each.width * each.height, each.digest))
    return first, second


def _attempts(a: Evidence, b: Evidence) -> Iterator[Attempt]:
    """The likeliest ways first, up to the one that says that they are the same."""
    for likely in _alignments(a, b):
        alignment, judgement = _judged(a, b, likely)
        attempt = Attempt(alignment, judgement, judgement.same and _another_shot(a, b, alignment, judgement))
        yield attempt
        if attempt.same:
            return


def _another_shot(a: Evidence, b: Evidence, alignment: Alignment, judgement: Judgement) -> bool:
    """Whether the camera moved, and what it looked at is another thing before the same wall or on the same shelf; or
    the one was bent until it looked like the other, with no local feature to say that it is; or the two share a corner
    alone, such as the words of a caption."""
    placing = placing_of(a, b, alignment.matrix)
    if max(placing.share_of_a, placing.share_of_b) < _A_CORNER:
        return True
    if alignment.inliers > _SURELY:
        return False
    bent = placing.perspective > PERSPECTIVE
    if bent and not alignment.inliers:
        return True
    aslant = bent or abs(placing.tilt) > TILT or max(placing.share_of_a, placing.share_of_b) < WHOLE
    return aslant and judgement.covered > _ANOTHER


def _alignments(a: Evidence, b: Evidence) -> Iterator[Alignment]:
    """The likeliest ones, found when they are wanted."""
    correlation, likeliest = whole_pictures(a, b)[0]
    if correlation >= _LIKELY:
        yield likeliest
    yield from by_features(a, b)


def _judged(a: Evidence, b: Evidence, alignment: Alignment) -> tuple[Alignment, Judgement]:
    """The judgement of an alignment as it is or, if that fails by little, refined."""
    judgement = _compared(a, b, alignment.matrix)
    if judgement.same or judgement.share < _PROMISING:
        return alignment, judgement
    matrix = refined(a.gray, b.gray, alignment.matrix)
    if matrix is None or not is_sane(matrix, b.gray.shape):
        return alignment, judgement
    if not alignment.inliers and moved(alignment.matrix, matrix, b.gray.shape) > _REFINED:
        return alignment, judgement
    again = _compared(a, b, matrix)
    if again.share <= judgement.share:
        return alignment, judgement
    return Alignment(matrix, alignment.inliers), again


def _compared(a: Evidence, b: Evidence, matrix: Matrix) -> Judgement:
    """The judgement at the finest scale at which both hold detail.

    Where compression took the finest detail of one, or nearly enough agrees, half the size is looked at, too; but as
    pages with different words grow alike there, more has to agree.
    """
    best, least = Judgement(False, 0.0, 0.0, 1.0, 1.0), 0.0
    pair = overlay(a.gray, b.gray, matrix)
    while pair is not None:
        equal = same_sharpness(pair)
        if equal is not None:
            cells = compare(equal)
            judgement = best if cells is None else judge(cells)
            judgement = replace(judgement, same=judgement.same and judgement.share >= least)
            best = max(best, judgement, key=lambda each: (each.same, each.share))
            if best.same or (least and not equal.worn):
                break
            if not equal.worn:
                nearly = judgement.share >= _NEARLY and judgement.covered <= _NO_MORE
                if not (a.rough or b.rough or nearly):
                    break
                least = _SURE
        pair = pair.halved()
    return best
