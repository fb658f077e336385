"""The evaluation of a supervised hash: everything that an honest report holds, from codes and labels alone.

Seen-class figures measure a classifier: hash centres are the trivial solution of Sablayrolles et al. (2017). So the
same figure of the code "predicted label" stands beside ours, and none of them is a measure of similarity.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dshcli.hasher.class_codes import ClassCodes, CodeSpace, assign, class_codes, code_space
from dshcli.hasher.labels import has_several
from dshcli.hasher.ranking import (
    Coded,
    Floats,
    Histograms,
    Ints,
    Labels,
    average_precisions,
    histograms,
    mean_precision,
    relevant_in_first,
)

PLACES = (1, 10, 100, 1000)  # N of P@N, K of mAP@K


@dataclass(frozen=True)
class Retrieval:
    """Ranking measures, means over `judged` queries: those that something is relevant to.

    By radius, arrays (bits + 1,): precision and recall of all that lies within it, an empty answer counting 0, and the
    share of items of other classes within it. same and other: how many pairs of each kind lie at each distance.
    """

    map: float
    map_at: dict[int, float]
    precision_at: dict[int, float]
    precision_by_radius: Floats
    recall_by_radius: Floats
    false_positives_by_radius: Floats
    same: Floats
    other: Floats
    queries: int
    judged: int


@dataclass(frozen=True)
class Evaluation:
    """Queries against a database. The class codes are the database's; exact and nearest rates are the queries'.

    Where images have several labels there is no one class code that would be right: then those rates, and the mAP of
    a single predicted label, are None.
    """

    bits: int
    class_names: tuple[str, ...]
    protocol: str
    database: int
    retrieval: Retrieval
    predicted_label_map: float | None
    classes: ClassCodes
    exact: float | None
    nearest: float | None
    exact_by_class: Floats | None
    space: CodeSpace

    @property
    def map(self) -> float:
        return self.retrieval.map

    @property
    def radius(self) -> int:
        """The calibrated radius of a classifying code: within it of one class code, no other class is."""
        return self.classes.radius

    @property
    def worst_pair(self) -> tuple[int, str, str]:
        """The least distance of two class codes, and the names of that pair."""
        distance, a, b = self.classes.closest
        return distance, self._name(a), self._name(b)

    def _name(self, number: int) -> str:
        return self.class_names[number] if 0 <= number < len(self.class_names) else str(number)

    def class_rows(self) -> list[dict[str, Any]]:
        """The table of class codes: name, hex and binary, share of exact codes, distance to the nearest class.

        A share is NaN where there was nothing to judge, and None where images have several labels.
        """
        away = self.classes.distances.astype(np.int64) + np.eye(len(self.classes.classes), dtype=np.int64) * 10**6
        shares = [None] * len(away) if self.exact_by_class is None else self.exact_by_class.tolist()
        return [
            {
                "class": self._name(int(number)),
                "hex": code.tobytes().hex(),
                "binary": "".join(map(str, np.unpackbits(code, count=self.bits))),
                "exact": share,
                "nearest_class": int(nearest) if len(self.classes.classes) > 1 else None,
            }
            for number, code, share, nearest in zip(
                self.classes.classes, self.classes.codes, shares, away.min(axis=1), strict=True
            )
        ]

    def within(self, radius: int) -> dict[str, float]:
        """Precision, recall, and the share of items of other classes, of all that lies within a radius."""
        found = self.retrieval
        return {
            "precision": float(found.precision_by_radius[radius]),
            "recall": float(found.recall_by_radius[radius]),
            "false_positives": float(found.false_positives_by_radius[radius]),
        }

    def as_dict(self) -> dict[str, Any]:
        """All figures, for JSON: None where there was nothing to judge."""
        distance, a, b = self.worst_pair
        by_radius = {
            "precision": self.retrieval.precision_by_radius,
            "recall": self.retrieval.recall_by_radius,
            "false_positives": self.retrieval.false_positives_by_radius,
        }
        off_diagonal = np.abs(self.space.correlation - np.eye(self.bits))
        return {
            "bits": self.bits,
            "protocol": self.protocol,
            "queries": self.retrieval.queries,
            "judged_queries": self.retrieval.judged,
            "database": self.database,
            "map": for_json(self.map),
            "map_of_predicted_label": for_json(self.predicted_label_map),
            "map_at": {str(k): for_json(v) for k, v in self.retrieval.map_at.items()},
            "precision_at": {str(k): for_json(v) for k, v in self.retrieval.precision_at.items()},
            "min_class_distance": distance,
            "worst_pair": [a, b],
            "radius": self.radius,
            "within_radius": self.within(self.radius),
            "within_2": self.within(min(2, self.bits)),
            "exact_code_rate": self.exact,
            "nearest_code_rate": self.nearest,
            "by_radius": {name: [float(v) for v in values] for name, values in by_radius.items()},
            "same_class_pairs": self.retrieval.same.tolist(),
            "other_class_pairs": self.retrieval.other.tolist(),
            "bit_balance": self.space.balance.tolist(),
            "bit_correlation_max": float(off_diagonal.max()),
            "distinct_codes": self.space.distinct,
            "code_entropy": self.space.entropy,
            "largest_bucket": self.space.largest_bucket,
            "classes": [row | {"exact": for_json(row["exact"])} for row in self.class_rows()],
        }


def for_json(figure: float | None) -> float | None:
    """A figure, or None where there was nothing to judge: JSON has no NaN."""
    return None if figure is None or np.isnan(figure) else figure


@dataclass(frozen=True)
class Protocol:
    """How to judge: exclude_self for a set that queries itself; `words` state it beside the figures."""

    words: str = "test queries against the training set, tie-aware"
    exclude_self: bool = False
    places: tuple[int, ...] = field(default=PLACES)


def protocol_words(own_test: bool, *, against_self: bool = False) -> str:
    """What was judged against what. own_test: the data set itself says which images are for testing."""
    kind = "test" if own_test else "held-out"
    if against_self:
        return f"{kind} images against each other, the query excluded, tie-aware"
    return f"{kind} images against the training images, tie-aware"


def evaluate(
    queries: Coded, database: Coded, bits: int, class_names: tuple[str, ...], protocol: Protocol | None = None
) -> Evaluation:
    """Judges the codes of queries against those of a database.

    Labels are class numbers (n,), indices of the names, or multi-hot rows (n, classes): then items that share a label
    are relevant, and what only a single label can tell is None.
    """
    protocol = protocol or Protocol()
    classes = class_codes(database.codes, database.labels, bits)
    single = _Single() if has_several(database.labels) else _single(queries, database, classes, protocol.exclude_self)
    return Evaluation(
        bits=bits,
        class_names=class_names,
        protocol=protocol.words,
        database=len(database.codes),
        retrieval=retrieve(queries, database, bits, protocol),
        predicted_label_map=single.predicted_label_map,
        classes=classes,
        exact=single.exact,
        nearest=single.nearest,
        exact_by_class=single.exact_by_class,
        space=code_space(database.codes, bits),
    )


@dataclass(frozen=True)
class _Single:
    """What only images of a single label can tell."""

    predicted_label_map: float | None = None
    exact: float | None = None
    nearest: float | None = None
    exact_by_class: Floats | None = None


def _single(queries: Coded, database: Coded, classes: ClassCodes, exclude_self: bool) -> _Single:
    of_queries = assign(queries.codes, queries.labels, classes)
    of_database = assign(database.codes, database.labels, classes)
    baseline = predicted_label_map(
        of_queries.predicted, queries.labels, of_database.predicted, database.labels, exclude_self=exclude_self
    )
    return _Single(baseline, of_queries.exact, of_queries.nearest, of_queries.exact_by_class)


def predicted_label_map(
    query_predicted: Ints,
    query_labels: Labels,
    item_predicted: Ints,
    item_labels: Labels,
    *,
    exclude_self: bool = False,
) -> float:
    """Tie-aware mAP of codes that are nothing but predicted labels: what a classifier alone is worth.

    Items of the predicted class come first, in any order, then all others. All arguments are class numbers, (n,) of
    queries and (m,) of items. With ten classes of one size, all items predicted right and a share a of the queries,
    this is about a + 0.083 (1 - a): to a query taken for another class, its own lie evenly behind that one.
    """
    classes = int(max(query_predicted.max(), query_labels.max(), item_predicted.max(), item_labels.max())) + 1
    items = np.zeros((classes, classes), np.int64)  # by predicted class and by label
    np.add.at(items, (item_predicted, item_labels), 1)
    pairs, weights = np.unique(np.stack([query_predicted, query_labels]), axis=1, return_counts=True)
    first, first_relevant = items.sum(axis=1)[pairs[0]], items[pairs[0], pairs[1]]
    relevant = items.sum(axis=0)[pairs[1]]
    own = int(exclude_self)  # a query has its own code and label
    found = Histograms(
        np.stack([first - own, len(item_labels) - first], axis=1),
        np.stack([first_relevant - own, relevant - first_relevant], axis=1),
        weights,
    )
    return mean_precision([found])


def retrieve(queries: Coded, database: Coded, bits: int, protocol: Protocol) -> Retrieval:
    """The ranking measures; single or multi-label."""
    sums = _Sums(bits, protocol.places)
    for found in histograms(queries, database, exclude_self=protocol.exclude_self):
        sums.add(found)
    return sums.means()


class _Sums:
    """Adds up the measures of blocks of queries."""

    def __init__(self, bits: int, places: tuple[int, ...]) -> None:
        self.distances, self.places = bits + 1, places
        self.map = 0.0
        self.map_at, self.precision_at = dict.fromkeys(places, 0.0), dict.fromkeys(places, 0.0)
        self.precision, self.recall, self.same, self.other = (np.zeros(self.distances) for _ in range(4))
        self.queries = self.judged = 0

    def add(self, found: Histograms) -> None:
        precisions = average_precisions(found)
        judged = ~np.isnan(precisions)
        weights = found.weights.astype(np.float64)
        kept = Histograms(found.everything[judged], found.relevant[judged], found.weights[judged])
        self.queries += int(weights.sum())
        self.judged += int(weights[judged].sum())
        self.same += weights @ found.relevant[:, : self.distances]
        self.other += weights @ (found.everything - found.relevant)[:, : self.distances]
        self.map += float(precisions[judged] @ weights[judged])
        for place in self.places:
            self.map_at[place] += float(average_precisions(kept, place) @ weights[judged])
            self.precision_at[place] += float(relevant_in_first(kept, place) @ weights[judged]) / place
        within = kept.everything.cumsum(axis=1)[:, : self.distances].astype(np.float64)
        right = kept.relevant.cumsum(axis=1)[:, : self.distances].astype(np.float64)
        self.precision += weights[judged] @ np.divide(right, within, out=np.zeros_like(right), where=within > 0)
        self.recall += weights[judged] @ (right / kept.relevant.sum(axis=1, keepdims=True))

    def means(self) -> Retrieval:
        judged = max(self.judged, 1)
        nothing = float("nan") if not self.judged else 0.0
        return Retrieval(
            map=self.map / judged + nothing,
            map_at={place: total / judged + nothing for place, total in self.map_at.items()},
            precision_at={place: total / judged + nothing for place, total in self.precision_at.items()},
            precision_by_radius=self.precision / judged,
            recall_by_radius=self.recall / judged,
            false_positives_by_radius=self.other.cumsum() / max(self.other.sum(), 1),
            same=self.same,
            other=self.other,
            queries=self.queries,
            judged=self.judged,
        )
