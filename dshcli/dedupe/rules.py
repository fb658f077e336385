"""Which pairs to prove, and what follows from their proofs: the star rule, and connected components.

A rule (see proof/proving.Rule) hands out one pair at a time that needs a proof now, and is told the proofs in whatever
order they come. So pairs that do not hang on each other are proven at once, and the outcome is always the same.
Contents are numbered best first: in a pair (left, right), left < right.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from dshcli.proof.kinds import Proof
from dshcli.search.blocks import Pairs
from dshcli.search.words import Positions

Accepts = Callable[[Proof], bool]


class StarRule:
    """The best content becomes a keeper and takes every free candidate that is proven to be its picture, and so on.

    A content waits until its better candidates are settled, and is compared with the keepers among them, best first,
    until one of them takes it; if none does, it is a keeper itself. What was proven last is asked for again first, so
    that its picture is still at hand. `keepers` (contents,) names the keeper of each, its own being itself; `proofs`
    says why, by content.
    """

    def __init__(
        self,
        count: int,
        pairs: Pairs,
        accepts: Accepts,
        *,
        through: bool = False,
        different: Mapping[int, set[int]] | None = None,
    ) -> None:
        """`pairs` in order of right, then left. through: a candidate that is taken stands for its keeper, so that what
        is near another copy alone is found as well; a member may then be no candidate of its keeper. different: of
        contents those keepers that never take them, which needs no proof."""
        self.keepers: Positions = np.arange(count)
        self.proofs: dict[int, Proof] = {}
        self.done = 0
        self._accepts, self._through = accepts, through
        # By content, the keepers that it is no copy of.
        self._rejected: dict[int, set[int]] = {c: set(others) for c, others in (different or {}).items()}
        self._better: list[int] = pairs.left.tolist()
        bounds = np.searchsorted(pairs.right, np.arange(count + 1))
        self._at: list[int] = bounds[:-1].tolist()
        self._ends: list[int] = bounds[1:].tolist()
        self._state = bytearray(count)
        self._waiting: dict[int, list[int]] = {}  # contents that wait for one to be settled
        self._ready: list[tuple[int, int]] = []
        for content in range(count):
            self._look(content)
        self._ready.sort(reverse=True)  # the best keeper first, with all that waits for it

    def next(self) -> tuple[int, int] | None:
        return self._ready.pop() if self._ready else None

    def tell(self, left: int, right: int, proof: Proof | None) -> None:
        if proof is None or not self._accepts(proof):
            self._rejected.setdefault(right, set()).add(left)
            self._pass_by(right)
            self._look(right)
            return
        self.keepers[right] = left
        self.proofs[right] = proof
        self.done += self._ends[right] - self._at[right]
        self._settle(right, _TAKEN)

    def _look(self, content: int) -> None:
        """Asks for the content's next proof, or waits for a better content, or makes it a keeper."""
        while self._at[content] < self._ends[content]:
            better = self._better[self._at[content]]
            if self._state[better] == _OPEN:
                self._waiting.setdefault(better, []).append(content)
                return
            if self._state[better] == _KEEPER or self._through:
                keeper = int(self.keepers[better])
                if keeper not in self._rejected.get(content, ()):
                    self._ready.append((keeper, content))
                    return
            self._pass_by(content)
        self._settle(content, _KEEPER)

    def _pass_by(self, content: int) -> None:
        self._at[content] += 1
        self.done += 1

    def _settle(self, content: int, state: int) -> None:
        self._state[content] = state
        for waiting in self._waiting.pop(content, ()):
            self._look(waiting)


_OPEN, _KEEPER, _TAKEN = range(3)


class SingleRule:
    """Contents are one group if steps lead from one to the other, each of them proven. `keepers` as in StarRule.

    A pair whose contents hang together already is not proven. Which pairs these are is chance, the groups are not.
    """

    def __init__(
        self,
        count: int,
        pairs: Pairs,
        accepts: Accepts,
        *,
        said: Iterable[tuple[int, int]] = (),
        proofs: dict[tuple[int, int], Proof | None] | None = None,
    ) -> None:
        """said: pairs that need no proof; proofs: those that are known, to which others are added."""
        self.done = 0
        self.proofs: dict[tuple[int, int], Proof | None] = {} if proofs is None else proofs
        self._accepts = accepts
        self._parent = list(range(count))
        for one, other in said:
            self._join(one, other)
        order = np.lexsort((pairs.right, pairs.left))[::-1]
        self._left: list[int] = pairs.left[order].tolist()
        self._right: list[int] = pairs.right[order].tolist()

    @property
    def keepers(self) -> Positions:
        return np.array([self._best(content) for content in range(len(self._parent))], dtype=np.int64)

    def next(self) -> tuple[int, int] | None:
        while self._left:
            left, right = self._left.pop(), self._right.pop()
            if self._best(left) == self._best(right):
                self.done += 1
            elif (left, right) in self.proofs:
                self.tell(left, right, self.proofs[left, right])
            else:
                return left, right
        return None

    def tell(self, left: int, right: int, proof: Proof | None) -> None:
        self.done += 1
        self.proofs[left, right] = proof
        if proof is not None and self._accepts(proof):
            self._join(left, right)

    def _join(self, one: int, other: int) -> None:
        low, high = sorted((self._best(one), self._best(other)))
        self._parent[high] = low

    def _best(self, content: int) -> int:
        parent = self._parent
        while parent[content] != content:
            parent[content] = parent[parent[content]]
            content = parent[content]
        return content


class EachOf:
    """Every one of the given pairs is proven; `proofs` by pair."""

    def __init__(self, pairs: list[tuple[int, int]]) -> None:
        self.done = 0
        self.proofs: dict[tuple[int, int], Proof | None] = {}
        self._pairs = pairs[::-1]

    def next(self) -> tuple[int, int] | None:
        return self._pairs.pop() if self._pairs else None

    def tell(self, left: int, right: int, proof: Proof | None) -> None:
        self.done += 1
        self.proofs[left, right] = proof
