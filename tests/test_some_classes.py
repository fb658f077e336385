"""Some classes of a source: nothing of the others is left, and the numbers are new."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dshcli.errors import DshError
from dshcli.hasher.arrays import ArraySource
from dshcli.hasher.data import Dataset, Split, Survey
from dshcli.hasher.some_classes import SomeClasses, split_classes
from dshcli.images.spec import InputSpec
from dshcli.progress import Silent

NAMES = ("ant", "bee", "cat", "dog", "elk")


def source() -> ArraySource:
    labels = np.arange(50) % 5
    split = Split(np.arange(50, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8), labels)
    survey = Survey("animals", NAMES, 50, 8, 1, balanced=True, mirrors=False)
    return ArraySource(survey, Dataset(NAMES, split, None, split.take(np.arange(10))))


def test_only_the_kept_classes_numbered_anew() -> None:
    some = SomeClasses(source(), (1, 4))
    dataset = some.load(InputSpec(8, 1), Silent())
    assert some.survey.classes == dataset.classes == ("bee", "elk") and some.survey.images == len(dataset.train) == 20
    old = dataset.train.inputs[:, 0, 0, 0] % 5
    assert set(old) == {1, 4} and (np.array([1, 4])[dataset.train.labels] == old).all()
    assert dataset.test is not None and dataset.test.labels.tolist() == [0, 1, 0, 1]
    assert dataset.validation is None


def test_a_source_without_test_images() -> None:
    whole = source()
    some = SomeClasses(replace(whole, dataset=replace(whole.dataset, test=None)), (0, 2))
    assert some.load(InputSpec(8, 1), Silent()).test is None


@given(st.integers(4, 300), st.integers(0, 100), st.floats(0.01, 0.99))
def test_split_covers_all_classes_once(classes: int, seed: int, share: float) -> None:
    seen, unseen = split_classes(classes, seed, share)
    assert sorted(seen + unseen) == list(range(classes))
    assert len(seen) >= 2 and len(unseen) >= 2
    assert list(seen) == sorted(seen) and list(unseen) == sorted(unseen)
    assert split_classes(classes, seed, share) == (seen, unseen)


def test_three_quarters_of_ten() -> None:
    seen, unseen = split_classes(10, 0)
    assert len(seen) == 7 and len(unseen) == 3
    assert len({split_classes(10, seed)[1] for seed in range(20)}) > 5


def test_three_classes_cannot_be_divided() -> None:
    with pytest.raises(DshError, match="3 classes are too few"):
        split_classes(3, 0)
