"""How far apart the codes of a component are."""

import numpy as np
import numpy.typing as npt

from dshcli.search.runs import LONG_RUN, pairs_by_offset, runs_of
from dshcli.search.words import Columns, Positions, columns_at, distances_at, distances_between

EXACT_CODES = 1024  # distinct codes of a component up to which all its pairs are compared
_ROWS = 64

Spans = npt.NDArray[np.uint16]


def diameters(columns: Columns, components: Positions) -> tuple[Spans, npt.NDArray[np.bool_]]:
    """The largest distance within each component of codes (words, n), and whether it is exact.

    `components` (n,) names the component of each code by its first code, and the results (n,) stand at that code.
    Beyond `EXACT_CODES` codes the diameter is a lower bound, found by two sweeps: the distance from the code farthest
    from the first one to the code farthest from that. It is never less than half the diameter.
    """
    spans = np.zeros(len(components), dtype=np.uint16)
    exact = np.ones(len(components), dtype=np.bool_)
    members = np.argsort(components, kind="stable")
    ordered = columns_at(columns, members)
    runs = runs_of(components[members])
    long = runs.sizes > LONG_RUN
    for start, end in zip(runs.starts[long], runs.ends[long], strict=True):
        first = members[start]
        codes = ordered[:, start:end]
        exact[first] = end - start <= EXACT_CODES
        spans[first] = _widest(codes) if exact[first] else _two_sweeps(codes)
    short = runs.where(~long)
    for left, right in pairs_by_offset(short.rows(), short.end_of_rows()):
        distances = distances_at(ordered, left, right)
        np.maximum.at(spans, components[members[left]], distances.astype(np.uint16))
    return spans, exact


def _widest(codes: Columns) -> int:
    """The largest distance among codes (words, n), a few rows of the matrix at a time."""
    rows = (codes[:, start : start + _ROWS, None] for start in range(0, codes.shape[1], _ROWS))
    return max(int(distances_between(some, codes[:, None, :]).max()) for some in rows)


def _two_sweeps(codes: Columns) -> int:
    far = int(distances_between(codes, codes[:, :1]).argmax())
    return int(distances_between(codes, codes[:, far : far + 1]).max())
