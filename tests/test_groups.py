"""Groups: the star rule and single linkage against slow references that follow their definitions word by word."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.search import collapse as collapse_module
from dshcli.search import diameter, forest, star
from dshcli.search.blocks import Pairs
from dshcli.search.collapse import collapse
from dshcli.search.forest import Forest
from dshcli.search.groups import single_groups, star_groups
from dshcli.search.words import word_columns, word_rows

WIDTHS = [4, 8, 12, 33, 64, 100, 130, 256, 512]
BOTH = [star_groups, single_groups]


def distance_matrix(codes):
    bits = np.unpackbits(codes, axis=1).astype(np.int64)
    return bits.sum(axis=1)[:, None] + bits.sum(axis=1) - 2 * bits @ bits.T


def slow_stars(codes, radius, preference):
    """[[(member, distance), ...], ...]: image by image in order of preference, each free one takes all free ones."""
    distances = distance_matrix(codes)
    free = set(range(len(codes)))
    groups = []
    for keeper in np.argsort(preference).tolist():
        if keeper in free:
            members = [image for image in free if distances[keeper, image] <= radius]
            free -= set(members)
            groups.append((keeper, members))
    return _in_order(groups, distances, preference)


def slow_components(codes, radius, preference):
    """The same for components, each found by flooding from its best image."""
    distances = distance_matrix(codes)
    free = set(range(len(codes)))
    groups = []
    for keeper in np.argsort(preference).tolist():
        if keeper in free:
            members = _flooded(keeper, distances, radius)
            free -= members
            groups.append((keeper, members))
    return _in_order(groups, distances, preference)


def _flooded(start, distances, radius):
    reached, edge = {start}, [start]
    while edge:
        near = set(np.flatnonzero(distances[edge.pop()] <= radius).tolist()) - reached
        reached |= near
        edge.extend(near)
    return reached


def _in_order(groups, distances, preference):
    return [
        sorted(
            [(member, distances[keeper, member]) for member in members],
            key=lambda hit: (hit[1], preference[hit[0]]),
        )
        for keeper, members in groups
        if len(members) > 1
    ]


def as_lists(groups):
    pairs = list(zip(groups.members.tolist(), groups.distances.tolist(), strict=True))
    return [pairs[start:end] for start, end in zip(groups.starts[:-1], groups.starts[1:], strict=True)]


def clustered(bits, count, seed, flips=0.05, centres=5):
    rng = np.random.default_rng(seed)
    centre_bits = rng.random((centres, bits)) < 0.5
    return np.packbits(centre_bits[rng.integers(0, centres, count)] ^ (rng.random((count, bits)) < flips), axis=1)


def radii(bits):
    """Small ones, at which a join pays, as often as any up to the width."""
    return st.integers(0, min(bits, 12)) | st.integers(0, bits)


@st.composite
def problems(draw):
    bits = draw(st.sampled_from(WIDTHS) | st.integers(4, 512))
    seed = draw(st.integers(0, 2**32))
    codes = clustered(bits, draw(st.integers(0, 50)), seed, draw(st.sampled_from([0.01, 0.05, 0.5])))
    preference = np.random.default_rng(seed).permutation(len(codes)) * draw(st.sampled_from([1, 7])) - 5
    return codes, bits, draw(radii(bits)), preference


def test_worked_example():
    """0000 and 0001 and 0011 and 0111 form a chain of steps of 1; 1111_0000 lies alone."""
    codes = np.array([[0b0000], [0b0001], [0b0011], [0b0111], [0b1111_0000]], dtype=np.uint8)
    best_first = np.arange(5)
    assert as_lists(star_groups(codes, 8, 1, best_first)) == [[(0, 0), (1, 1)], [(2, 0), (3, 1)]]
    assert as_lists(star_groups(codes, 8, 1, np.array([3, 0, 1, 2, 4]))) == [[(1, 0), (2, 1), (0, 1)]]
    chain = single_groups(codes, 8, 1, best_first)
    assert as_lists(chain) == [[(0, 0), (1, 1), (2, 2), (3, 3)]]
    assert (chain.diameters.tolist(), chain.exact.tolist(), chain.weakest_links.tolist()) == (
        [3],
        [True],
        [1],
    )
    assert single_groups(codes, 8, 5, best_first).weakest_links.tolist() == [4]


@given(problems())
@settings(max_examples=100, deadline=None)
def test_stars_follow_their_rule(problem):
    codes, bits, radius, preference = problem
    assert as_lists(star_groups(codes, bits, radius, preference)) == slow_stars(codes, radius, preference)


@given(problems())
@settings(max_examples=100, deadline=None)
def test_components_follow_theirs(problem):
    codes, bits, radius, preference = problem
    groups = single_groups(codes, bits, radius, preference)
    assert as_lists(groups) == slow_components(codes, radius, preference)
    distances = distance_matrix(codes)
    for place, group in enumerate(as_lists(groups)):
        members = [member for member, _ in group]
        among = distances[np.ix_(members, members)]
        assert groups.exact[place]
        assert groups.diameters[place] == among.max()
        hanging = [r for r in range(bits + 1) if len(_flooded(0, among, r)) == len(members)]
        assert groups.weakest_links[place] == hanging[0]


@pytest.mark.parametrize("group", BOTH)
@given(problem=problems(), seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_images_does_not_matter(group, problem, seed):
    codes, bits, radius, preference = problem
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    before = group(codes, bits, radius, preference)
    after = group(codes[shuffled], bits, radius, preference[shuffled])
    assert as_lists(before) == [
        [(int(shuffled[member]), distance) for member, distance in members] for members in as_lists(after)
    ]


@pytest.mark.parametrize("group", BOTH)
@given(problem=problems())
@settings(max_examples=30, deadline=None)
def test_groups_are_disjoint_and_never_of_one(group, problem):
    codes, bits, radius, preference = problem
    groups = group(codes, bits, radius, preference)
    assert len(set(groups.members.tolist())) == len(groups.members)
    assert all(len(members) >= 2 for members in as_lists(groups))
    assert len(groups) == len(as_lists(groups))
    keepers = groups.members[groups.starts[:-1]]
    assert (np.diff(preference[keepers]) > 0).all()
    for start, end in zip(groups.starts[:-1], groups.starts[1:], strict=True):
        assert preference[groups.members[start]] == preference[groups.members[start:end]].min()


@pytest.mark.parametrize("limit", [0, 3, 10, 40])
@pytest.mark.parametrize("radius", [1, 4, 9, 20])
def test_stars_where_the_pairs_are_too_many_to_hold(monkeypatch, limit, radius):
    """Keepers are then chosen a few codes at a time, and the groups must be the same."""
    monkeypatch.setattr(star, "_limit", lambda count: limit)
    monkeypatch.setattr(star, "LEAST_REACH", 3)
    codes = clustered(48, 300, 11, 0.06, 6)
    preference = np.random.default_rng(3).permutation(300)
    expected = slow_stars(codes, radius, preference)
    assert as_lists(star_groups(codes, 48, radius, preference)) == expected
    assert radius == 1 or len(expected) >= 4  # the groups of the far radius are the few clusters themselves


def test_stars_turn_by_turn(monkeypatch):
    monkeypatch.setattr(star, "_TURN", 7)
    codes = clustered(48, 200, 12)
    preference = np.random.default_rng(3).permutation(200)
    assert as_lists(star_groups(codes, 48, 6, preference)) == slow_stars(codes, 6, preference)


def test_forest_that_grows_in_many_steps(monkeypatch):
    """Links of a component found later may be weaker or stronger than those found before."""
    codes = clustered(64, 250, 13, 0.08, 4)
    preference = np.arange(250)
    whole = single_groups(codes, 64, 12, preference)
    rows, columns = np.triu_indices(250, 1)
    distances = distance_matrix(codes)[rows, columns].astype(np.uint16)
    near = np.random.default_rng(0).permutation(np.flatnonzero(distances <= 12))
    grown = Forest(250)
    monkeypatch.setattr(forest, "_enough", lambda nodes: 50)
    grown.add(Pairs(rows[part], columns[part], distances[part]) for part in np.array_split(near, 40))
    keepers = whole.members[whole.starts[:-1]]
    assert len(keepers) > 3
    assert grown.weakest[keepers].tolist() == whole.weakest_links.tolist()
    for start, end in zip(whole.starts[:-1], whole.starts[1:], strict=True):
        assert set(grown.parent[whole.members[start:end]]) == {whole.members[start]}


def test_diameter_of_a_large_component_is_a_lower_bound(monkeypatch):
    monkeypatch.setattr(diameter, "EXACT_CODES", 100)
    codes = clustered(64, 400, 14, 0.1, 1)
    groups = single_groups(codes, 64, 20, np.arange(400))
    truth = distance_matrix(codes)[np.ix_(groups.members, groups.members)].max()
    assert len(groups) == 1 and not groups.exact[0]
    assert truth / 2 <= groups.diameters[0] <= truth
    monkeypatch.setattr(diameter, "EXACT_CODES", 400)
    groups = single_groups(codes, 64, 20, np.arange(400))
    assert groups.exact[0] and groups.diameters[0] == truth


@pytest.mark.parametrize("group", BOTH)
def test_a_block_of_identical_codes_costs_no_pairs(group):
    """200,000 identical images would be 2e10 pairs."""
    codes = np.zeros((200_003, 8), dtype=np.uint8)
    codes[7, 0], codes[9] = 1, 0xFF
    preference = np.arange(200_003)[::-1]
    groups = group(codes, 64, 1, preference)
    assert len(groups) == 1
    assert groups.members[[0, 1, -1]].tolist() == [200_002, 200_001, 7]
    assert len(groups.members) == 200_002
    assert groups.distances.sum() == 1


@pytest.mark.parametrize("group", BOTH)
@pytest.mark.parametrize("bits", [8, 64, 256])
def test_no_image_and_one_image(group, bits):
    for count in (0, 1):
        groups = group(np.zeros((count, bits // 8), np.uint8), bits, bits, np.arange(count))
        assert len(groups) == 0
        assert groups.starts.tolist() == [0]
        assert groups.members.size == groups.distances.size == 0


@pytest.mark.parametrize("group", BOTH)
def test_refuses_preferences_that_rank_nothing(group):
    codes = np.zeros((3, 8), np.uint8)
    with pytest.raises(ValueError, match="same preference"):
        group(codes, 64, 1, np.array([0, 1, 1]))
    with pytest.raises(ValueError, match="whole number"):
        group(codes, 64, 1, np.arange(2))
    with pytest.raises(ValueError, match="whole number"):
        group(codes, 64, 1, np.array([0.0, 1.0, 2.0]))
    with pytest.raises(ValueError, match="expected codes"):
        group(codes, 65, 1, np.arange(3))


@given(problems())
@settings(max_examples=40, deadline=None)
def test_collapse_keeps_every_code_once(problem):
    codes = np.concatenate([problem[0]] * 2)
    distinct = collapse(codes)
    rows = word_rows(distinct.columns)[:, : codes.shape[1]]
    assert (rows[distinct.ids] == codes).all()
    assert len(np.unique(rows, axis=0)) == len(rows)
    firsts = [distinct.ids.tolist().index(place) for place in range(len(rows))]
    assert firsts == sorted(firsts)


def test_collapse_when_different_codes_share_a_hash(monkeypatch):
    codes = clustered(130, 300, 15, 0.01)
    expected = collapse(codes)
    monkeypatch.setattr(collapse_module, "key_hashes", lambda columns, mask: columns[0] & np.uint64(1))
    found = collapse(codes)
    assert (found.ids == expected.ids).all()
    assert (found.columns == expected.columns).all()
    assert expected.columns.shape[1] < 300


def test_words_and_back():
    codes = clustered(100, 20, 16)
    assert (word_rows(word_columns(codes))[:, :13] == codes).all()
