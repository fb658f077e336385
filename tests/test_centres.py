"""Hash centres reach the distances that are known to be possible, never claim more, and are quick about it."""

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.errors import UsageError
from dshcli.hasher.centres import distance_bound, hash_centres


def slow_distance(signs: np.ndarray) -> int:
    return min(sum(int(a != b) for a, b in zip(x, y, strict=True)) for x, y in combinations(signs.tolist(), 2))


@pytest.mark.parametrize(
    ("classes", "bits", "distance"),
    [
        (10, 8, 4), (10, 12, 6), (10, 16, 8), (10, 24, 12), (10, 32, 17), (10, 48, 26), (10, 64, 35),
        (100, 8, 2), (100, 12, 4), (100, 16, 6), (100, 24, 9), (100, 32, 13), (100, 64, 32),
        (2, 48, 48), (3, 12, 8), (4, 24, 16), (16, 8, 4), (16, 16, 8), (32, 16, 8), (256, 8, 1),
    ],
)  # fmt: skip
def test_distances_that_are_known_to_be_possible(classes: int, bits: int, distance: int) -> None:
    for seed in (0, 1):
        centres = hash_centres(classes, bits, seed)
        assert centres.signs.shape == (classes, bits) and set(np.unique(centres.signs)) == {-1, 1}
        assert slow_distance(centres.signs) == centres.distance >= distance


@settings(max_examples=25, deadline=None)
@given(classes=st.integers(2, 20), bits=st.integers(4, 20), seed=st.integers(0, 3))
def test_the_distance_is_true_and_within_the_bound(classes: int, bits: int, seed: int) -> None:
    if classes > 2**bits:
        return
    centres = hash_centres(classes, bits, seed)
    assert 1 <= slow_distance(centres.signs) == centres.distance <= centres.bound


# the largest codes, from Brouwer's table A(n, d): so many words exist, and one more does not
@pytest.mark.parametrize(("bits", "distance", "words"), [(8, 4, 16), (8, 5, 4), (12, 6, 24), (16, 8, 32), (9, 5, 6)])
def test_the_bound_never_forbids_what_exists(bits: int, distance: int, words: int) -> None:
    assert distance_bound(words, bits) >= distance


@pytest.mark.parametrize(
    ("classes", "bits", "bound"),
    [(10, 8, 4), (10, 12, 6), (10, 24, 12), (10, 48, 26), (2, 7, 7), (33, 16, 7), (16, 4, 1)],
)
def test_the_bound_is_sharp_where_plotkin_is(classes: int, bits: int, bound: int) -> None:
    assert distance_bound(classes, bits) <= bound


def test_a_thousand_classes_do_not_crawl() -> None:
    start = time.process_time()
    centres = hash_centres(1000, 64)
    assert time.process_time() - start < 20
    assert centres.distance >= 24
    assert len({row.tobytes() for row in centres.signs}) == 1000


def test_bits_are_balanced() -> None:
    for classes, bits in ((10, 24), (10, 48), (100, 32)):
        shares = (hash_centres(classes, bits).signs > 0).mean(axis=0)
        assert abs(shares - 0.5).max() <= 0.2


def test_one_seed_one_result() -> None:
    assert (hash_centres(10, 48, 3).signs == hash_centres(10, 48, 3).signs).all()
    assert (hash_centres(10, 48, 3).signs != hash_centres(10, 48, 4).signs).any()


def test_more_classes_than_codes() -> None:
    with pytest.raises(UsageError, match="4 bits make 16 codes, too few for 17 classes"):
        hash_centres(17, 4)
    assert hash_centres(16, 4).distance == 1
