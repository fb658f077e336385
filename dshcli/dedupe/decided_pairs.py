"""Candidates of proofs where verdicts count: without pairs that are different, and for contents that left a group."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dshcli.dedupe.rules import EachOf
from dshcli.dedupe.verdicts import Marks, Pair
from dshcli.progress import Reporter
from dshcli.proof.kinds import Proof
from dshcli.proof.proving import Proving
from dshcli.search.blocks import Pairs
from dshcli.search.words import Positions


def not_different(pairs: Pairs, marks: Marks, count: int) -> Pairs:
    """Without the pairs of contents, of so many, that are different."""
    if not marks.different:
        return pairs
    apart = [one * count + other for one, others in marks.different.items() for other in others]
    return pairs.where(~np.isin(pairs.left * count + pairs.right, apart))


def of_one_colour(pairs: Pairs, colours: Positions) -> Pairs:
    """The pairs of contents of equal colours."""
    return pairs.where(colours[pairs.left] == colours[pairs.right])


@dataclass(frozen=True)
class Partnership:
    """Where contents that left a group may go: to keepers that are candidates of theirs or, if a candidate stands for
    its keeper (through), keep one; or together with others that left the same group. A proof decides."""

    pairs: Pairs
    marks: Marks
    through: bool
    proving: Proving
    accepts: Callable[[Proof], bool]
    reporter: Reporter

    def partners(self, left: list[int], keepers: Positions, before: Positions) -> set[Pair]:
        """See correcting.Partners."""
        wanted = self._near(set(left), keepers)
        wanted |= {pair for pair in combinations(sorted(left), 2) if before[pair[0]] == before[pair[1]]}
        rule = EachOf([pair for pair in sorted(wanted) if pair[1] not in self.marks.different.get(pair[0], ())])
        with self.reporter.task("comparing those that left", total=len(wanted), unit="pair") as task:
            self.proving.run(rule, task)
        return {pair for pair, proof in rule.proofs.items() if proof is not None and self.accepts(proof)}

    def _near(self, left: set[int], keepers: Positions) -> set[Pair]:
        touching = np.isin(self.pairs.left, list(left)) | np.isin(self.pairs.right, list(left))
        found = set[Pair]()
        for pair in zip(self.pairs.left[touching].tolist(), self.pairs.right[touching].tolist(), strict=True):
            for content, other in (pair, pair[::-1]):
                keeper = other if other in left else int(keepers[other])
                if content in left and keeper != content and (self.through or keeper == other):
                    found.add((min(content, keeper), max(content, keeper)))
        return found
