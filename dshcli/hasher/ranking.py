"""Rankings by Hamming distance, judged without regard to the order of ties.

At k bits there are only k + 1 distances: a ranking is mostly ties, and its average precision an accident of their
order. Every measure here is its expectation over all orders of the ties (McSherry & Najork, ECIR 2008; He et al., CVPR
2018), computed from two histograms over the distances, of all items and of the relevant ones, per distinct query.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[Any]

BLOCK = 1 << 20  # elements of the histograms that are held at once
FLOAT_BLOCK = 1 << 23  # similarities that are held at once


@dataclass(frozen=True)
class Coded:
    """n packed codes (n, bytes) and their labels: class numbers (n,), or multi-hot rows (n, classes)."""

    codes: Codes
    labels: Labels


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
    query_labels, item_labels = _label_keys(queries.labels, database.labels)
    multi = queries.labels.ndim == 2
    asked, weights = _distinct(queries.codes, query_labels)
    items, counts = _distinct(database.codes, item_labels)
    relevant_to = (_sharing if multi else _same)(asked.labels, items.labels)
    distances_from = _measure(items.codes)
    copies = None if (counts == 1).all() else counts.astype(np.float64)
    places = database.codes.shape[1] * 8 + 1
    for start in range(0, len(weights), max(BLOCK // places, 1)):
        part = range(len(weights))[start : start + max(BLOCK // places, 1)]
        everything, relevant = np.zeros((2, len(part), places), np.int64)
        for row, query in enumerate(part):
            distances = distances_from(asked.codes[query])
            found = relevant_to(query)
            everything[row] = np.bincount(distances, copies, places)
            relevant[row] = np.bincount(distances[found], None if copies is None else copies[found], places)
        if exclude_self:
            everything[:, 0] -= 1
            # An item with no label at all is not even relevant to itself.
            relevant[:, 0] -= asked.labels[part].any(axis=1) if multi else 1
        yield Histograms(everything, relevant, weights[part.start : part.stop])


def distinct_queries(queries: Coded, database: Coded) -> Ints:
    """Of each query (n,) the place of its code and label among the distinct ones, in the order of `histograms`."""
    labels = _label_keys(queries.labels, database.labels)[0]
    return np.unique(np.hstack([labels, queries.codes]), axis=0, return_inverse=True)[1].reshape(-1)


def _label_keys(query_labels: Labels, item_labels: Labels) -> tuple[Codes, Codes]:
    """Labels as rows of bytes that sort and compare as the labels do: class numbers from 0 on, or packed multi-hot."""
    if query_labels.ndim == 2:
        return np.packbits(query_labels > 0, axis=1), np.packbits(item_labels > 0, axis=1)
    numbers = np.unique(np.concatenate([query_labels, item_labels]), return_inverse=True)[1]
    keys = np.ascontiguousarray(numbers, dtype=">u4").view(np.uint8).reshape(-1, 4)
    return keys[: len(query_labels)], keys[len(query_labels) :]


def _distinct(codes: Codes, labels: Codes) -> tuple[Coded, Ints]:
    """The distinct (code, label) among items, sorted by label, and how often each occurs."""
    rows, counts = np.unique(np.hstack([labels, codes]), axis=0, return_counts=True)
    width = labels.shape[1]
    return Coded(np.ascontiguousarray(rows[:, width:]), np.ascontiguousarray(rows[:, :width])), counts


def _same(asked: Codes, items: Codes) -> Callable[[int], slice]:
    """Which items, sorted by label, have the label of the i-th query."""
    labels = items.view(">u4")[:, 0]
    firsts = np.searchsorted(labels, asked.view(">u4")[:, 0], "left")
    ends = np.searchsorted(labels, asked.view(">u4")[:, 0], "right")
    return lambda i: slice(int(firsts[i]), int(ends[i]))


def _sharing(asked: Codes, items: Codes) -> Callable[[int], npt.NDArray[np.bool_]]:
    """Which items share a label with the i-th query."""
    of_queries, of_items = _words(asked), _words(items).T.copy()

    def relevant_to(i: int) -> npt.NDArray[np.bool_]:
        shared = np.zeros(of_items.shape[1], bool)
        for word, own in zip(of_items, of_queries[i], strict=True):
            shared |= (word & own) > 0
        return shared

    return relevant_to


def _measure(items: Codes) -> Callable[[Codes], npt.NDArray[np.unsignedinteger]]:
    """The Hamming distances (n,) of all items from one code: row by row, so that all of it stays in the cache."""
    of_items = _words(items).T.copy()
    kind = np.uint8 if len(of_items) < 4 else np.uint16  # 256 does not fit into a byte

    def distances_from(code: Codes) -> npt.NDArray[np.unsignedinteger]:
        first, *others = zip(of_items, _words(code[None])[0], strict=True)
        distances: npt.NDArray[np.unsignedinteger] = np.bitwise_count(first[0] ^ first[1]).astype(kind, copy=False)
        for word, own in others:
            distances += np.bitwise_count(word ^ own)
        return distances

    return distances_from


def _words(rows: Codes) -> npt.NDArray[np.uint64]:
    """Rows of bytes as rows of 64-bit words, filled up with zeros."""
    padded = np.zeros((len(rows), -(-rows.shape[1] // 8) * 8), np.uint8)
    padded[:, : rows.shape[1]] = rows
    return padded.view(np.uint64)


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
    query_labels: Labels,
    database_codes: Codes,
    database_labels: Labels,
    *,
    at: int | None = None,
    exclude_self: bool = False,
) -> float:
    """Mean average precision over the queries that something is relevant to; NaN if there is none. See the module."""
    queries, database = Coded(query_codes, query_labels), Coded(database_codes, database_labels)
    return mean_precision(histograms(queries, database, exclude_self=exclude_self), at)


def mean_precision(blocks: Iterable[Histograms], at: int | None = None) -> float:
    """The mean of average_precisions over the queries of all blocks that something is relevant to; NaN without any."""
    total, weight = 0.0, 0
    for found in blocks:
        precisions = average_precisions(found, at)
        judged = ~np.isnan(precisions)
        total += float(precisions[judged] @ found.weights[judged])
        weight += int(found.weights[judged].sum())
    return total / weight if weight else float("nan")


def similarity_map(
    queries: Floats, query_labels: Labels, items: Floats, item_labels: Labels, *, exclude_self: bool = False
) -> float:
    """Mean average precision of real vectors (n, d) and (m, d), the items ranked by their cosine with the query.

    The yardstick for what a code loses against the floats that it is made of. Ties, which real numbers hardly have,
    stay in the items' order. exclude_self: the queries are the items, and each leaves itself out.
    """
    asked, found = _directions(queries), _directions(items)
    rows = max(FLOAT_BLOCK // max(len(items), 1), 1)
    total, judged = 0.0, 0
    for start in range(0, len(asked), rows):
        part = slice(start, start + rows)
        relevant = relevant_items(query_labels[part], item_labels)
        similarities = asked[part] @ found.T
        if exclude_self:
            own = np.arange(start, start + len(similarities))
            similarities[np.arange(len(own)), own] = -np.inf  # last, and not relevant there
            relevant[np.arange(len(own)), own] = False
        order = np.argsort(-similarities, axis=1, kind="stable")
        hits = np.take_along_axis(relevant, order, axis=1)
        counts = hits.sum(axis=1)
        precision = hits.cumsum(axis=1) / np.arange(1, len(items) + 1)
        sums = (precision * hits).sum(axis=1)
        total += float((sums[counts > 0] / counts[counts > 0]).sum())
        judged += int((counts > 0).sum())
    return total / judged if judged else float("nan")


def _directions(vectors: Floats) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return np.asarray(units, dtype=np.float32)


def relevant_items(query_labels: Labels, item_labels: Labels) -> npt.NDArray[np.bool_]:
    """Which items (n, m) share a label with which query."""
    if query_labels.ndim == 2:
        return np.asarray(query_labels.astype(np.float32) @ item_labels.astype(np.float32).T > 0)
    return np.asarray(query_labels[:, None] == item_labels[None])
