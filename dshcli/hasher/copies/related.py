"""Which photos of a folder may show the same, so that they are no unrelated pair. No torch.

Real folders hold copies already: crops, flips, re-encodings, several shots of one scene. Were they counted as
unrelated, a few hundred of them among millions of pairs would push the radius for one false pair per million down to
nothing. Two simple rules would not do:

* Leaving out all pairs whose codes are near would be a circle. It takes away the very pairs that are to be counted, so
  that a folder in which the model's radius joins strangers could never be told from one in which it joins copies.
* Leaving out all pairs whose small gray copies correlate takes away catalogue pictures (another shirt on the same
  floor): those that a model confuses first, and that nobody wants joined. And it misses crops and turns.

So the pixels are asked. Photos are looked at in pairs, those with the nearest codes first: of the two photos, or of a
copy of one and the other. A pair may show the same if one can be laid over the other: local features that agree on one
map from plane to plane, mirrored or not; or, where there are few features, squares of both that hardly differ in one of
the eight orientations. That is meant to be generous: scenes shot twice, and QR codes with one logo in the middle, are
left out as well. The farther the pairs, the rarer are those that show the same; when nearly none does, the search ends,
and all other pairs are taken to be unrelated.
"""

from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dshcli.codes import hamming
from dshcli.hasher.copies.calibration import Mask
from dshcli.hasher.copies.judging import CopyCodes
from dshcli.hasher.copies.photos import Photos
from dshcli.machine import in_threads
from dshcli.progress import Reporter
from dshcli.proof.align import by_features, whole_pictures
from dshcli.proof.evidence import Evidence, gather

SAME_SQUARE = 0.97  # correlation of two whole pictures, squared, from which on they may show the same
AT_ONCE = 100  # pairs that are looked at before it is decided whether to look at more
RARE = 5  # of so many pairs, those that may show the same: few enough to end the search
MOST = 2000  # pairs that are looked at
KEPT = 1000  # photos whose features are kept meanwhile, of about 150 kB each


@dataclass(frozen=True)
class Related:
    """mask (n, n): pairs of photos that may show the same, also each photo with itself. looked_at: how many pairs were;
    complete: whether the search ended since hardly any pair was left that may show the same, not at MOST."""

    mask: Mask
    looked_at: int
    complete: bool

    @property
    def pairs(self) -> int:
        """Pairs of different photos that may show the same."""
        return (int(self.mask.sum()) - len(self.mask)) // 2


def related_photos(codes: CopyCodes, photos: Photos, fillers: int, reporter: Reporter, *, threads: int = 1) -> Related:
    """Looks at the nearest pairs; the last `fillers` photos are those that copies show beside their own."""

    @lru_cache(KEPT)
    def evidence(number: int) -> Evidence:
        return gather(photos.files[number], b"")

    def same(pair: tuple[int, int]) -> bool:
        return may_show_the_same(evidence(pair[0]), evidence(pair[1]))

    mask, looked_at, complete = np.eye(len(photos), dtype=np.bool_), 0, False
    pairs = nearest_pairs(codes, fillers)
    with reporter.task("near pairs", total=None, unit="pair") as task:
        while not complete and looked_at < len(pairs):
            some = pairs[looked_at : looked_at + AT_ONCE]
            with closing(in_threads(same, some, threads)) as answers:
                found = [pair for pair, yes in zip(some, answers, strict=True) if yes]
            for i, j in found:
                mask[i, j] = mask[j, i] = True
            looked_at += len(some)
            complete = len(found) <= RARE
            task.advance(len(some))
    return Related(mask, looked_at, complete or looked_at < MOST)


def nearest_pairs(codes: CopyCodes, fillers: int) -> list[tuple[int, int]]:
    """The MOST nearest pairs of photos (i < j), nearest first: by both codes, or by a copy's of one and the other's."""
    originals = codes.originals
    own = len(originals) - fillers  # a copy is near the fillers that it shows, which tells nothing
    near = np.stack([hamming(original, originals) for original in originals])
    for number, copies in enumerate(codes.copies):
        row = near[number, :own]
        np.minimum(row, hamming(copies[:, None], originals[:own]).min(axis=0), out=row)
    near = np.minimum(near, near.T)
    above = ~np.tri(len(near), dtype=np.bool_)
    distances = near[above]
    if len(distances) > MOST:
        above &= near <= np.partition(distances, MOST - 1)[MOST - 1]
    i, j = np.nonzero(above)
    order = np.lexsort((j, i, near[i, j]))[:MOST]
    return list(zip(i[order].tolist(), j[order].tolist(), strict=True))


def may_show_the_same(a: Evidence, b: Evidence) -> bool:
    """Whether one of two pictures, or a part of it, can be laid over the other."""
    return whole_pictures(a, b)[0][0] >= SAME_SQUARE or bool(by_features(a, b))
