"""Proves on their pixels what two pictures are to each other."""

from dataclasses import dataclass

from dshcli.proof.align import Alignment, by_features, whole_pictures
from dshcli.proof.cells import compare
from dshcli.proof.evidence import Evidence
from dshcli.proof.judge import Judgement, judge
from dshcli.proof.overlay import overlay

VERSION = 1  # raised whenever a proof may come out differently


@dataclass(frozen=True)
class Found:
    alignment: Alignment
    judgement: Judgement


def tried(a: Evidence, b: Evidence, alignment: Alignment) -> Found | None:
    pair = overlay(a.gray, b.gray, alignment.matrix)
    cells = None if pair is None else compare(pair)
    return None if cells is None else Found(alignment, judge(cells))


def best(a: Evidence, b: Evidence) -> Found | None:
    found = []
    correlation, likeliest = whole_pictures(a, b)[0]
    if correlation > 0.4:
        found.append(tried(a, b, likeliest))
        if found[-1] and found[-1].judgement.same:
            return found[-1]
    for alignment in by_features(a, b):
        found.append(tried(a, b, alignment))
        if found[-1] and found[-1].judgement.same:
            return found[-1]
    found = [f for f in found if f]
    return max(found, key=lambda f: f.judgement.share) if found else None
