"""Groups of random codes honour what people decided: against a slow reference. What verdicts make of a group."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.codes import hamming
from dshcli.dedupe.by_codes import CodeTerms, group_codes
from dshcli.dedupe.collection import Collection
from dshcli.dedupe.verdicts import Verdicts
from dshcli.library.decisions import Verdict

SAME, BOTH, DIFFERENT = Verdict.SAME, Verdict.BOTH, Verdict.DIFFERENT
BITS = 16


# --- codes alone, against a slow reference -------------------------------------------------------------------------


def digest_of(content: int) -> bytes:
    return bytes([content]) * 32


@st.composite
def worlds(draw: st.DrawFn, verdicts: tuple[Verdict, ...]) -> tuple[Collection, Verdicts, list[int], int]:
    """Up to 14 images of fewer contents with close codes, some of them flat; verdicts among the contents; a radius."""
    count = draw(st.integers(2, 14))
    contents = draw(st.lists(st.integers(0, 11), min_size=count, max_size=count))
    codes = {c: draw(st.sampled_from([0, 1, 3, 7, 15, 31, 63, 96, 255])) for c in sorted(set(contents))}
    packed = np.array([[codes[c], codes[c] // 2] for c in contents], np.uint8)
    ranks = np.array(draw(st.permutations(range(count))))
    digests = np.array([list(digest_of(c)) for c in contents], np.uint8)
    images = Collection(np.arange(count) * 3, packed, ranks, np.ones(count, np.int64), digests)
    pairs = {
        (one, other): v
        for one, other in combinations(sorted(codes), 2)
        if (v := draw(st.none() | st.sampled_from(verdicts)))
    }
    flat = [3 * place for place, content in enumerate(contents) if content == 11]
    told = Verdicts({(digest_of(one), digest_of(other)): v for (one, other), v in pairs.items()})
    return images, told, flat, draw(st.integers(0, 4))


def groups_found(world: tuple[Collection, Verdicts, list[int], int], link: str) -> set[frozenset[tuple[bool, int]]]:
    """The groups as sets of (is the keeper, id)."""
    images, verdicts, flat, radius = world
    found = group_codes(images, CodeTerms(BITS, radius, link, np.array(flat, np.int64), verdicts))
    groups = [found.members[a:b].tolist() for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)]
    assert len(set(sum(groups, []))) == len(sum(groups, []))
    return {frozenset((place == 0, int(images.ids[m])) for place, m in enumerate(group)) for group in groups}


class Slow:
    """The same world, best content first, by definition: `near` and `verdict` of two contents by their numbers."""

    def __init__(self, world: tuple[Collection, Verdicts, list[int], int]) -> None:
        self.images, self.verdicts, self.flat, self.radius = world
        best: dict[bytes, int] = {}
        for place in np.argsort(self.images.ranks).tolist():
            best.setdefault(self.images.digests[place].tobytes(), place)
        self.digests, self.places = list(best), list(best.values())

    def verdict(self, one: int, other: int) -> Verdict | None:
        return self.verdicts.between(self.digests[one], self.digests[other])

    def near(self, one: int, other: int) -> bool:
        a, b = self.places[one], self.places[other]
        lively = not {int(self.images.ids[a]), int(self.images.ids[b])} & set(self.flat)
        return lively and int(hamming(self.images.codes[a], self.images.codes[b])) <= self.radius

    def star(self) -> list[int]:
        keepers: list[int] = []
        for content in range(len(self.digests)):
            fit = [
                keeper
                for keeper in range(content)
                if keepers[keeper] == keeper and self.near(keeper, content) and self.verdict(keeper, content) is None
            ]
            keepers.append(min(fit, default=content))
        return keepers

    def single(self) -> list[int]:
        everything = range(len(self.digests))
        steps = {
            (one, other)
            for one, other in combinations(everything, 2)
            if self.verdict(one, other) in (SAME, BOTH) or (self.near(one, other) and self.verdict(one, other) is None)
        }
        while True:
            keepers = [min(self._reached(content, steps)) for content in everything]
            out = {c for c in everything if self.verdict(keepers[c], c) is DIFFERENT and keepers[c] != c}
            if not out:
                return keepers
            steps = {(a, b) for a, b in steps if (a in out) == (b in out)}

    def _reached(self, start: int, steps: set[tuple[int, int]]) -> set[int]:
        reached = {start}
        while more := {x for pair in steps if reached & set(pair) for x in pair} - reached:
            reached |= more
        return reached

    def groups(self, keepers: list[int]) -> set[frozenset[tuple[bool, int]]]:
        numbers = {digest: number for number, digest in enumerate(self.digests)}
        members: dict[int, list[int]] = {}
        for place in np.argsort(self.images.ranks).tolist():
            members.setdefault(keepers[numbers[self.images.digests[place].tobytes()]], []).append(place)
        return {
            frozenset((place == self.places[keeper], int(self.images.ids[place])) for place in group)
            for keeper, group in members.items()
            if len(group) > 1
        }


@settings(max_examples=300, deadline=None)
@given(world=worlds((DIFFERENT,)))
def test_stars_are_those_without_the_pairs_that_are_different(
    world: tuple[Collection, Verdicts, list[int], int],
) -> None:
    slow = Slow(world)
    assert groups_found(world, "star") == slow.groups(slow.star())


@settings(max_examples=300, deadline=None)
@given(world=worlds((DIFFERENT, SAME, BOTH)))
def test_chains_are_steps_that_are_said_and_none_that_are_different(
    world: tuple[Collection, Verdicts, list[int], int],
) -> None:
    slow = Slow(world)
    assert groups_found(world, "single") == slow.groups(slow.single())


@settings(max_examples=300, deadline=None)
@given(world=worlds((DIFFERENT, SAME, BOTH)), seed=st.integers(0, 2**32 - 1))
def test_stars_with_all_verdicts(world: tuple[Collection, Verdicts, list[int], int], seed: int) -> None:
    """No member is different from its keeper, what is said to be one is together, and the order does not matter."""
    images, verdicts, flat, radius = world
    groups = groups_found(world, "star")
    contents = dict(zip(images.ids.tolist(), (row.tobytes() for row in images.digests), strict=True))
    for group in groups:
        (keeper,) = [contents[id] for first, id in group if first]
        assert all(verdicts.between(keeper, contents[id]) is not DIFFERENT for _, id in group)
    if DIFFERENT not in verdicts.pairs.values():
        of = {contents[id]: group for group in groups for _, id in group}
        for one, other in verdicts.pairs:
            assert of.get(one) == of.get(other) is not None
    order = np.random.default_rng(seed).permutation(len(images.ids))
    shuffled = Collection(*(each[order] for each in vars(images).values()))
    assert groups_found((shuffled, verdicts, flat, radius), "star") == groups


@settings(max_examples=50, deadline=None)
@given(world=worlds((SAME,)), link=st.sampled_from(["star", "single"]))
def test_groups_without_verdicts_stay_as_they_were(
    world: tuple[Collection, Verdicts, list[int], int], link: str
) -> None:
    images, _, flat, radius = world
    elsewhere = Verdicts({(digest_of(101), digest_of(102)): SAME, (digest_of(0), digest_of(103)): DIFFERENT})
    assert groups_found((images, elsewhere, flat, radius), link) == groups_found(
        (images, Verdicts(), flat, radius), link
    )


# --- which groups are settled --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "both", "settled"),
    [
        ("ab", "ab", True),
        ("ab", "", False),
        ("abc", "ab bc", True),
        ("abc", "ab", False),
        ("abcd", "ab cd", False),
        ("abc", "ab xc", False),
        ("aa", "aa", True),
        ("aa", "", False),
        ("abb", "ab", False),
        ("abb", "ab bb", True),
        ("ab", "ab aa", True),
    ],
)
def test_a_group_is_settled_if_all_of_it_was_kept(files: str, both: str, *, settled: bool) -> None:
    pairs = {(pair[0].encode(), pair[1].encode()): BOTH for pair in map(sorted, both.split())}
    assert Verdicts(pairs).settles(Counter(letter.encode() for letter in files)) is settled


@pytest.mark.parametrize(
    ("group", "pairs", "told"),
    [
        ("kb", {"kb": SAME}, SAME),
        ("kb", {"kb": BOTH}, BOTH),
        ("kbc", {"bc": BOTH}, BOTH),  # of an earlier group, which a better keeper joined
        ("kbc", {"bc": BOTH, "bk": SAME}, SAME),
        ("kbc", {"bc": SAME}, None),
        ("kb", {"bc": BOTH}, None),
        ("kbb", {"bb": BOTH}, BOTH),
        ("kb", {"bb": BOTH}, None),
    ],
)
def test_what_is_told_of_a_member(group: str, pairs: dict[str, Verdict], told: Verdict | None) -> None:
    verdicts = Verdicts({(min(p).encode(), max(p).encode()): verdict for p, verdict in pairs.items()})
    assert verdicts.told(b"k", b"b", Counter(letter.encode() for letter in group)) is told
