"""Neighbours of a query: the scan, the nearest, and many queries at once, against distances counted bit by bit."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.search import blocks, brute
from dshcli.search import neighbours as module
from dshcli.search.neighbours import nearest, neighbours_of_each, neighbours_of_many, neighbours_within
from dshcli.search.planner import Plan

WIDTHS = [4, 8, 12, 16, 24, 31, 48, 64, 100, 128, 130, 256, 260, 512]


def slow_neighbours(query, codes, radius):
    """[(position, distance)] by distance, then position."""
    distances = (np.unpackbits(codes, axis=1) != np.unpackbits(query)).sum(axis=1).tolist()
    return sorted(((at, d) for at, d in enumerate(distances) if d <= radius), key=lambda hit: (hit[1], hit[0]))


def as_list(hits):
    return list(zip(hits.positions.tolist(), hits.distances.tolist(), strict=True))


def radii(bits):
    """Small ones, at which a join pays, as often as any up to the width."""
    return st.integers(0, min(bits, 12)) | st.integers(0, bits)


@st.composite
def queries_and_codes(draw):
    bits = draw(st.sampled_from(WIDTHS) | st.integers(4, 512))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    centre = rng.random(bits) < 0.5
    flips = draw(st.sampled_from([0.05, 0.5]))
    made = [centre ^ (rng.random((draw(st.integers(0, 40)), bits)) < flips) for _ in range(2)]
    queries, codes = (np.packbits(each, axis=1) for each in made)
    return bits, queries, codes, draw(radii(bits))


def test_worked_example():
    codes = np.array([[0b0111], [0b0000], [0b0001], [0b0000]], dtype=np.uint8)
    query = np.array([0], dtype=np.uint8)
    assert as_list(neighbours_within(query, codes, 1)) == [(1, 0), (3, 0), (2, 1)]
    assert as_list(neighbours_within(query, codes, 3)) == [(1, 0), (3, 0), (2, 1), (0, 3)]
    assert as_list(nearest(query, codes, 1)) == [(1, 0)]
    assert as_list(nearest(query, codes, 3)) == [(1, 0), (3, 0), (2, 1)]


@given(queries_and_codes(), st.integers(0, 45))
@settings(max_examples=80, deadline=None)
def test_as_the_slow_reference(problem, count):
    bits, queries, codes, radius = problem
    found = neighbours_of_many(queries, codes, bits, radius)
    assert len(found) == len(queries)
    for place, query in enumerate(queries):
        expected = slow_neighbours(query, codes, radius)
        assert as_list(neighbours_within(query, codes, radius)) == expected
        assert as_list(found[place]) == expected
        assert as_list(nearest(query, codes, count)) == slow_neighbours(query, codes, bits)[:count]


@pytest.mark.parametrize("plan", [Plan("join", 4, 0), Plan("faiss", 0, 0), Plan("numpy", 0, 0), Plan("sieve", 0, 0)])
def test_many_queries_by_each_engine(monkeypatch, plan):
    """Queries that equal codes, and each other, are no neighbours of one another but of the codes."""
    rng = np.random.default_rng(7)
    codes = np.packbits(rng.random((500, 72)) < 0.05, axis=1)
    queries = np.concatenate([codes[:40], codes[:3], rng.integers(0, 256, (9, 9), dtype=np.uint8)])
    monkeypatch.setattr(module, "plan_pairs", lambda *_, **__: plan)
    found = neighbours_of_many(queries, codes, 72, 3)
    lists = [as_list(found[place]) for place in range(len(queries))]
    assert lists == [slow_neighbours(query, codes, 3) for query in queries]
    assert found.starts[-1] == sum(len(each) for each in lists) > 100


def test_scan_in_several_blocks(monkeypatch):
    monkeypatch.setattr(module, "SCAN_BYTES", 64)
    rng = np.random.default_rng(1)
    for width in (1, 3, 8, 13, 16):
        codes = rng.integers(0, 256, (100, width), dtype=np.uint8)
        query = codes[37]
        assert as_list(neighbours_within(query, codes, 3 * width)) == slow_neighbours(query, codes, 3 * width)
        assert as_list(nearest(query, codes, 50)) == slow_neighbours(query, codes, 8 * width)[:50]


@pytest.mark.parametrize("width", [32, 33, 64])
def test_distances_beyond_one_byte(width):
    """numpy counts bits in uint8, where 256 would look like 0."""
    codes = np.stack([np.full(width, 255, np.uint8), np.zeros(width, np.uint8)])
    assert as_list(neighbours_within(codes[1], codes, 255)) == [(1, 0)]
    assert as_list(neighbours_within(codes[1], codes, 8 * width)) == [(1, 0), (0, 8 * width)]
    assert as_list(nearest(codes[1], codes, 2)) == [(1, 0), (0, 8 * width)]
    assert as_list(neighbours_of_many(codes[1:], codes, 8 * width, 8 * width)[0]) == [(1, 0), (0, 8 * width)]


def test_codes_that_are_not_contiguous():
    rows = np.random.default_rng(2).integers(0, 256, (60, 16), dtype=np.uint8)
    for codes in (rows[::3], rows[:, 3:11], np.asfortranarray(rows)):
        assert as_list(neighbours_within(codes[5], codes, 28)) == slow_neighbours(codes[5], codes, 28)


def test_nothing_to_search():
    none, one = np.empty((0, 8), np.uint8), np.zeros((1, 8), np.uint8)
    assert as_list(neighbours_within(one[0], none, 64)) == []
    assert as_list(nearest(one[0], none, 3)) == []
    assert as_list(nearest(one[0], one, 0)) == []
    assert as_list(neighbours_of_many(one, none, 64, 2)[0]) == []
    assert len(neighbours_of_many(none, one, 64, 2)) == 0
    with pytest.raises(IndexError):
        neighbours_of_many(one, one, 64, 2)[1]


def test_refuses_what_does_not_go_together():
    codes = np.zeros((3, 8), np.uint8)
    with pytest.raises(ValueError, match="does not go with"):
        neighbours_within(np.zeros(7, np.uint8), codes, 1)
    with pytest.raises(ValueError, match="does not go with"):
        nearest(np.zeros(8, np.int8), codes, 1)
    with pytest.raises(ValueError, match="radius"):
        neighbours_within(codes[0], codes, -1)
    with pytest.raises(ValueError, match="negative"):
        nearest(codes[0], codes, -1)
    with pytest.raises(ValueError, match="expected codes"):
        neighbours_of_many(codes[:, :7], codes, 64, 1)


def test_one_query_and_small_groups_never_import_faiss():
    script = """
