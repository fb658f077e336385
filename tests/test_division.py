"""Data divided into training, validation and test, scaled, and gathered."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.hasher.arrays import ArraySource
from dshcli.hasher.data import Dataset, Split, Survey, divide, gathered, stratified
from dshcli.images.spec import InputSpec
from dshcli.progress import Silent


@given(
    labels=st.lists(st.integers(0, 5), min_size=1, max_size=80),
    share=st.floats(0, 1),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_stratified_cuts(labels: list[int], share: float, seed: int) -> None:
    array = np.array(labels, np.int64)
    rest, part = stratified(array, share, np.random.default_rng(seed))
    assert sorted([*rest, *part]) == list(range(len(labels)))
    for label in set(labels):
        count = labels.count(label)
        taken = int((array[part] == label).sum())
        assert taken == min(max(round(share * count), 1), count - 1)
    again = stratified(array, share, np.random.default_rng(seed))
    assert np.array_equal(rest, again[0]) and np.array_equal(part, again[1])


@given(
    rows=st.lists(st.sets(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=60),
    share=st.floats(0, 1),
    seed=st.integers(0, 9),
)
@settings(max_examples=100, deadline=None)
def test_stratified_cuts_of_several_labels(rows: list[set[int]], share: float, seed: int) -> None:
    held = np.array([[label in row for label in range(6)] for row in rows])
    rest, part = stratified(held, share, np.random.default_rng(seed))
    assert sorted([*rest, *part]) == list(range(len(rows)))
    total, in_rest, in_part = (held[places].sum(axis=0) for places in (range(len(rows)), rest, part))
    assert ((in_rest > 0) == (total > 0)).all()
    for label in np.flatnonzero((total > 1) & (in_part == 0)):
        # only because each of its images is the last that training has of some other label
        for image in np.flatnonzero(held[:, label]):
            assert (in_rest[held[image]] == 1).any()
    again = stratified(held, share, np.random.default_rng(seed))
    assert np.array_equal(rest, again[0]) and np.array_equal(part, again[1])


@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=60), share=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_rows_of_one_label_are_cut_like_class_numbers(labels: list[int], share: float) -> None:
    held = np.array(labels)[:, None] == np.arange(6)
    _, part = stratified(held, share, np.random.default_rng(0))
    _, by_number = stratified(np.array(labels), share, np.random.default_rng(0))
    assert held[part].sum(axis=0).tolist() == np.bincount(np.array(labels)[by_number], minlength=6).tolist()


def test_division_of_several_labels_by_hand() -> None:
    """Label 0 is on all, 1 on two, 2 on one: the image of 2 stays, one of 1 goes, and 0 has its share by then."""
    held = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 0], [1, 0, 0]], bool)
    for seed in range(10):
        _, part = stratified(held, 0.2, np.random.default_rng(seed))
        assert part.tolist() in ([0], [1])


def test_division_takes_what_the_data_bring() -> None:
    def split(n: int) -> Split:
        return Split(np.arange(n, dtype=np.uint8).reshape(n, 1, 1, 1), np.arange(n) % 2)

    own = Dataset(("a", "b"), split(40), split(6), split(8))
    parts = divide(own, 0)
    assert parts.own_test and parts.own_validation and len(parts.train) == 40

    none = divide(replace(own, validation=None, test=None), 0)
    assert not none.own_test and not none.own_validation
    seen = [part.inputs.ravel().tolist() for part in (none.train, none.validation, none.test)]
    assert sorted(sum(seen, [])) == list(range(40)) and [len(s) for s in seen] == [32, 4, 4]


def test_arrays_are_scaled_to_what_a_network_wants() -> None:
    images = np.full((3, 28, 28, 1), 77, np.uint8)
    survey = Survey("flat", ("a", "b"), 3, 28, 1, balanced=True, mirrors=True)
    source = ArraySource(survey, Dataset(("a", "b"), Split(images, np.array([0, 1, 0])), None, None))
    scaled = source.load(InputSpec(40, 3), Silent())
    assert scaled.train.inputs.shape == (3, 40, 40, 3) and (scaled.train.inputs == 77).all()
    assert source.load(InputSpec(28, 1), Silent()).train.inputs is images


def test_features_are_gathered_in_order() -> None:
    images = [np.full((2, 2, 1), i, np.uint8) for i in range(150)]
    means = gathered(iter(images), 150, (2, 2, 1), lambda pixels: pixels.mean((1, 2, 3), dtype=np.float32))
    assert means.tolist() == list(range(150))
    assert gathered(iter(images[:2]), 150, (2, 2, 1), None).shape == (2, 2, 2, 1)
