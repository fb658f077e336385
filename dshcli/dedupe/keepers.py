"""Which image of a group to keep: most pixels, then largest file, then oldest, then first path. And why."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from dshcli.library.store import Facts, Image


def preference(facts: Facts, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rank of each image of `ids` (ascending) among them, 0 for the best keeper; all ranks differ."""
    # lexsort is stable and takes its last key first; `facts` stand in the order of paths, which settles ties.
    best_first = facts.ids[np.lexsort((facts.mtimes, -facts.sizes, -facts.pixels))]
    wanted = best_first[np.isin(best_first, ids, assume_unique=True)]
    ranks = np.empty(len(ids), np.int64)
    ranks[np.searchsorted(ids, wanted)] = np.arange(len(wanted))
    return ranks


def reason(keeper: Image, others: Sequence[Image]) -> str:
    """The first rule by which the keeper beats every other image of its group that no earlier rule had beaten.

    Where another one is better by these rules, it shows more or less than the picture that the group is of.
    """
    rivals = list(others)
    for words, value in _RULES:
        if any(value(image) > value(keeper) for image in rivals):
            return "whole picture"
        rivals = [image for image in rivals if value(image) == value(keeper)]
        if not rivals:
            return words
    return "first path"


_RULES: tuple[tuple[str, Callable[[Image], int]], ...] = (
    ("most pixels", lambda image: image.pixels),
    ("largest file", lambda image: image.size),
    ("oldest", lambda image: -image.mtime_ns),
)
