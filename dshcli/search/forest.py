"""Connected components while pairs stream by: a minimum spanning forest in O(codes) memory."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dshcli.search.blocks import Pairs, joined
from dshcli.search.words import Positions

BUFFER_PAIRS = 1 << 21  # pairs gathered before the forest takes them in; at least as many as it has nodes


class Forest:
    """A minimum spanning forest of the pairs seen so far, the distance being the weight.

    `parent` names the component of each node by its first node; `weakest` is, at each component's first node, the
    longest edge of its tree: the least radius at which the component still hangs together.
    """

    def __init__(self, nodes: int) -> None:
        self.parent: Positions = np.arange(nodes)
        self.weakest: npt.NDArray[np.uint16] = np.zeros(nodes, dtype=np.uint16)
        self._edges = joined([])

    def add(self, pairs: Iterable[Pairs]) -> None:
        """Takes in all pairs; memory stays O(nodes), as only the edges of the forest are kept."""
        waiting: list[Pairs] = []
        count = 0
        for block in pairs:
            useful = self._useful(block)
            waiting.append(useful)
            count += len(useful)
            if count >= _enough(len(self.parent)):
                self._grow(joined([self._edges, *waiting]))
                waiting, count = [], 0
        self._grow(joined([self._edges, *waiting]))

    def _useful(self, pairs: Pairs) -> Pairs:
        """Without the pairs inside a component that is connected already by edges no longer than they are."""
        component = self.parent[pairs.left]
        useful = (component != self.parent[pairs.right]) | (pairs.distances < self.weakest[component])
        return pairs.where(useful)

    def _grow(self, edges: Pairs) -> None:
        """The forest of these edges by Kruskal's rule, all edges of one length at a time."""
        self.parent = np.arange(len(self.parent))
        self.weakest = np.zeros_like(self.weakest)
        kept = []
        for distance in np.unique(edges.distances):
            level = np.flatnonzero(edges.distances == distance)
            kept.append(self._unite(edges.left[level], edges.right[level], level, distance))
        chosen = np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)
        self._edges = edges.where(chosen)

    def _unite(self, left: Positions, right: Positions, names: Positions, distance: np.uint16) -> Positions:
        """Joins the components of left[e] and right[e] for each edge e; the names of the edges that did it."""
        used: list[Positions] = []
        while True:
            ends = self.parent[left], self.parent[right]
            low, high = np.minimum(*ends), np.maximum(*ends)
            apart = np.flatnonzero(low != high)
            if not len(apart):
                return np.concatenate(used) if used else names[:0]
            left, right, names, low, high = (each[apart] for each in (left, right, names, low, high))
            # Each component hangs itself under one that starts earlier, so there are no circles. Of several edges
            # the last one written wins.
            winner = np.empty(len(self.parent), dtype=np.int64)
            winner[high] = np.arange(len(high))
            hung = np.flatnonzero(winner[high] == np.arange(len(high)))
            self.parent[high[hung]] = low[hung]
            used.append(names[hung])
            self._flatten()
            self.weakest[self.parent[low[hung]]] = distance

    def _flatten(self) -> None:
        while True:
            grandparent = self.parent[self.parent]
            if np.array_equal(grandparent, self.parent):
                return
            self.parent = grandparent


def _enough(nodes: int) -> int:
    """Pairs worth a pass over all nodes."""
    return max(BUFFER_PAIRS, nodes)
