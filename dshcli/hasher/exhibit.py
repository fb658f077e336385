"""What the page of an evaluation shows beside the figures: a choice of outputs for the map, and the worst answers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, hamming
from dshcli.hasher.encoder import Pixels
from dshcli.hasher.evaluation import Evaluation
from dshcli.hasher.judging import Judged, Side
from dshcli.hasher.labels import has_several, rarest
from dshcli.hasher.ranking import Coded, Floats, average_precisions, distinct_queries, histograms, relevant_items

Ints = npt.NDArray[np.int64]

ON_THE_MAP = 2_000  # images, evenly spread over the queries
WORST, WORST_OF_A_CLASS = 24, 4
SHOWN_NEIGHBOURS = 8


@dataclass(frozen=True)
class Picture:
    """pixels uint8 (size, size, channels) as the network sees them; classes: the numbers of its classes."""

    pixels: Pixels
    classes: tuple[int, ...]


@dataclass(frozen=True)
class Neighbour:
    picture: Picture
    distance: int
    relevant: bool


@dataclass(frozen=True)
class Failure:
    """A query whose answers are bad, and the nearest of them."""

    query: Picture
    average_precision: float
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Exhibit:
    """outputs (n, bits) and the class, of several the rarest, (n,) of the images on the map, and the worst answers."""

    evaluation: Evaluation
    outputs: npt.NDArray[np.float32]
    classes: Ints
    failures: tuple[Failure, ...]


def exhibit(judged: Judged) -> Exhibit:
    """Chooses what to show of an evaluation."""
    queries = judged.queries
    some = np.unique(np.linspace(0, len(queries.labels) - 1, min(len(queries.labels), ON_THE_MAP)).astype(np.int64))
    return Exhibit(judged.evaluation, queries.outputs[some], rarest(queries.labels)[some], worst_answers(judged))


def worst_answers(judged: Judged) -> tuple[Failure, ...]:
    """The WORST queries of the least average precision, at most WORST_OF_A_CLASS of one class, the worst first.

    Of equals the first; of neighbours at one distance likewise, and a query is not its own neighbour.
    """
    queries, database = judged.queries, judged.database
    precisions = query_precisions(queries.coded, database.coded, exclude_self=judged.against_self)
    failures: list[Failure] = []
    taken: dict[bytes, int] = {}
    for index in np.argsort(precisions, kind="stable"):
        label = queries.labels[index].tobytes()
        if len(failures) == WORST or not precisions[index] < 1:
            break
        if taken.get(label, 0) < WORST_OF_A_CLASS:
            taken[label] = taken.get(label, 0) + 1
            failures.append(_failure(judged, int(index), float(precisions[index])))
    return tuple(failures)


def query_precisions(queries: Coded, database: Coded, *, exclude_self: bool = False) -> Floats:
    """The tie-aware average precision (n,) of each query; NaN for those that nothing is relevant to."""
    of_distinct = [average_precisions(found) for found in histograms(queries, database, exclude_self=exclude_self)]
    return np.asarray(np.concatenate(of_distinct)[distinct_queries(queries, database)])


def _failure(judged: Judged, index: int, precision: float) -> Failure:
    queries, database = judged.queries, judged.database
    code: Codes = queries.coded.codes[index]
    distances = hamming(code[None], database.coded.codes).astype(np.int64)
    if judged.against_self:
        distances[index] = distances.max() + 1
    nearest = np.argsort(distances, kind="stable")[:SHOWN_NEIGHBOURS]
    relevant = relevant_items(queries.labels[index : index + 1], database.labels[nearest])[0]
    neighbours = [
        Neighbour(_picture(database, int(i)), int(distances[i]), bool(hit))
        for i, hit in zip(nearest, relevant, strict=True)
        if not (judged.against_self and i == index)
    ]
    return Failure(_picture(queries, index), precision, tuple(neighbours))


def _picture(side: Side, index: int) -> Picture:
    label = side.labels[index]
    classes = np.flatnonzero(label) if has_several(side.labels) else [label]
    return Picture(side.pixels[index], tuple(int(number) for number in classes))
