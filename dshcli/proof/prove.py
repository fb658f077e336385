"""Proves on their pixels what two pictures are to each other.

    same bytes, same pixels -> b laid over all of a, in 8 orientations -> by local features, mirrored too
    -> in one frame, cell by cell -> same or not -> in words

Symmetric: the pair is put in one order first, so that prove(a, b) and prove(b, a) are of one kind.
"""

from collections.abc import Iterator

import numpy as np

from dshcli.proof.align import Alignment, by_features, whole_pictures
from dshcli.proof.cells import compare
from dshcli.proof.describe import describe
from dshcli.proof.evidence import Evidence
from dshcli.proof.judge import Judgement, judge
from dshcli.proof.kinds import Kind, Proof
from dshcli.proof.overlay import overlay

VERSION = 1  # raised whenever a proof may come out differently: part of the key that proofs are kept by

_LIKELY = 0.4  # correlation of two pictures scaled down, from which on one is laid over the other


def prove(a: Evidence, b: Evidence) -> Proof:
    """What b is to a. Of the same kind as prove(b, a); only the words of its detail may turn round."""
    if a.digest == b.digest:
        return Proof(Kind.EXACT)
    if a.content is not None and a.content == b.content:
        return Proof(Kind.SAME_PIXELS)
    first, second = sorted((a, b), key=lambda each: (-each.width * each.height, each.digest))
    changed = 1.0
    for alignment in _alignments(first, second):
        judgement = _judged(first, second, alignment)
        if judgement is None:
            continue
        if judgement.same:
            if first is not a:
                alignment = Alignment(np.asarray(np.linalg.inv(alignment.matrix)), alignment.inliers)
            return describe(a, b, alignment, judgement)
        changed = min(changed, judgement.changed)
    return Proof(Kind.LOOK_ALIKE, "", changed)


def _alignments(a: Evidence, b: Evidence) -> Iterator[Alignment]:
    """The likeliest ones, found when they are wanted."""
    correlation, likeliest = whole_pictures(a, b)[0]
    if correlation >= _LIKELY:
        yield likeliest
    yield from by_features(a, b)


def _judged(a: Evidence, b: Evidence, alignment: Alignment) -> Judgement | None:
    pair = overlay(a.gray, b.gray, alignment.matrix)
    cells = None if pair is None else compare(pair)
    return None if cells is None else judge(cells)
