"""The evaluation of codes that a reader can judge by eye."""

import json
import math

import numpy as np
import pytest

from dshcli.hasher.class_codes import assign, class_codes, code_space
from dshcli.hasher.evaluation import Protocol, evaluate, retrieve
from dshcli.hasher.ranking import Coded, tie_aware_map

# three classes of 4-bit codes: a 0000 twice and 0001, b 1111 twice, c 0011 and 0111
CODES = np.packbits(
    [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1]], axis=1
)
LABELS = np.array([0, 0, 0, 1, 1, 2, 2])
NAMES = ("a", "b", "c")


def test_class_codes_are_the_majority_of_each_bit() -> None:
    classes = class_codes(CODES, LABELS, 4)
    assert [f"{code[0] >> 4:04b}" for code in classes.codes] == ["0000", "1111", "0111"]
    assert classes.distances.tolist() == [[0, 4, 3], [4, 0, 1], [3, 1, 0]]
    assert classes.closest == (1, 1, 2) and classes.radius == 0


@pytest.mark.parametrize(("distance", "radius"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (12, 5)])
def test_radius_keeps_classes_apart(distance: int, radius: int) -> None:
    codes = np.packbits(np.array([[0] * 16, [1] * distance + [0] * (16 - distance)]), axis=1)
    assert class_codes(codes, np.array([0, 1]), 16).radius == radius


def test_exact_and_nearest_rates() -> None:
    found = assign(CODES, LABELS, class_codes(CODES, LABELS, 4))
    # exact: two of a, both of b, one of c
    assert found.exact == pytest.approx(5 / 7)
    assert found.exact_by_class.tolist() == pytest.approx([2 / 3, 1, 1 / 2])
    # nearest: all but c's 0011, which is 1 from c's 0111 and 2 from a and b
    assert found.nearest == pytest.approx(1) and found.predicted.tolist() == LABELS.tolist()


def test_a_code_between_two_classes_counts_half() -> None:
    classes = class_codes(np.array([[0b00000000], [0b11000000]], np.uint8), np.array([0, 1]), 8)
    assert assign(np.array([[0b10000000]], np.uint8), np.array([1]), classes).nearest == 0.5


def test_code_space() -> None:
    space = code_space(CODES, 4)
    assert space.balance.tolist() == pytest.approx([2 / 7, 3 / 7, 4 / 7, 5 / 7])
    assert space.distinct == 5 and space.largest_bucket == 2
    expected = -(2 * (2 / 7) * math.log2(2 / 7) + 3 * (1 / 7) * math.log2(1 / 7))
    assert space.entropy == pytest.approx(expected)
    bits = np.unpackbits(CODES, axis=1, count=4).astype(float)
    assert space.correlation == pytest.approx(np.corrcoef(bits.T))


def test_a_constant_bit_is_correlated_with_none() -> None:
    space = code_space(np.array([[0b10000000], [0b11000000]], np.uint8), 2)
    assert space.correlation.tolist() == [[1, 0], [0, 1]]


def test_measures_by_radius_count_an_empty_answer_as_nothing() -> None:
    queries = Coded(np.array([[0b00000000], [0b00001111]], np.uint8), np.array([0, 1]))
    database = Coded(np.array([[0b00000001], [0b00000011], [0b11111111]], np.uint8), np.array([0, 1, 1]))
    found = retrieve(queries, database, 8, Protocol(places=(1, 2)))
    # the first query meets its one relevant item at 1, the other class at 2 and 8; the second: 3 (other), 2, 4
    assert found.precision_by_radius[:5].tolist() == pytest.approx(
        [0, 1 / 2, (1 / 2 + 1) / 2, (1 / 2 + 1 / 2) / 2, (1 / 2 + 2 / 3) / 2]
    )
    assert found.recall_by_radius[:5].tolist() == pytest.approx([0, 1 / 2, (1 + 1 / 2) / 2, (1 + 1 / 2) / 2, 1])
    assert found.same.tolist() == [0, 1, 1, 0, 1, 0, 0, 0, 0] and found.other.tolist() == [0, 0, 1, 1, 0, 0, 0, 0, 1]
    assert found.false_positives_by_radius[:4].tolist() == pytest.approx([0, 0, 1 / 3, 2 / 3])
    assert found.precision_at == pytest.approx({1: 1.0, 2: (1 / 2 + 1 / 2) / 2})


def test_evaluation_bundles_the_same_figures() -> None:
    data = Coded(CODES, LABELS)
    result = evaluate(data, data, 4, NAMES, Protocol("the set against itself", exclude_self=True))
    assert result.map == pytest.approx(tie_aware_map(CODES, LABELS, CODES, LABELS, exclude_self=True))
    assert result.worst_pair == (1, "b", "c") and result.retrieval.queries == 7
    assert result.predicted_label_map == 1.0  # the nearest class is right for every image
    rows = result.class_rows()
    assert rows[2] == {"class": "c", "hex": "70", "binary": "0111", "exact": 0.5, "nearest_class": 1}
    assert json.loads(json.dumps(result.as_dict()))["min_class_distance"] == 1


def test_the_predicted_label_baseline() -> None:
    """Half of one class taken for the other: of a's 4 images, 2 predicted b."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 50)
    codes = np.where(rng.random(100) < np.where(labels == 0, 0.3, 0.0), 255, labels * 255).astype(np.uint8)[:, None]
    result = evaluate(Coded(codes, labels), Coded(codes, labels), 8, ("a", "b"))
    assert result.predicted_label_map == pytest.approx(result.map)  # these codes are their predicted label
    assert result.map < 1


def test_queries_without_any_relevant_item_are_counted_but_not_judged() -> None:
    found = retrieve(
        Coded(np.zeros((3, 1), np.uint8), np.array([0, 0, 9])),
        Coded(np.zeros((2, 1), np.uint8), np.array([0, 1])),
        8,
        Protocol(),
    )
    assert (found.queries, found.judged) == (3, 2)
    assert 0 < found.map < 1


def test_multi_label_items_are_relevant_if_they_share_a_label() -> None:
    labels = np.array([[1, 0], [1, 1], [0, 1]], bool)
    found = retrieve(
        Coded(np.zeros((3, 1), np.uint8), labels), Coded(np.zeros((3, 1), np.uint8), labels), 8, Protocol()
    )
    assert found.same[0] == 7 and found.other[0] == 2
