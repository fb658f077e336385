"""Candidates for a proof, against a slow reference that follows the definition word by word."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_groups import clustered, distance_matrix

from dshcli.search import candidates
from dshcli.search.candidates import candidate_pairs


def slow_candidates(codes, radius, nearest, best):
    distances = distance_matrix(codes)
    kept, found = [], 0
    for worse in range(len(codes)):
        near = [better for better in range(worse) if distances[better, worse] <= radius]
        found += len(near)
        by_distance = sorted(near, key=lambda better: (distances[better, worse], better))
        chosen = sorted({*by_distance[:nearest], *near[:best]})
        kept += [(better, worse, distances[better, worse]) for better in chosen]
    return kept, found - len(kept)


def as_list(found):
    pairs = found.pairs
    return list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.distances.tolist(), strict=True))


@given(
    bits=st.sampled_from([8, 33, 64, 256]),
    count=st.integers(0, 60),
    seed=st.integers(0, 2**32),
    flips=st.sampled_from([0.0, 0.01, 0.1, 0.5]),
    bounds=st.sampled_from([(1, 0), (0, 1), (3, 2), (16, 8)]),
    at_once=st.sampled_from([1, 50, 1 << 22]),
    share=st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_nearest_and_best_of_each(bits, count, seed, flips, bounds, at_once, share):
    codes = clustered(bits, count, seed, flips)
    radius = round(share * bits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "NEAREST", bounds[0])
        patch.setattr(candidates, "BEST", bounds[1])
        patch.setattr(candidates, "_AT_ONCE", at_once)
        found = candidate_pairs(codes, bits, radius)
    expected, left_out = slow_candidates(codes, radius, *bounds)
    assert as_list(found) == expected
    assert found.left_out == left_out


def test_a_block_of_identical_codes_costs_few_pairs():
    """20,000 identical codes would be 2e8 pairs; each is compared with the 16 best (which are the nearest as well)."""
    found = candidate_pairs(np.zeros((20_000, 8), np.uint8), 64, 5)
    assert len(found.pairs) == 16 * 20_000 - 16 * 17 // 2
    assert found.left_out == 20_000 * 19_999 // 2 - len(found.pairs)
    assert found.pairs.left.max() == 15


def test_refuses_codes_of_another_width():
    with pytest.raises(ValueError, match="expected codes"):
        candidate_pairs(np.zeros((3, 8), np.uint8), 65, 1)
