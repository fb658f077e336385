"""The rules of proving, told the proofs in any order, against slow references that know all proofs beforehand."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dshcli.dedupe.rules import EachOf, SingleRule, StarRule
from dshcli.proof.kinds import Kind, Proof
from dshcli.search.blocks import Pairs

SAME, OTHER = Proof(Kind.RESIZED), Proof(Kind.LOOK_ALIKE)


def accepts(proof):
    return proof.accepted


@st.composite
def worlds(draw):
    """So many contents, the candidates among them with the proof of each, and an order of telling."""
    count, seed = draw(st.integers(0, 40)), draw(st.integers(0, 2**32))
    rng = random.Random(seed)
    density, share = draw(st.sampled_from([0.02, 0.1, 0.5, 1.0])), draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    pairs = [(a, b) for b in range(count) for a in range(b) if rng.random() < density]
    return count, {p: rng.choices((SAME, OTHER, None), (share, 0.9 - 0.9 * share, 0.1))[0] for p in pairs}, rng


def as_pairs(world):
    left, right = [np.array([pair[side] for pair in world], np.int64) for side in (0, 1)]
    return Pairs(left, right, np.zeros(len(world), np.uint16))


def play(rule, world, rng, flying_at_most=5):
    """Proves as threads would: several pairs at once, finished in any order. Returns the pairs that were proven."""
    flying, proven = [], []
    while True:
        while len(flying) < flying_at_most and (pair := rule.next()) is not None:
            flying.append(pair)
        if not flying:
            return proven
        pair = flying.pop(rng.randrange(len(flying)))
        proven.append(pair)
        rule.tell(*pair, world[pair])


def slow_star(count, world):
    keepers, needed = list(range(count)), []
    free = set(range(count))
    for keeper in range(count):
        if keeper in free:
            for other in range(keeper + 1, count):
                if other in free and (keeper, other) in world:
                    needed.append((keeper, other))
                    if world[keeper, other] is SAME:
                        keepers[other] = keeper
                        free.discard(other)
    return keepers, needed


def slow_components(count, world):
    names = list(range(count))
    for _ in range(count):
        for (left, right), proof in world.items():
            if proof is SAME:
                names[left] = names[right] = min(names[left], names[right])
    return names


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_star_takes_what_is_proven_and_proves_nothing_in_vain(world):
    count, proofs, rng = world
    rule = StarRule(count, as_pairs(proofs), accepts)
    proven = play(rule, proofs, rng)
    keepers, needed = slow_star(count, proofs)
    assert rule.keepers.tolist() == keepers
    assert sorted(proven) == sorted(needed)
    assert rule.done == len(proofs)
    assert {b: rule.proofs[b] for b in rule.proofs} == {b: SAME for b, a in enumerate(keepers) if a != b}


def slow_star_through(count, pairs, proofs):
    keepers = list(range(count))
    for content in range(count):
        tried = set()
        for better in (a for a, b in sorted(pairs) if b == content):
            keeper = keepers[better]
            if keeper not in tried and proofs[keeper, content] is SAME:
                keepers[content] = keeper
                break
            tried.add(keeper)
    return keepers


@given(worlds(), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_a_candidate_that_is_taken_stands_for_its_keeper(world, seed):
    count, some, rng = world
    chance = random.Random(seed)
    proofs = {(a, b): chance.choice((SAME, OTHER, OTHER)) for b in range(count) for a in range(b)} | some
    rule = StarRule(count, as_pairs(some), accepts, through=True)
    proven = play(rule, proofs, rng)
    assert rule.keepers.tolist() == slow_star_through(count, some, proofs)
    assert len(proven) == len(set(proven)) and rule.done == len(some)


def test_star_asks_for_many_pairs_at_once():
    """100 contents that may all be copies of the best: all of them can be compared with it at the same time."""
    world = {(0, b): SAME for b in range(1, 100)} | {(1, b): SAME for b in range(2, 100)}
    rule = StarRule(100, as_pairs(sorted(world, key=lambda pair: pair[::-1])), accepts)
    asked = [rule.next() for _ in range(99)]
    assert asked == [(0, b) for b in range(1, 100)]
    assert rule.next() is None
    for pair in asked:
        rule.tell(*pair, SAME)
    assert rule.next() is None and rule.done == len(world)


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_chains_hang_together_by_proofs_alone(world):
    count, proofs, rng = world
    rule = SingleRule(count, as_pairs(proofs), accepts)
    proven = play(rule, proofs, rng)
    assert rule.keepers.tolist() == slow_components(count, proofs)
    assert len(proven) == len(set(proven)) and rule.done == len(proofs)
    assert rule.proofs == {pair: proofs[pair] for pair in proven}


def test_chains_need_few_proofs_where_all_are_copies():
    world = {(a, b): SAME for b in range(50) for a in range(b)}
    rule = SingleRule(50, as_pairs(world), accepts)
    assert len(play(rule, world, random.Random(0), flying_at_most=1)) == 49


def test_a_kind_that_is_not_wanted_joins_nothing():
    world = {(0, 1): Proof(Kind.CROPPED), (0, 2): SAME, (1, 2): SAME}
    for make in (StarRule, SingleRule):
        rule = make(3, as_pairs(world), lambda proof: proof.kind is Kind.RESIZED)
        play(rule, world, random.Random(0))
        assert rule.keepers.tolist() == ([0, 1, 0] if make is StarRule else [0, 0, 0])


def test_each_of():
    world = {(0, 1): SAME, (0, 2): OTHER, (3, 4): None}
    rule = EachOf(list(world))
    assert play(rule, world, random.Random(0), flying_at_most=1) == list(world)
    assert rule.proofs == world and rule.done == 3
