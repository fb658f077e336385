"""What a group of proven copies is gathered around, and which of them is kept.

The image with the most pixels is a bad centre: a screenshot or a collage is larger than the photo that it shows, and
what is cut or laid over in it hides the photo's other copies. So a group gathers around the content with the most near
ones; and of those that show all of the same picture, with nothing added, the best is kept.
"""

from dataclasses import replace

import numpy as np

from dshcli.dedupe.collection import Collection, Positions
from dshcli.proof.kinds import BORDER, LAID_OVER, Kind, Proof
from dshcli.search.collapse import collapse
from dshcli.search.groups import Ranked
from dshcli.search.pairs import column_pairs

_WHOLE = {Kind.SAME_PIXELS, Kind.RE_ENCODED, Kind.RESIZED}


def central_first(images: Collection, bits: int, radius: int) -> Collection:
    """The same images, ranked by how many others lie within the radius, the most first; then as they were."""
    distinct = collapse(images.codes)
    sizes = np.bincount(distinct.ids, minlength=distinct.columns.shape[1])
    near = sizes.copy()
    for pairs in column_pairs(distinct.columns, bits, radius):
        near += np.bincount(pairs.left, sizes[pairs.right], len(sizes)).astype(np.int64)
        near += np.bincount(pairs.right, sizes[pairs.left], len(sizes)).astype(np.int64)
    order = np.lexsort((images.ranks, -near[distinct.ids]))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return replace(images, ranks=ranks)


def content_ranks(images: Collection, ranked: Ranked) -> Positions:
    """The rank of each content's best image, for the contents that `ranked` numbers."""
    best = np.full(ranked.distinct.columns.shape[1], np.iinfo(np.int64).max)  # ranks of images that went leave gaps
    np.minimum.at(best, ranked.distinct.ids, images.ranks[ranked.order])
    return best


def best_keepers(centres: Positions, proofs: dict[int, Proof], ranks: Positions) -> Positions:
    """The keeper of each content, given the centre of each, what it is to that centre, and its rank."""
    best = np.arange(len(centres))
    for content, proof in proofs.items():
        centre = centres[content]
        if shows_all(proof) and ranks[content] < ranks[best[centre]]:
            best[centre] = content
    keepers: Positions = best[centres]
    return keepers


def shows_all(proof: Proof) -> bool:
    """Whether the two of a proof show all of one picture, and nothing else, whatever their colours."""
    added = BORDER in proof.detail or LAID_OVER in proof.detail
    return proof.kind in _WHOLE or (proof.kind is Kind.EDITED and not added)
