"""Groups of images whose codes lie near each other: stars around keepers, or connected components."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.search.collapse import Distinct, collapse
from dshcli.search.diameter import diameters
from dshcli.search.forest import Forest
from dshcli.search.pairs import column_pairs
from dshcli.search.star import star_keepers
from dshcli.search.words import Positions, check_codes, distances_at

Ranks = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Grouping:
    """Disjoint groups of two images or more, the group of the best keeper first.

    Group g is `members[starts[g] : starts[g + 1]]`: positions of images, the keeper first, then by distance from the
    keeper, then by preference.
    """

    starts: Positions  # (groups + 1,)
    members: Positions  # (grouped images,)
    distances: npt.NDArray[np.uint16]  # (grouped images,): from the keeper

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True)
class Linkage(Grouping):
    """Connected components, and how far each of them has been chained together."""

    diameters: npt.NDArray[np.uint16]  # (groups,): the largest distance between two members; see `exact`
    exact: npt.NDArray[np.bool_]  # (groups,): False where the diameter is only known to be at least that large
    weakest_links: npt.NDArray[np.uint16]  # (groups,): the least radius at which the group still hangs together


@dataclass(frozen=True)
class Ranked:
    """The images in order of preference, and what is distinct among them (codes, or contents), best first."""

    order: Positions  # (n,): the position of each image, best first
    distinct: Distinct  # of the images in that order; contents may share a code


def star_groups(codes: Codes, bits: int, radius: int, preference: Ranks) -> Grouping:
    """Groups of codes (n, bytes) by the star rule: every member lies within the radius of its keeper.

    The best image (`preference` (n,): a rank each, the lowest is best) becomes a keeper and takes every image within
    the radius; then the best that is left, and so on. The result depends on codes and ranks alone, not on the order of
    the images or the engine. A block of identical codes costs O(n); memory is O(n) and `star.EDGE_LIMIT` pairs.
    Raises ValueError for codes that are not `bits` wide, a negative radius or ranks that are not distinct.
    """
    ranked = _rank(codes, bits, radius, preference)
    return grouped(ranked, star_keepers(ranked.distinct.columns, bits, radius))


def single_groups(codes: Codes, bits: int, radius: int, preference: Ranks) -> Linkage:
    """Groups of codes (n, bytes) by single linkage: images connected by steps within the radius, however far apart.

    The keeper is the best image of the group. Arguments, errors and promises are those of `star_groups`; memory is
    O(n), but in a dense cluster every pair is visited, so time is not.
    """
    ranked = _rank(codes, bits, radius, preference)
    columns = ranked.distinct.columns
    forest = Forest(columns.shape[1])
    forest.add(column_pairs(columns, bits, radius))
    groups = grouped(ranked, forest.parent)
    keepers = np.flatnonzero(_sizes(ranked, forest.parent) > 1)
    spans, exact = diameters(columns, forest.parent)
    return Linkage(
        groups.starts,
        groups.members,
        groups.distances,
        diameters=spans[keepers],
        exact=exact[keepers],
        weakest_links=forest.weakest[keepers],
    )


def _rank(codes: Codes, bits: int, radius: int, preference: Ranks) -> Ranked:
    check_codes(codes, bits, radius)
    if preference.shape != (len(codes),) or not np.issubdtype(preference.dtype, np.integer):
        raise ValueError(f"expected one whole number for each of {len(codes)} images, got {preference.shape}")
    order = np.argsort(preference)
    if (np.diff(preference[order]) == 0).any():
        raise ValueError("two images have the same preference")
    return Ranked(order, collapse(codes[order]))


def _sizes(ranked: Ranked, keepers: Positions) -> Positions:
    """The images that each distinct code or content keeps, given the keeper of each."""
    return np.bincount(keepers[ranked.distinct.ids], minlength=len(keepers))


def grouped(ranked: Ranked, keepers: Positions) -> Grouping:
    """The groups of two images or more, given the keeper of each distinct code or content; a keeper keeps itself."""
    columns, ids = ranked.distinct.columns, ranked.distinct.ids
    sizes = _sizes(ranked, keepers)
    images = np.flatnonzero(sizes[keepers[ids]] > 1)
    owners = keepers[ids[images]]
    distances = distances_at(columns, ids[images], owners).astype(np.uint16)
    # The images are in order of preference, and lexsort leaves equals in order.
    order = np.lexsort((distances, ids[images] != owners, owners))
    starts = np.concatenate([[0], np.cumsum(sizes[sizes > 1])])
    return Grouping(starts, ranked.order[images[order]], distances[order])
