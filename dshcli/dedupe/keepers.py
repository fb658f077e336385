"""Which image of a group to keep, and why: by default most pixels, then largest file, then oldest, then first path."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dshcli.library.store import Facts, Image

Keys = npt.NDArray[np.int64]


class Rule(Protocol):
    """One rule of several, in order. words: why an image is kept that is better by it than all others."""

    @property
    def words(self) -> str: ...
    def keys(self, facts: Facts) -> Keys:
        """A number for each image of `facts`; the least is best."""
        ...

    def value(self, image: Image) -> int:
        """Of one image; the greatest is best."""
        ...


@dataclass(frozen=True)
class Plain:
    """A rule on what the index has in its row of an image."""

    name: str
    words: str

    def keys(self, facts: Facts) -> Keys:
        if self.name == "pixels":
            return -facts.pixels
        if self.name == "bytes":
            return -facts.sizes
        return facts.mtimes if self.name == "oldest" else -facts.mtimes

    def value(self, image: Image) -> int:
        if self.name == "pixels":
            return image.pixels
        if self.name == "bytes":
            return image.size
        return -image.mtime_ns if self.name == "oldest" else image.mtime_ns


PLAIN = {
    "pixels": Plain("pixels", "most pixels"),
    "bytes": Plain("bytes", "largest file"),
    "oldest": Plain("oldest", "oldest"),
    "newest": Plain("newest", "newest"),
}
DEFAULT: tuple[Rule, ...] = (PLAIN["pixels"], PLAIN["bytes"], PLAIN["oldest"])


def preference(facts: Facts, ids: npt.NDArray[np.int64], rules: Sequence[Rule] = DEFAULT) -> npt.NDArray[np.int64]:
    """The rank of each image of `ids` (ascending) among them, 0 for the best keeper; all ranks differ."""
    # lexsort is stable and takes its last key first; `facts` stand in the order of paths, which settles ties.
    keys = [rule.keys(facts) for rule in reversed(rules)]
    best_first = facts.ids[np.lexsort(keys)] if keys else facts.ids
    wanted = best_first[np.isin(best_first, ids, assume_unique=True)]
    ranks = np.empty(len(ids), np.int64)
    ranks[np.searchsorted(ids, wanted)] = np.arange(len(wanted))
    return ranks


def reason(keeper: Image, others: Sequence[Image], rules: Sequence[Rule] = DEFAULT) -> str:
    """The first rule by which the keeper beats every other image of its group that no earlier rule had beaten.

    Where another one is better by these rules, it shows more or less than the picture that the group is of.
    """
    rivals = list(others)
    for rule in rules:
        best = rule.value(keeper)
        if any(rule.value(image) > best for image in rivals):
            return "whole picture"
        rivals = [image for image in rivals if rule.value(image) == best]
        if not rivals:
            return rule.words
    return "first path"
