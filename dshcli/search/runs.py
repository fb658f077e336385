"""Runs: rows that stand together, as those of one key or of one component do, and the pairs within them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.search.words import Positions

LONG_RUN = 64  # rows of a run from which a matrix of all its pairs beats going offset by offset


@dataclass(frozen=True)
class Runs:
    """Stretches of rows: run k is rows `starts[k]` up to, not including, `ends[k]`."""

    starts: Positions  # (runs,)
    ends: Positions  # (runs,)

    @property
    def sizes(self) -> Positions:
        """The rows of each run (runs,)."""
        return self.ends - self.starts

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Runs":
        """The chosen runs alone."""
        return Runs(self.starts[chosen], self.ends[chosen])

    def rows(self) -> Positions:
        """Every row of every run, in order."""
        sizes = self.sizes
        before = np.cumsum(sizes) - sizes
        shifts: Positions = np.repeat(self.starts - before, sizes)
        return np.arange(len(shifts)) + shifts

    def end_of_rows(self) -> Positions:
        """For each of the `rows`, where its run ends."""
        return np.repeat(self.ends, self.sizes)


def runs_of(values: npt.NDArray[np.integer]) -> Runs:
    """The runs of equal values that stand together."""
    if not len(values):
        none = np.empty(0, dtype=np.int64)
        return Runs(none, none)
    borders = np.flatnonzero(values[1:] != values[:-1]) + 1
    return Runs(np.concatenate([[0], borders]), np.concatenate([borders, [len(values)]]))


def pairs_by_offset(rows: Positions, ends: Positions) -> Iterator[tuple[Positions, Positions]]:
    """Each of the rows with every later row of its run; `ends` (rows,) says where the run of each ends.

    All runs advance together: first the pairs of neighbouring rows, then those two apart, and so on.
    """
    offset = 1
    while len(rows):
        within = rows + offset < ends
        rows, ends = rows.compress(within), ends.compress(within)
        yield rows, rows + offset
        offset += 1
