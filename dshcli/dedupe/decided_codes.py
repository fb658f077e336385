"""Groups by codes alone in which verdicts count: the groups that were found without them, corrected where they touch.

Contents are numbered best first, as rank_contents does, so that a content's number is its rank.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import code_bytes
from dshcli.dedupe.correcting import chained, corrected
from dshcli.dedupe.verdicts import Marks, Pair
from dshcli.search.blocks import Pairs
from dshcli.search.collapse import collapse
from dshcli.search.forest import Forest
from dshcli.search.groups import Grouping, Ranked, grouped
from dshcli.search.neighbours import neighbours_of_each
from dshcli.search.pairs import column_pairs
from dshcli.search.words import Positions, word_columns, word_rows


def with_marks(
    base: Grouping, ranked: Ranked, flat: npt.NDArray[np.bool_], within: tuple[int, int], link: str, marks: Marks
) -> Grouping:
    """Groups of codes, corrected. ranked, marks: by contents; flat (contents,): near nothing; within: bits and radius;
    base: as LINKS[link] groups the images."""
    bits, radius = within
    codes = word_rows(ranked.distinct.columns)[:, : code_bytes(bits)]
    contents = _Contents(codes, ~flat, bits, radius)
    keepers = _content_keepers(base, ranked)
    if link == "star":
        keepers = corrected(contents.star(keepers, marks), marks, np.arange(len(keepers)), contents.partners)
    else:
        keepers = contents.single(keepers, marks)
    return grouped(ranked, keepers)


def only_corrected(
    base: Grouping, ranked: Ranked, flat: npt.NDArray[np.bool_], within: tuple[int, int], marks: Marks
) -> Positions:
    """The keepers of contents in groups that no rule of LINKS made, corrected. Arguments as of with_marks."""
    codes = word_rows(ranked.distinct.columns)[:, : code_bytes(within[0])]
    keepers = _content_keepers(base, ranked)
    return corrected(keepers, marks, np.arange(len(keepers)), _Contents(codes, ~flat, *within).partners)


def _content_keepers(base: Grouping, ranked: Ranked) -> Positions:
    """The keeper of each content, given groups of images."""
    contents = np.empty(len(ranked.order), np.int64)
    contents[ranked.order] = ranked.distinct.ids
    keepers = np.arange(ranked.distinct.columns.shape[1])
    heads = np.repeat(base.members[base.starts[:-1]], np.diff(base.starts))
    keepers[contents[base.members]] = contents[heads]
    return keepers


@dataclass(frozen=True)
class _Contents:
    """Codes (contents, bytes), which of them count as near to others, and how near."""

    codes: npt.NDArray[np.uint8]
    lively: npt.NDArray[np.bool_]
    bits: int
    radius: int

    def star(self, keepers: Positions, marks: Marks) -> Positions:
        """The star rule over all near pairs but those that are different, given its groups over all of them.

        Only what can change is looked at again: a content that loses its keeper; what a content in question is near to,
        if that has a worse keeper; and whom a keeper in question kept.
        """
        near: dict[int, Positions] = {}
        fresh = sorted(content for content, others in marks.different.items() if int(keepers[content]) in others)
        while fresh:
            near |= self._near(fresh, np.flatnonzero(self.lively))
            more = set(np.flatnonzero(np.isin(keepers, fresh)).tolist())
            for content in fresh:
                others = near[content]
                more.update(others[keepers[others] > content].tolist())
            fresh = sorted(more.difference(near))
        keepers = keepers.copy()
        for content in sorted(near):
            others = near[content]
            fit = others[(others < content) & (keepers[others] == others)].tolist()
            keepers[content] = min((o for o in fit if o not in marks.different.get(content, ())), default=content)
        return keepers

    def partners(self, left: list[int], keepers: Positions, before: Positions) -> set[Pair]:
        """The pairs of contents that left with near keepers."""
        near = self._near(left, np.flatnonzero(self.lively & (keepers == np.arange(len(keepers)))))
        return {(min(one, o), max(one, o)) for one in left for o in near[one].tolist() if o != one}

    def _near(self, contents: list[int], places: Positions) -> dict[int, Positions]:
        """The contents at the places that are near to each of some."""
        asked = [content for content in contents if self.lively[content]]
        found = neighbours_of_each(self.codes[asked], self.codes[places], self.bits, self.radius)
        nothing = np.zeros(0, np.int64)
        return dict.fromkeys(contents, nothing) | {
            c: places[hits.positions] for c, hits in zip(asked, found, strict=True)
        }

    def single(self, keepers: Positions, marks: Marks) -> Positions:
        """The single rule over near pairs but those that are different, and pairs that are said to be one, given its
        groups over all near pairs; see `chained`."""
        marked = np.zeros(len(keepers), np.bool_)
        marked[marks.marked] = True
        places = np.flatnonzero(np.isin(keepers, keepers[marked]))
        nodes, of_place = self._nodes(places, marked)
        node_of = {int(content): node for node, content in enumerate(nodes)}
        inner = Marks(
            [(node_of[one], node_of[other]) for one, other in marks.said],
            {node_of[c]: {node_of[other] for other in others} for c, others in marks.different.items()},
        )

        def find(colours: Positions) -> Positions:
            forest = Forest(len(nodes))
            forest.add(self._steps(nodes, inner, colours))
            return forest.parent

        keepers = keepers.copy()
        keepers[places] = nodes[chained(len(nodes), inner, find)[of_place]]
        return keepers

    def _nodes(self, places: Positions, marked: npt.NDArray[np.bool_]) -> tuple[Positions, Positions]:
        """The contents at the places, of equal codes only the best one and all that are marked or flat; and of each
        place which of them stands for it."""
        alone = marked[places] | ~self.lively[places]
        ids = collapse(self.codes[places]).ids
        first = np.full(len(places), len(places))
        np.minimum.at(first, ids[~alone], np.flatnonzero(~alone))
        stands = np.where(alone, np.arange(len(places)), first[ids])
        chosen, of_place = np.unique(stands, return_inverse=True)
        return places[chosen], of_place

    def _steps(self, nodes: Positions, marks: Marks, colours: Positions) -> Iterator[Pairs]:
        apart = np.array(sorted((a, b) for a, others in marks.different.items() for b in others if a < b), np.int64)
        keys = apart.reshape(-1, 2) @ np.array([len(nodes), 1])
        said = np.array(marks.said, np.int64).reshape(-1, 2)
        lively = self.lively[nodes]
        for block in column_pairs(word_columns(self.codes[nodes]), self.bits, self.radius):
            wanted = (colours[block.left] == colours[block.right]) & lively[block.left] & lively[block.right]
            wanted &= ~np.isin(block.left * len(nodes) + block.right, keys)
            yield block.where(wanted)
        said = said[colours[said[:, 0]] == colours[said[:, 1]]]
        yield Pairs(said[:, 0], said[:, 1], np.zeros(len(said), np.uint16))
