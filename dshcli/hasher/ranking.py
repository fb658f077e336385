"""Rankings by Hamming distance, judged without regard to the order of ties.

At k bits there are only k + 1 distances: a ranking is mostly ties, and its average precision an accident of their
order. Every measure here is its expectation over all orders of the ties (McSherry & Najork, ECIR 2008; He et al., CVPR
2018), computed from two histograms over the distances, of all items and of the relevant ones, per distinct query.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, bits_from_codes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCK = 1 << 22  # elements of the largest array that is held at once


@dataclass(frozen=True)
class Coded:
    """n packed codes (n, bytes) and their labels: class numbers (n,), or multi-hot rows (n, classes)."""

    codes: Codes
    labels: npt.NDArray[np.generic]


@dataclass(frozen=True)
class Histograms:
    """Of m distinct queries: how many items (m, distances) and relevant items lie at each distance; weights (m,).

    A weight is the number of queries with that code and label.
    """

    everything: Ints
    relevant: Ints
    weights: Ints


def histograms(queries: Coded, database: Coded, *, exclude_self: bool = False) -> Iterator[Histograms]:
    """The histograms of all queries, in blocks of bounded memory. Items are relevant if they share a label.

    exclude_self: the queries are the database's own items, and each leaves itself out.
    """
    query_kinds, item_kinds, related = _kinds(queries.labels, database.labels)
    asked, weights = _distinct(queries.codes, query_kinds)
    items, counts = _distinct(database.codes, item_kinds)
    distances = database.codes.shape[1] * 8 + 1
    rows = max(BLOCK // max(len(items.codes), related.shape[1] * distances, 1), 1)
    for start in range(0, len(weights), rows):
        part = slice(start, start + rows)
        by_kind = _count(asked.codes[part], items, counts, related.shape[1])
        everything = by_kind.sum(axis=1)
        relevant = np.matmul(related[asked.labels[part], None, :].astype(np.int64), by_kind)[:, 0]
        if exclude_self:
            everything[:, 0] -= 1
            relevant[:, 0] -= 1
        yield Histograms(everything, relevant, weights[part])


def _kinds(
    query_labels: npt.NDArray[np.generic], item_labels: npt.NDArray[np.generic]
) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """Label sets as numbers, of queries (n,) and items (m,), and which of them share a label (kinds, kinds)."""
    both = np.concatenate([query_labels, item_labels])
    distinct, numbers = np.unique(both, axis=0, return_inverse=True)
    numbers = numbers.reshape(-1).astype(np.int64)
    related = np.eye(len(distinct), dtype=bool)
    if both.ndim == 2:
        held = distinct.astype(np.float32)
        related = held @ held.T > 0
    return numbers[: len(query_labels)], numbers[len(query_labels) :], related


def _distinct(codes: Codes, kinds: Ints) -> tuple[Coded, Ints]:
    """The distinct (code, kind) among items, and how often each occurs."""
    keys = np.column_stack([codes, kinds.astype(">u4").view(np.uint8).reshape(-1, 4)])
    rows, counts = np.unique(keys, axis=0, return_counts=True)
    kinds_of_rows = np.ascontiguousarray(rows[:, -4:]).view(">u4")[:, 0].astype(np.int64)
    return Coded(rows[:, :-4], kinds_of_rows), counts


def _count(codes: Codes, items: Coded, counts: Ints, kinds: int) -> Ints:
    """How many items of each kind lie at each distance from each code: (codes, kinds, distances)."""
    width = codes.shape[1] * 8
    # Of +-1 codes the product is width - 2 * distance, exactly, and a matrix product is the fastest way to all of them.
    products = _signs(codes, width) @ _signs(items.codes, width).T
    cells = ((width - products) / 2).astype(np.int64)
    cells += items.labels.astype(np.int64) * (width + 1)
    cells += np.arange(len(codes))[:, None] * (kinds * (width + 1))
    weights = None if (counts == 1).all() else np.broadcast_to(counts, cells.shape).reshape(-1)
    flat = np.bincount(cells.reshape(-1), weights, minlength=len(codes) * kinds * (width + 1))
    return flat.astype(np.int64).reshape(len(codes), kinds, width + 1)


def _signs(codes: Codes, width: int) -> npt.NDArray[np.float32]:
    return bits_from_codes(codes, width).astype(np.float32) * 2 - 1


def average_precisions(found: Histograms, at: int | None = None) -> Floats:
    """The expected average precision (m,) of each query over all orders of ties; NaN if nothing is relevant to it.

    With n items and r relevant ones at a distance, N and R before it:
    AP = 1/R_tot * sum_d (r/n) * sum_{j=1..n} (R + 1 + (j-1)(r-1)/(n-1)) / (N + j).
    `at` = K counts the first K places only, in expectation also where K cuts a tie, and divides by min(K, R_tot).
    """
    n, r = found.everything.astype(np.float64), found.relevant.astype(np.float64)
    before, relevant_before = n.cumsum(axis=1) - n, r.cumsum(axis=1) - r
    counted = n if at is None else np.clip(at - before, 0, n)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, n.sum(axis=1).max(initial=0) + 1))])
    place = before.astype(np.int64)
    # sum_j 1/(N+j), and from it sum_j (j-1)/(N+j) = n - (N+1) sum_j 1/(N+j)
    reciprocals = harmonic[place + counted.astype(np.int64)] - harmonic[place]
    climbs = counted - (before + 1) * reciprocals
    slope = np.divide(r - 1, n - 1, out=np.zeros_like(n), where=n > 1)
    gains = np.divide(r, n, out=np.zeros_like(n), where=n > 0) * ((relevant_before + 1) * reciprocals + slope * climbs)
    total = r.sum(axis=1)
    possible = total if at is None else np.minimum(total, at)
    return np.asarray(np.divide(gains.sum(axis=1), possible, out=np.full(len(n), np.nan), where=total > 0))


def relevant_in_first(found: Histograms, count: int) -> Floats:
    """The expected number of relevant items (m,) among the first `count`, over all orders of ties."""
    n, r = found.everything.astype(np.float64), found.relevant.astype(np.float64)
    taken = np.clip(count - (n.cumsum(axis=1) - n), 0, n)
    return np.asarray((np.divide(r, n, out=np.zeros_like(n), where=n > 0) * taken).sum(axis=1))


def tie_aware_map(
    query_codes: Codes,
    query_labels: npt.NDArray[np.generic],
    database_codes: Codes,
    database_labels: npt.NDArray[np.generic],
    *,
    at: int | None = None,
    exclude_self: bool = False,
) -> float:
    """Mean average precision over the queries that something is relevant to; NaN if there is none. See the module."""
    queries, database = Coded(query_codes, query_labels), Coded(database_codes, database_labels)
    total, weight = 0.0, 0
    for found in histograms(queries, database, exclude_self=exclude_self):
        precisions = average_precisions(found, at)
        judged = ~np.isnan(precisions)
        total += float(precisions[judged] @ found.weights[judged])
        weight += int(found.weights[judged].sum())
    return total / weight if weight else float("nan")