import sys, numpy as np
from dshcli.search.groups import single_groups, star_groups
from dshcli.search.neighbours import neighbours_of_many, neighbours_within
codes = np.random.default_rng(0).integers(0, 256, (200_000, 8), dtype=np.uint8)
neighbours_within(codes[0], codes, 2)
neighbours_of_many(codes[:5], codes, 64, 2)
star_groups(codes[:2000], 64, 10, np.arange(2000))
single_groups(codes[:2000], 64, 10, np.arange(2000))
sys.exit([name for name in ("faiss", "torch", "scipy") if name in sys.modules] or 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@given(queries_and_codes(), st.sampled_from([1, 7, 1 << 22]))
@settings(max_examples=60, deadline=None)
def test_each_query_in_turn_whatever_may_be_held(problem, limit):
    bits, queries, codes, radius = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "HITS_AT_ONCE", limit)
        found = [as_list(hits) for hits in neighbours_of_each(queries, codes, bits, radius)]
    assert found == [slow_neighbours(query, codes, radius) for query in queries]


@pytest.mark.parametrize("plan", [Plan("join", 4, 0), Plan("faiss", 0, 0), Plan("numpy", 0, 0)])
def test_hits_that_are_held_stay_few(monkeypatch, plan):
    """30 queries that each hit 2,000 equal codes: 60,000 hits, of which no more than a few queries' are held."""
    codes, queries = np.zeros((2000, 8), np.uint8), np.zeros((30, 8), np.uint8)
    joined_hits, held = module._joined_hits, []

    def watch(parts, count):
        found = joined_hits(parts, count)
        held.append(len(found.positions))
        return found

    monkeypatch.setattr(module, "plan_pairs", lambda *_, **__: plan)
    monkeypatch.setattr(module, "HITS_AT_ONCE", 9000)
    monkeypatch.setattr(module, "_joined_hits", watch)
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", 1000)
    monkeypatch.setattr(brute, "NUMPY_TILE", (4, 500))
    monkeypatch.setattr(brute, "FAISS_TILE", (4, 500))
    assert [len(hits) for hits in neighbours_of_each(queries, codes, 64, 1)] == [2000] * 30
    assert max(held) <= 9000 + 2000 and len(held) >= 7
