"""Groups of contents, corrected by what people said of pairs. A group is told by its `keepers`: that of each content.

Pairs that are said to be one picture are in one group, and no member is in a group whose keeper it is different from.
Where decisions contradict each other, the one about a member and its keeper holds.
"""

from collections.abc import Callable

import numpy as np

from dshcli.dedupe.verdicts import Marks, Pair, components
from dshcli.search.words import Positions

# Given contents that leave their groups, the keepers of all contents (of these: themselves) and those that they had:
# the pairs of a leaving content with a keeper or with another leaving one that are one picture.
Partners = Callable[[list[int], Positions, Positions], set[Pair]]


def corrected(keepers: Positions, marks: Marks, ranks: Positions, partners: Partners) -> Positions:
    """Groups of which each member hangs together with its keeper (the star rule), corrected. ranks (contents,): the
    best keeper has the lowest."""
    if not marks:
        return keepers
    moved = _chosen(_merged(keepers, marks, ranks), marks, ranks)
    left = _leaving(keepers, moved, marks)
    return _settled(left, moved, marks, ranks, partners) if left else moved


def chained(count: int, marks: Marks, find: Callable[[Positions], Positions]) -> Positions:
    """Groups that hang together by steps (the single rule). `find` gives the keepers of so many contents, if steps lead
    between contents of equal colours only (contents,).

    No step leads between two contents that are different; still others may lead from one to the other, and then they
    are in one group, as long as neither of them is its keeper: what is different from the keeper leaves, and its steps
    to all that stay are gone.
    """
    colours = np.zeros(count, np.int64)
    while True:
        keepers = find(colours)
        leaving = {c: int(keepers[c]) for c, others in marks.different.items() if int(keepers[c]) in others}
        if not leaving:
            return keepers
        fresh = int(colours.max()) + 1
        names = {keeper: fresh + number for number, keeper in enumerate(sorted(set(leaving.values())))}
        for content, keeper in leaving.items():
            colours[content] = names[keeper]


def _merged(keepers: Positions, marks: Marks, ranks: Positions) -> Positions:
    """Groups with members that are said to be one picture as one, which the best of their keepers keeps."""
    together = components((int(keepers[one]), int(keepers[other])) for one, other in marks.said)
    best: dict[int, int] = {}
    for keeper in sorted(together, key=lambda each: int(ranks[each])):
        best.setdefault(together[keeper], keeper)
    return _renamed(keepers, {keeper: best[name] for keeper, name in together.items()})


def _chosen(keepers: Positions, marks: Marks, ranks: Positions) -> Positions:
    """The best of the chosen contents keeps its group."""
    best: dict[int, int] = {}
    for content in sorted(marks.chosen, key=lambda each: int(ranks[each])):
        best.setdefault(int(keepers[content]), content)
    return _renamed(keepers, best)


def _renamed(keepers: Positions, names: dict[int, int]) -> Positions:
    heads = np.arange(len(keepers))
    for keeper, name in names.items():
        heads[keeper] = name
    renamed: Positions = heads[keepers]
    return renamed


def _leaving(before: Positions, keepers: Positions, marks: Marks) -> list[int]:
    """The contents that are different from their keeper; and with those that kept others before, these others, unless
    they are said to be the keeper's picture."""
    different = [content for content, others in marks.different.items() if int(keepers[content]) in others]
    said = components(marks.said)
    left = set(different)
    for content in np.flatnonzero(np.isin(before, different)).tolist():
        keeper = int(keepers[content])
        if content != keeper and said.get(content, content) != said.get(keeper, keeper):
            left.add(content)
    return sorted(left)


def _settled(left: list[int], keepers: Positions, marks: Marks, ranks: Positions, partners: Partners) -> Positions:
    """Those that left, best first: each goes to the best keeper that it hangs together with, or keeps itself."""
    before, keepers = keepers, keepers.copy()
    keepers[left] = left
    pairs = partners(left, keepers, before)
    waiting = set(left)
    pairs |= {pair for pair in marks.said if waiting.issuperset(pair)}
    beside: dict[int, set[int]] = {}
    for one, other in pairs:
        beside.setdefault(one, set()).add(other)
        beside.setdefault(other, set()).add(one)
    kept, counts = np.unique(keepers, return_counts=True)
    lone = set(kept[counts == 1].tolist())
    waiting |= {each for content in left for each in beside.get(content, ()) if each in lone}
    for content in sorted(waiting, key=lambda each: int(ranks[each])):
        waiting.discard(content)
        apart = marks.different.get(content, set())
        fit = [o for o in beside.get(content, ()) if o not in waiting and o not in apart and keepers[o] == o]
        if fit:
            keepers[content] = min(fit, key=lambda each: int(ranks[each]))
    return keepers
