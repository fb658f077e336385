"""Projections of features to bits: worked examples, orthogonality, a loss that never rises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.hasher.itq import (
    fit_itq,
    itq_rotation,
    pca_whitening,
)


def correlated(count: int = 400, dimensions: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, dimensions)) @ rng.standard_normal((dimensions, dimensions)) + 3.0


def test_pca_whitening_by_hand() -> None:
    """Variances 4 along x (points at +-2) and 1 along y, about the mean (10, 20): the axes are x, y over 2, 1."""
    features = np.array([[12, 21], [12, 19], [8, 21], [8, 19]], float)
    projection = pca_whitening(features, 2)
    np.testing.assert_allclose(projection.mean, [10, 20])
    np.testing.assert_allclose(np.abs(projection.matrix), [[0.5, 0], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(np.abs(projection(features)), 1, atol=1e-12)


def test_pca_whitening_makes_the_covariance_one() -> None:
    features = correlated()
    white = pca_whitening(features, 12)(features)
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(12), atol=1e-8)


def test_pca_keeps_the_directions_of_most_variance() -> None:
    rng = np.random.default_rng(1)
    features = rng.standard_normal((500, 5)) * [1, 9, 2, 7, 0.1]
    used = np.abs(pca_whitening(features, 2).matrix).sum(axis=1)
    assert set(np.argsort(used)[-2:]) == {1, 3}


@pytest.mark.parametrize("dimensions", [3, 4])
def test_directions_without_variance_are_refused(dimensions: int) -> None:
    line = np.outer(np.arange(10.0), [1, 2, 3])
    with pytest.raises(ValueError, match="do not vary"):
        pca_whitening(line, dimensions)


def test_itq_turns_a_square_onto_the_corners() -> None:
    """Points on the axes lie halfway between corners; turned by 45 degrees they are corners of length 1, not sqrt 2."""
    points = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], float)
    rotation = itq_rotation(points, iterations=20)
    np.testing.assert_allclose(np.abs(points @ rotation.matrix), np.sqrt(0.5), atol=1e-9)
    assert rotation.losses[-1] == pytest.approx(2 * (1 - np.sqrt(0.5)) ** 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 10))
def test_itq_is_a_rotation_and_its_loss_never_rises(seed: int, bits: int) -> None:
    points = np.random.default_rng(seed).standard_normal((60, bits))
    rotation = itq_rotation(points, iterations=15, seed=seed)
    np.testing.assert_allclose(rotation.matrix @ rotation.matrix.T, np.eye(bits), atol=1e-9)
    assert len(rotation.losses) == 16
    assert (np.diff(rotation.losses) <= 1e-9).all()


def test_itq_loss_is_what_its_name_says() -> None:
    points = correlated(30, 4)
    rotation = itq_rotation(points, iterations=3)
    slow = 0.0
    for point in points @ rotation.matrix:
        slow += sum((value - (1 if value >= 0 else -1)) ** 2 for value in point)
    assert rotation.losses[-1] == pytest.approx(slow / 30)


def test_the_same_seed_gives_the_same_projection_and_another_one_does_not() -> None:
    features = correlated()
    first, again, other = (fit_itq(features, 8, seed=seed).matrix for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_itq_loses_less_than_where_it_began() -> None:
    features = correlated(800, 16)
    white = pca_whitening(features, 8)(features)
    losses = itq_rotation(white).losses
    assert losses[-1] < 0.95 * losses[0]
    projected = fit_itq(features, 8)(features)
    assert np.square(np.abs(projected) - 1).sum() / len(features) == pytest.approx(losses[-1])
