"""Pairs of codes of which one has to be turned before it lies near the other."""

from collections.abc import Iterator, Sequence

import numpy as np

from dshcli.codes import Codes
from dshcli.search.blocks import Pairs
from dshcli.search.neighbours import pairs_with_queries

UPRIGHT, BACK = 0, 5  # orientations that are left out: as it is, and the quarter turn that undoes the other one


def turned_pairs(orientations: Sequence[Codes], bits: int, radius: int) -> Iterator[Pairs]:
    """Pairs (i, j), i < j, of pictures of which one, turned, is within the radius of the other, in blocks.

    orientations: codes (n, bytes) of `bits` bits of each picture in its eight orientations, the first as it is, as
    waves.Turns gives them. A pair may come several times, once for each orientation in which it is near. Raises
    ValueError for codes that are not `bits` wide or a negative radius.
    """
    upright = orientations[UPRIGHT]
    for number, turned in enumerate(orientations):
        if number not in (UPRIGHT, BACK):
            yield from map(_ordered, pairs_with_queries(turned, upright, bits, radius))


def nearest_of_each(pairs: Pairs) -> Pairs:
    """Each pair once, with its least distance, in order of `right`, then `left`."""
    ordered = pairs.where(np.lexsort((pairs.distances, pairs.left, pairs.right)))
    first = np.ones(len(ordered), np.bool_)
    first[1:] = (np.diff(ordered.left) != 0) | (np.diff(ordered.right) != 0)
    return ordered.where(first)


def _ordered(pairs: Pairs) -> Pairs:
    """With the smaller number left, and without pairs of a picture and itself."""
    other = pairs.where(pairs.left != pairs.right)
    return Pairs(np.minimum(other.left, other.right), np.maximum(other.left, other.right), other.distances)
