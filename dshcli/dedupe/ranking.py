"""Ranks images again once the traits are known that some rules ask for.

Traits cost a look at a file each, so they are told only of images that may be grouped. In groups that gather around a
centre, keepers are chosen when the groups are known, and the traits of their members will do. Elsewhere the ranks
decide what is grouped, so that the traits of all candidates are wanted before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.dedupe.centres import content_ranks
from dshcli.dedupe.collection import Collection, Positions
from dshcli.dedupe.keep_rules import ByTrait
from dshcli.dedupe.keepers import Rule, preference
from dshcli.dedupe.measuring import Measuring
from dshcli.hasher.waves import Turns
from dshcli.search.collapse import collapse
from dshcli.search.groups import Ranked
from dshcli.search.pairs import column_pairs
from dshcli.search.turned import turned_pairs

Rank = Callable[[Collection, Positions], Collection]


def as_ranked(images: Collection, positions: Positions) -> Collection:
    """For rules that ask for no trait: the ranks are right as they are."""
    return images


@dataclass(frozen=True)
class TraitRanks:
    """Ranks a collection by rules, some of them ByTrait, with the traits of the images at some positions."""

    rules: Sequence[Rule]
    measuring: Measuring

    def __call__(self, images: Collection, positions: Positions) -> Collection:
        wanted = [rule for rule in self.rules if isinstance(rule, ByTrait)]
        positions = np.sort(positions)
        digests = [digest.tobytes() for digest in images.digests[positions]]
        told = self.measuring.values([rule.trait for rule in wanted], digests)
        for rule, values in zip(wanted, told, strict=True):
            rule.learn(images.ids[positions], digests, values)
        return replace(images, ranks=preference(self.measuring.index.facts(), images.ids, self.rules))


def trait_ranks(rules: Sequence[Rule], measuring: Measuring) -> Rank:
    """How images are ranked once it is known which ones matter."""
    return TraitRanks(rules, measuring) if any(isinstance(rule, ByTrait) for rule in rules) else as_ranked


def group_ranks(rank: Rank, images: Collection, ranked: Ranked, keepers: Positions) -> Positions:
    """The ranks of contents, given the keeper of each, with the traits of those in groups; `images` hold them."""
    if rank is as_ranked:
        return content_ranks(images, ranked)
    grouped = keepers != np.arange(len(keepers))
    grouped[keepers[grouped]] = True
    positions = ranked.order[grouped[ranked.distinct.ids]]
    return content_ranks(rank(images, positions), ranked)


def near_another(codes: Codes, bits: int, radius: int) -> npt.NDArray[np.bool_]:
    """Whether each code (n, bytes) has another one within the radius."""
    distinct = collapse(codes)
    near = np.bincount(distinct.ids, minlength=distinct.columns.shape[1]) > 1
    for pairs in column_pairs(distinct.columns, bits, radius):
        near[pairs.left] = near[pairs.right] = True
    return near[distinct.ids]


def near_when_turned(codes: Codes, turns: Turns, waves: int) -> npt.NDArray[np.bool_]:
    """Whether each code is within so many waves of another one, when one of the two is turned or as they are."""
    orientations = turns.orientations(codes)
    near = near_another(orientations[0], turns.width, waves)
    for pairs in turned_pairs(orientations, turns.width, waves):
        near[pairs.left] = near[pairs.right] = True
    return near
