"""The tie-aware measures against worked examples, all orders of the ties, and many random ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.hasher import ranking
from dshcli.hasher.ranking import (
    Coded,
    Histograms,
    average_precisions,
    histograms,
    relevant_in_first,
    similarity_map,
    tie_aware_map,
)


def one(everything: list[int], relevant: list[int]) -> Histograms:
    return Histograms(np.array([everything]), np.array([relevant]), np.array([1]))


def plain_ap(relevance: list[bool], at: int | None = None) -> float:
    """Average precision of one order, by its definition."""
    hits, total = 0, 0.0
    for place, relevant in enumerate(relevance[:at], start=1):
        hits += relevant
        total += relevant * hits / place
    return total / min(sum(relevance), at or len(relevance))


def every_order(everything: list[int], relevant: list[int], at: int | None = None) -> float:
    """The mean of plain_ap over every order of every tie."""
    orders = [
        set(itertools.permutations([True] * r + [False] * (n - r))) for n, r in zip(everything, relevant, strict=True)
    ]
    rankings = [list(itertools.chain(*parts)) for parts in itertools.product(*orders)]
    return float(np.mean([plain_ap(ranking, at) for ranking in rankings]))


def test_worked_example() -> None:
    # one tie of three with one relevant item: it comes first, second or third: (1 + 1/2 + 1/3) / 3
    assert average_precisions(one([3], [1])) == pytest.approx([(1 + 1 / 2 + 1 / 3) / 3])
    # no ties: relevant at places 1 and 3
    assert average_precisions(one([1, 1, 1], [1, 0, 1])) == pytest.approx([(1 + 2 / 3) / 2])
    assert average_precisions(one([2, 2], [2, 2])) == pytest.approx([1.0])
    assert np.isnan(average_precisions(one([3], [0]))).all()


@pytest.mark.parametrize("at", [None, 1, 2, 3, 4, 7])
@pytest.mark.parametrize(
    ("everything", "relevant"),
    [([4], [2]), ([2, 3], [1, 1]), ([0, 3, 0, 4], [0, 2, 0, 1]), ([1, 5], [0, 3]), ([3, 2, 2], [0, 2, 1])],
)
def test_equals_the_mean_over_every_order(everything: list[int], relevant: list[int], at: int | None) -> None:
    expected = every_order(everything, relevant, at)
    assert average_precisions(one(everything, relevant), at) == pytest.approx([expected], abs=1e-12)


def test_equals_a_brute_force_average_over_random_orders() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (400, 1), dtype=np.uint8) & np.uint8(0b10110001)
    labels = rng.integers(0, 3, 400)
    queries, query_labels = codes[:20], labels[:20]
    distances = np.bitwise_count(queries[:, None, 0] ^ codes[None, :, 0])
    tried = []
    for _ in range(300):
        order = np.lexsort((rng.random((20, 400)), distances))
        relevance = labels[order] == query_labels[:, None]
        places = np.arange(1, 401)
        tried.append(((relevance * relevance.cumsum(axis=1) / places).sum(axis=1) / relevance.sum(axis=1)).mean())
    error = np.std(tried) / np.sqrt(len(tried))
    found = tie_aware_map(queries, query_labels, codes, labels)
    assert abs(found - np.mean(tried)) < 4 * error
    assert np.std(tried) > 1e-4  # the order of ties does matter here


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    bits=st.sampled_from([4, 8, 12, 24, 70]),
    items=st.integers(1, 60),
    classes=st.integers(1, 5),
    multi=st.booleans(),
)
def test_histograms_equal_a_slow_count(seed: int, bits: int, items: int, classes: int, multi: bool) -> None:
    rng = np.random.default_rng(seed)

    def draw(n: int) -> Coded:
        codes = np.packbits(rng.random((n, bits)) < rng.random(), axis=1)
        labels = rng.random((n, classes)) < 0.5 if multi else rng.integers(0, classes, n)
        return Coded(codes, labels)

    queries, database = draw(7), draw(items)
    expected: dict[tuple[object, ...], int] = {}
    for code, label in zip(queries.codes, queries.labels, strict=True):
        everything, relevant = [0] * (queries.codes.shape[1] * 8 + 1), [0] * (queries.codes.shape[1] * 8 + 1)
        for other, other_label in zip(database.codes, database.labels, strict=True):
            distance = sum(bin(int(a) ^ int(b)).count("1") for a, b in zip(code, other, strict=True))
            everything[distance] += 1
            relevant[distance] += bool((label & other_label).any()) if multi else bool(label == other_label)
        key = (*everything, *relevant)
        expected[key] = expected.get(key, 0) + 1
    found: dict[tuple[object, ...], int] = {}
    for block in histograms(queries, database):
        for e, r, w in zip(block.everything.tolist(), block.relevant.tolist(), block.weights.tolist(), strict=True):
            found[(*e, *r)] = found.get((*e, *r), 0) + w
    assert found == expected


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    codes, labels = rng.integers(0, 256, (300, 3), dtype=np.uint8), rng.integers(0, 4, 300)
    whole = tie_aware_map(codes, labels, codes, labels)
    monkeypatch.setattr("dshcli.hasher.ranking.BLOCK", 1000)
    assert tie_aware_map(codes, labels, codes, labels) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("bits", [200, 256, 512])
def test_no_distance_is_too_large(bits: int) -> None:
    codes = np.array([[0] * (bits // 8), [255] * (bits // 8)], np.uint8)
    (found,) = histograms(Coded(codes[:1], np.array([0])), Coded(codes, np.array([1, 0])))
    assert found.everything[0].nonzero()[0].tolist() == [0, bits]
    assert found.relevant[0].nonzero()[0].tolist() == [bits]


def test_items_without_labels_are_relevant_to_nothing_nor_to_themselves() -> None:
    codes, labels = np.zeros((3, 1), np.uint8), np.array([[0, 0], [1, 0], [1, 1]])
    blocks = list(histograms(Coded(codes, labels), Coded(codes, labels), exclude_self=True))
    relevant = {int(n) for block in blocks for n in block.relevant[:, 0]}
    assert relevant == {0, 1} and all((block.everything[:, 0] == 2).all() for block in blocks)


def test_a_query_is_excluded_from_its_own_database() -> None:
    codes = np.array([[0], [0], [255]], np.uint8)
    labels = np.array([0, 1, 0])
    # with itself, each query finds itself; without, the first and third find each other behind the second
    assert tie_aware_map(codes, labels, codes, labels, exclude_self=True) == pytest.approx((1 / 2 + 3 / 4) / 2)


def test_expected_relevant_items_at_the_top() -> None:
    assert relevant_in_first(one([1, 4], [1, 2]), 3) == pytest.approx([1 + 2 * 2 / 4])
    assert relevant_in_first(one([1, 4], [1, 2]), 99) == pytest.approx([3])


def test_perfect_and_hopeless_codes() -> None:
    labels = np.arange(100) % 5
    perfect = np.array([[0], [15], [51], [85], [240]], np.uint8)[labels]
    assert tie_aware_map(perfect, labels, perfect, labels) == 1.0
    same = np.zeros((100, 1), np.uint8)
    # all tied: the expectation for a share of 1/5, close to it and a little above
    assert 0.2 < tie_aware_map(same, labels, same, labels) < 0.25


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("several", [False, True])
def test_similarity_map_equals_a_loop(several: bool, alone: bool) -> None:
    rng = np.random.default_rng(5)
    items = rng.standard_normal((60, 7))
    labels = rng.integers(0, 2, (60, 4)) if several else rng.integers(0, 4, 60)
    queries, asked = (items, labels) if alone else (rng.standard_normal((9, 7)), labels[:9])
    expected = []
    for i, (query, label) in enumerate(zip(queries, asked, strict=True)):
        cosines = items @ query / np.linalg.norm(items, axis=1) / np.linalg.norm(query)
        order = [j for j in np.argsort(-cosines) if not (alone and j == i)]
        relevance = [bool((labels[j] & label).any()) if several else bool(labels[j] == label) for j in order]
        if any(relevance):
            expected.append(plain_ap(relevance))
    assert similarity_map(queries, asked, items, labels, exclude_self=alone) == pytest.approx(np.mean(expected))


def test_similarity_map_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    items, labels = rng.standard_normal((50, 4)), rng.integers(0, 3, 50)
    whole = similarity_map(items, labels, items, labels, exclude_self=True)
    monkeypatch.setattr(ranking, "FLOAT_BLOCK", 150)
    assert similarity_map(items, labels, items, labels, exclude_self=True) == pytest.approx(whole, abs=1e-12)


def test_similarity_map_of_nothing_relevant() -> None:
    ones = np.ones((2, 3))
    assert np.isnan(similarity_map(ones, np.array([7, 8]), ones, np.array([1, 2])))
    assert np.isfinite(similarity_map(np.zeros((1, 3)), np.array([1]), ones, np.array([1, 2])))
