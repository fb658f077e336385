"""Codes by construction and by search: every one is measured word by word."""

from math import comb

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.hasher import code_constructions
from dshcli.hasher.code_bounds import distance_bound
from dshcli.hasher.code_constructions import best_mixture, hadamard, has_hadamard
from dshcli.hasher.linear_codes import linear_code, search_linear_code


def slow_distance(words: npt.NDArray[np.uint8]) -> int:
    return min(int((words[i] != words[i + 1 :]).sum(axis=1).min()) for i in range(len(words) - 1))


# --- constructions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order", [1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 68, 72, 100, 512]
)
def test_hadamard_matrices(order: int) -> None:
    assert has_hadamard(order)
    matrix = hadamard(order)
    assert set(np.unique(matrix)) <= {-1, 1}
    assert (matrix @ matrix.T == order * np.eye(order)).all()


@pytest.mark.parametrize("order", [-4, 0, 3, 6, 10, 18, 92])  # 92 exists, but neither Sylvester nor Paley made it
def test_orders_without_a_matrix(order: int) -> None:
    assert not has_hadamard(order)


def test_blocks_are_what_they_promise() -> None:
    for block in code_constructions._blocks(64):
        words = block.make()
        assert words.shape == (block.words, block.bits) and words.dtype == np.uint8 and words.max() == 1
        if block.words <= 512:
            assert slow_distance(words) >= block.distance


@pytest.mark.parametrize(("degree", "distance"), [(3, 6), (5, 28)])
def test_kerdock_codes(degree: int, distance: int) -> None:
    """From every word the others look the same, so that the weights are the distances. 16 bits: Nordstrom-Robinson."""
    words = code_constructions._kerdock_code(degree)
    weights, counts = np.unique(words.sum(axis=1, dtype=int), return_counts=True)
    bits = 2 ** (degree + 1)
    assert weights.tolist() == [0, distance, bits // 2, bits - distance, bits] and counts[0] == counts[-1] == 1
    rng = np.random.default_rng(0)
    for word in words[rng.integers(len(words), size=20)]:
        assert np.array_equal(np.unique((words ^ word).sum(axis=1, dtype=int), return_counts=True)[1], counts)


def test_a_mixture_of_two_designs() -> None:
    """Levenshtein's: 5 words of 48 bits at distance 28, of blocks of 10 bits (distance 6) and 7 bits (distance 4)."""
    distance, blocks = best_mixture(5, 48)
    assert distance == 28
    assert sum(block.distance for block in blocks) - max(sum(block.bits for block in blocks) - 48, 0) == 28


def test_classes_that_no_construction_holds() -> None:
    assert best_mixture(100, 8) == (0, [])


# --- linear codes -----------------------------------------------------------------------------------------------------


def test_hamming_code() -> None:
    """All columns of rank 3 but 0 make the simplex code: every word has weight 4."""
    code = linear_code(3, np.arange(1, 8))
    assert code.distance == 4
    assert code.words(np.arange(8)).sum(axis=1).tolist() == [0, 4, 4, 4, 4, 4, 4, 4]


# the best linear codes, from Grassl's table (codetables.de), all of them within reach of a second
@pytest.mark.parametrize(
    ("rank", "bits", "distance"),
    [(4, 8, 4), (6, 24, 10), (7, 24, 10), (7, 32, 14), (7, 48, 22), (10, 24, 8), (9, 48, 20)],
)
def test_the_search_finds_the_best_known(rank: int, bits: int, distance: int) -> None:
    for seed in (0, 1):
        code = search_linear_code(rank, bits, distance, np.random.default_rng(seed))
        assert code.distance >= distance
        words = code.words(np.arange(2**rank))
        assert words[1:].sum(axis=1, dtype=int).min() == code.distance  # linear: weights are distances
        assert (words[3] ^ words[5] == words[3 ^ 5]).all()


@settings(max_examples=25, deadline=None)
@given(rank=st.integers(1, 9), extra=st.integers(0, 12), seed=st.integers(0, 99))
def test_a_search_always_tells_words_apart(rank: int, extra: int, seed: int) -> None:
    bits = max(rank + extra, 4)
    code = search_linear_code(rank, bits, bits, np.random.default_rng(seed), work=1 << 12)
    words = code.words(np.arange(2**rank))
    assert words.shape == (2**rank, bits)
    assert len(np.unique(words, axis=0)) == 2**rank
    assert slow_distance(words) == code.distance <= distance_bound(2**rank, bits)


# --- bounds -----------------------------------------------------------------------------------------------------------


# the largest codes, from Brouwer's table A(n, d): so many words exist
@pytest.mark.parametrize(
    ("bits", "distance", "words"),
    [(8, 4, 16), (8, 5, 4), (12, 6, 24), (16, 8, 32), (9, 5, 6), (8, 3, 20), (11, 4, 72), (16, 6, 256), (24, 8, 4096),
     (23, 7, 4096), (25, 12, 52), (24, 11, 52), (64, 28, 4096)],
)  # fmt: skip
def test_no_bound_forbids_what_exists(bits: int, distance: int, words: int) -> None:
    assert distance_bound(words, bits) >= distance


@pytest.mark.parametrize(
    ("words", "bits", "bound"),
    [(10, 8, 4), (10, 12, 6), (10, 24, 12), (10, 48, 26), (2, 7, 7), (33, 16, 7), (37, 16, 6), (16, 4, 1), (21, 8, 2),
     (25, 12, 5), (33, 12, 4), (100, 24, 10), (100, 32, 15), (100, 48, 23)],
)  # fmt: skip
def test_bounds_are_as_sharp_as_the_tables(words: int, bits: int, bound: int) -> None:
    assert distance_bound(words, bits) == bound


@given(words=st.integers(2, 3000), bits=st.integers(4, 40))
def test_bounds_obey_the_elementary_ones(words: int, bits: int) -> None:
    bound = distance_bound(words, bits)
    assert (bound > 0) == (words <= 2**bits)
    if bound:
        assert words <= 2 ** (bits - bound + 1)  # Singleton
        assert words * sum(comb(bits, i) for i in range((bound - 1) // 2 + 1)) <= 2**bits  # Hamming
    assert bound >= distance_bound(words + 1, bits) and bound <= distance_bound(words, bits + 1) <= bound + 1
