"""The evaluation of codes that a reader can judge by eye."""

import json
import math

import numpy as np
import pytest

from dshcli.hasher.class_codes import assign, class_codes, code_space
from dshcli.hasher.evaluation import Protocol, evaluate, predicted_label_map, retrieve
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
    figures = result.as_dict()
    assert figures["within_2"]["precision"] == result.retrieval.precision_by_radius[2]
    assert figures["within_radius"]["recall"] == result.retrieval.recall_by_radius[0]
    assert json.loads(json.dumps(result.as_dict()))["min_class_distance"] == 1


def test_the_predicted_label_baseline() -> None:
    """Half of one class taken for the other: of a's 4 images, 2 predicted b."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 50)
    codes = np.where(rng.random(100) < np.where(labels == 0, 0.3, 0.0), 255, labels * 255).astype(np.uint8)[:, None]
    result = evaluate(Coded(codes, labels), Coded(codes, labels), 8, ("a", "b"))
    assert result.predicted_label_map == pytest.approx(result.map)  # these codes are their predicted label
    assert result.map < 1


def test_the_predicted_label_baseline_by_hand() -> None:
    """Items: two of class 0 and one of class 1 predicted as 0, one of class 1 as itself; the query is taken for 0."""
    item_predicted, item_labels = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])

    def of_query(label: int) -> float:
        return predicted_label_map(np.array([0]), np.array([label]), item_predicted, item_labels)

    # of class 0: both relevant items lie among the first three, in any order: places 12, 13 or 23
    assert of_query(0) == pytest.approx((1 + (1 + 2 / 3) / 2 + (1 / 2 + 2 / 3) / 2) / 3)
    # of class 1: one relevant item at places 1 to 3, the other at 4
    assert of_query(1) == pytest.approx(((1 + 1 / 2 + 1 / 3) / 3 + 2 / 4) / 2)
    # the set against itself, each item without itself: the third finds the fourth behind two others, and the fourth
    # finds nothing of its predicted class, so that the third comes at any of three places
    alone = predicted_label_map(item_predicted, item_labels, item_predicted, item_labels, exclude_self=True)
    assert alone == pytest.approx((3 / 4 + 3 / 4 + 1 / 3 + (1 + 1 / 2 + 1 / 3) / 3) / 4)


def test_the_predicted_label_is_a_code_like_any_other() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(2000) % 10
    predicted = np.where(rng.random(2000) < 0.9, labels, rng.integers(0, 10, 2000))
    codes = np.packbits(np.arange(10)[None] == predicted[:, None], axis=1)
    for alone in (False, True):
        found = predicted_label_map(predicted, labels, predicted, labels, exclude_self=alone)
        assert found == pytest.approx(tie_aware_map(codes, labels, codes, labels, exclude_self=alone))


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 0.9, 1.0])
def test_the_bound_of_a_classifier(accuracy: float) -> None:
    """Ten classes of one size: a + 0.083 (1 - a)."""
    labels = np.arange(20_000) % 10
    right = np.arange(1000) < accuracy * 1000
    found = predicted_label_map((labels[:1000] + ~right) % 10, labels[:1000], labels, labels)
    assert found == pytest.approx(accuracy + 0.083 * (1 - accuracy), abs=1e-3)


def test_queries_without_any_relevant_item_are_counted_but_not_judged() -> None:
    found = retrieve(
        Coded(np.zeros((3, 1), np.uint8), np.array([0, 0, 9])),
        Coded(np.zeros((2, 1), np.uint8), np.array([0, 1])),
        8,
        Protocol(),
    )
    assert (found.queries, found.judged) == (3, 2)
    assert 0 < found.map < 1


def test_nothing_to_judge_is_no_number_and_null_in_json() -> None:
    queries = Coded(np.zeros((2, 1), np.uint8), np.array([1, 1]))
    database = Coded(np.zeros((2, 1), np.uint8), np.array([0, 2]))
    result = evaluate(queries, database, 8, NAMES)
    assert math.isnan(result.map) and result.retrieval.judged == 0
    figures = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert figures["map"] is None and figures["classes"][0]["exact"] is None
    assert figures["within_2"] == {"precision": 0, "recall": 0, "false_positives": 1}


def test_many_classes_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    codes, labels = rng.integers(0, 256, (500, 2), dtype=np.uint8), rng.integers(0, 30, 500)
    classes = class_codes(codes, labels, 16)
    whole = assign(codes, labels, classes)
    monkeypatch.setattr("dshcli.hasher.class_codes.BLOCK", 100)
    parts = assign(codes, labels, classes)
    assert (parts.predicted == whole.predicted).all() and parts.nearest == whole.nearest
    for i, label in enumerate(classes.classes):
        mean = np.unpackbits(codes[labels == label], axis=1).mean(axis=0)
        assert (np.unpackbits(classes.codes[i]) == (mean >= 0.5)).all()


def test_figures_of_several_labels_an_image() -> None:
    """Labels a on 1100, 1110 and 1101, b on 1110 and 0011; what only a single label can tell is absent."""
    codes = np.packbits([[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1], [0, 0, 1, 1]], axis=1)
    labels = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]], bool)
    result = evaluate(Coded(codes, labels), Coded(codes, labels), 4, NAMES, Protocol(exclude_self=True))
    assert result.exact is result.nearest is result.exact_by_class is result.predicted_label_map is None
    assert [f"{code[0] >> 4:04b}" for code in result.classes.codes] == ["1100", "1111"]  # c has no image
    assert result.worst_pair == (2, "a", "b") and result.radius == 0
    assert [row["class"] for row in result.class_rows()] == ["a", "b"]
    # to 1100, 1110 and 1101 all relevant items come first; to 0011 its only one, 1110 at 3, is level with 1101
    assert result.map == pytest.approx((1 + 1 + 1 + (1 + 1 / 2) / 2) / 4)
    figures = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    for absent in ("exact_code_rate", "nearest_code_rate", "map_of_predicted_label"):
        assert figures[absent] is None
    assert figures["min_class_distance"] == 2 and figures["classes"][0]["exact"] is None


def test_class_codes_of_one_hot_rows_are_those_of_class_numbers() -> None:
    one, other = class_codes(CODES, LABELS, 4), class_codes(CODES, LABELS[:, None] == np.arange(3), 4)
    assert (one.codes == other.codes).all() and (one.classes == other.classes).all()
    assert (one.distances == other.distances).all()


def test_multi_label_items_are_relevant_if_they_share_a_label() -> None:
    labels = np.array([[1, 0], [1, 1], [0, 1]], bool)
    found = retrieve(
        Coded(np.zeros((3, 1), np.uint8), labels), Coded(np.zeros((3, 1), np.uint8), labels), 8, Protocol()
    )
    assert found.same[0] == 7 and found.other[0] == 2
