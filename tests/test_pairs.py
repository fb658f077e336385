"""Pairs within a radius: every engine against all pairs counted bit by bit."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.search import blocks, join
from dshcli.search.blocks import Pairs, in_blocks, joined
from dshcli.search.brute import faiss_pairs, numpy_pairs, sieved_pairs
from dshcli.search.join import join_pairs, make_bands
from dshcli.search.pairs import column_pairs, pairs_within
from dshcli.search.planner import plan_join, plan_pairs
from dshcli.search.words import word_columns, word_rows

WIDTHS = [4, 8, 12, 16, 31, 48, 64, 100, 128, 130, 256, 512]


def codes_near_centres(bits, count, seed, flips=0.1, centres=4):
    """Codes (count, bytes) that are a few centres with some bits flipped, so that pairs of all distances occur."""
    rng = np.random.default_rng(seed)
    centre_bits = rng.random((centres, bits)) < 0.5
    code_bits = centre_bits[rng.integers(0, centres, count)] ^ (rng.random((count, bits)) < flips)
    return np.packbits(code_bits, axis=1)


def distance_matrix(codes):
    """All distances (n, n): the bits set in either code, less twice those set in both."""
    bits = np.unpackbits(codes, axis=1).astype(np.int64)
    return bits.sum(axis=1)[:, None] + bits.sum(axis=1) - 2 * bits @ bits.T


def slow_pairs(codes, radius, leaders=None):
    """{(i, j): distance} of all pairs i < j within the radius, i among the leaders."""
    distances = distance_matrix(codes)
    leaders = len(codes) if leaders is None else leaders
    near = np.argwhere(distances <= radius)
    return {(i, j): distances[i, j] for i, j in near.tolist() if i < j and i < leaders}


def as_dict(parts):
    """{(i, j): distance} of blocks of pairs; fails if a pair comes twice."""
    found = joined(list(parts))
    pairs = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    return dict(zip(pairs, found.distances.tolist(), strict=True))


def test_worked_example():
    codes = np.array([[0b0000_0000], [0b0000_0001], [0b0000_0111], [0b1111_1111]], dtype=np.uint8)
    assert as_dict(pairs_within(codes, 8, 1)) == {(0, 1): 1}
    assert as_dict(pairs_within(codes, 8, 2)) == {(0, 1): 1, (1, 2): 2}
    assert as_dict(pairs_within(codes, 8, 5)) == {(0, 1): 1, (1, 2): 2, (0, 2): 3, (2, 3): 5}


def radii(bits):
    """Small ones, at which a join pays, as often as any up to the width."""
    return st.integers(0, min(bits, 12)) | st.integers(0, bits)


@st.composite
def pair_problems(draw):
    bits = draw(st.sampled_from(WIDTHS) | st.integers(4, 512))
    count = draw(st.integers(0, 60))
    flips = draw(st.sampled_from([0.02, 0.1, 0.5]))
    codes = codes_near_centres(bits, count, draw(st.integers(0, 2**32)), flips)
    return bits, codes, draw(radii(bits)), draw(st.integers(0, count))


@given(pair_problems())
@settings(max_examples=60, deadline=None)
def test_every_engine_finds_the_same_pairs(problem):
    bits, codes, radius, leaders = problem
    columns = word_columns(codes)
    expected = slow_pairs(codes, radius, leaders)
    assert as_dict(numpy_pairs(columns, radius, leaders)) == expected
    assert as_dict(faiss_pairs(columns, radius, leaders)) == expected
    if len(columns) > 1:
        assert as_dict(sieved_pairs(columns, radius, leaders)) == expected
    assert as_dict(column_pairs(columns, bits, radius, leaders)) == expected
    for count in (radius + 1, radius + 2):
        if count <= min(bits, 24):  # more bands with such a radius would be a very large number of keys
            bands = make_bands(bits, count)
            assert as_dict(join_pairs(columns, bands, radius, leaders)) == expected


@pytest.mark.parametrize("bits", [64, 256])
@pytest.mark.parametrize("radius", [0, 2, 5])
@pytest.mark.parametrize("leaders", [40, 3000])
def test_join_with_long_runs_of_one_key(bits, radius, leaders):
    """One dense centre makes runs longer than LONG_RUN, which are compared as a matrix."""
    codes = np.concatenate([codes_near_centres(bits, 400, 1, 0.02, 1), codes_near_centres(bits, 800, 2, 0.03, 90)])
    leaders = min(leaders, len(codes))
    found = join_pairs(word_columns(codes), make_bands(bits, radius + 2), radius, leaders)
    assert as_dict(found) == slow_pairs(codes, radius, leaders)


def test_engines_agree_across_tiles():
    columns = word_columns(codes_near_centres(64, 9000, 5, 0.05, 300))
    bands = make_bands(64, 5)
    expected = as_dict(numpy_pairs(columns, 3, 9000))
    assert len(expected) > 1000
    assert as_dict(faiss_pairs(columns, 3, 9000)) == expected
    assert as_dict(join_pairs(columns, bands, 3, 9000)) == expected
    assert as_dict(faiss_pairs(columns, 3, 700)) == {pair: d for pair, d in expected.items() if pair[0] < 700}


def test_radius_of_all_bits_gives_all_pairs():
    codes = codes_near_centres(12, 50, 3, 0.5)
    assert as_dict(pairs_within(codes, 12, 12)) == slow_pairs(codes, 12)
    assert as_dict(pairs_within(codes, 12, 1000)) == slow_pairs(codes, 12)
    assert len(as_dict(pairs_within(codes, 12, 12))) == 50 * 49 // 2


@pytest.mark.parametrize("engine", [numpy_pairs, faiss_pairs, sieved_pairs])
@pytest.mark.parametrize(("bits", "far"), [(256, 256), (512, 300), (512, 512)])
def test_distances_beyond_one_byte(engine, bits, far):
    """numpy counts bits in uint8, where 256 would look like 0."""
    flipped = (np.arange(bits) < far).astype(np.uint8)
    columns = word_columns(np.packbits(np.stack([np.zeros(bits, np.uint8), flipped]), axis=1))
    assert as_dict(engine(columns, far, 2)) == {(0, 1): far}
    assert as_dict(engine(columns, far - 1, 2)) == {}


def test_codes_with_the_highest_bit_set():
    """Codes of 2^63 and more would be negative as signed integers."""
    codes = np.array([[0xFF] * 8, [0x7F] + [0xFF] * 7, [0xFF] * 7 + [0xFE]], dtype=np.uint8)
    for engine_pairs in (
        pairs_within(codes, 64, 1),
        join_pairs(word_columns(codes), make_bands(64, 3), 1, 3),
    ):
        assert as_dict(engine_pairs) == {(0, 1): 1, (0, 2): 1}


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("bits", [8, 64, 512])
def test_nothing_to_pair(count, bits):
    codes = np.zeros((count, bits // 8), dtype=np.uint8)
    columns = word_columns(codes)
    assert as_dict(pairs_within(codes, bits, 2)) == {}
    assert as_dict(join_pairs(columns, make_bands(bits, 4), 2, count)) == {}
    assert as_dict(faiss_pairs(columns, 2, count)) == {}


def test_refuses_codes_that_are_not_as_stated():
    with pytest.raises(ValueError, match="expected codes"):
        pairs_within(np.zeros((3, 2), dtype=np.uint8), 64, 1)
    with pytest.raises(ValueError, match="expected codes"):
        pairs_within(np.zeros((3, 8), dtype=np.int8), 64, 1)
    with pytest.raises(ValueError, match="radius"):
        pairs_within(np.zeros((3, 8), dtype=np.uint8), 64, -1)


@given(st.integers(4, 512), st.data())
@settings(max_examples=40, deadline=None)
def test_bands_part_the_bits(bits, data):
    count = data.draw(st.integers(1, bits))
    masks = np.unpackbits(word_rows(np.ascontiguousarray(make_bands(bits, count).masks.T)), axis=1)
    assert (masks[:, :bits].sum(axis=0) == 1).all()
    assert not masks[:, bits:].any()
    sizes = masks.sum(axis=1)
    assert sizes.max() - sizes.min() <= 1


def test_bad_hash_costs_candidates_but_no_pairs(monkeypatch):
    """Were all keys to fall on few hashes, the join must still find each pair once, and no other."""
    honest = join.key_hashes

    def coarse(columns, mask):
        return honest(columns, mask) & np.uint64(0b11 << 62)

    monkeypatch.setattr(join, "key_hashes", coarse)
    codes = codes_near_centres(64, 300, 4)
    assert as_dict(join_pairs(word_columns(codes), make_bands(64, 5), 3, 300)) == slow_pairs(codes, 3)


def test_blocks_keep_all_pairs_and_are_large(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", 10)
    parts = [
        Pairs(np.full(size, size), np.arange(size) + size + 1, np.zeros(size, np.uint16)) for size in (3, 0, 9, 4, 2)
    ]
    whole = list(in_blocks(parts))
    assert [len(block) for block in whole] == [12, 6]
    assert as_dict(whole) == as_dict(parts)


def test_plan_joins_at_small_radii_and_not_at_large_ones(monkeypatch):
    monkeypatch.delitem(sys.modules, "faiss", raising=False)
    columns = word_columns(codes_near_centres(64, 60_000, 8, 0.5))
    assert plan_pairs(columns, 64, 2, 60_000).engine == "join"
    assert plan_pairs(columns, 64, 16, 60_000).engine == "faiss"
    assert plan_pairs(columns[:, :500], 64, 2, 500).engine == "numpy"
    assert plan_join(columns, 64, 64, 60_000, within=1e9) is None


def test_plan_sieves_where_few_pairs_pass(monkeypatch):
    """At 384 bits and radius 90, half of the words tell nearly all unrelated pairs apart; at 190 they tell nothing."""
    monkeypatch.delitem(sys.modules, "faiss", raising=False)
    columns = word_columns(codes_near_centres(384, 30_000, 8, 0.5))
    assert plan_pairs(columns, 384, 90, 30_000).engine == "sieve"
    assert plan_pairs(columns, 384, 190, 30_000).engine == "faiss"
    lopsided = columns.copy()
    lopsided[:4] = columns[:4, :1]  # all codes are alike in the words that the sieve looks at
    assert plan_pairs(lopsided, 384, 90, 30_000).engine != "sieve"


def test_plan_sees_that_codes_are_clustered():
    """Codes that differ in 16 bits only are as costly to join as such short codes are."""
    spread = codes_near_centres(64, 60_000, 8, 0.5)
    narrow = spread & np.array([0x11] * 8, dtype=np.uint8)
    joins = [plan_join(word_columns(codes), 64, 2, 60_000, within=1e9) for codes in (spread, narrow)]
    assert joins[0].seconds * 10 < joins[1].seconds
