"""Groups of contents that are proven to be the same picture: candidates by their codes, a look at their files, proofs.

All that matters here is what files hold, so contents are numbered instead of images: number 0 is that of the best
image. Files of equal bytes are one content and need no proof.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from dshcli.codes import Codes, code_bytes
from dshcli.dedupe.against import copies_of_clean, new_against_clean
from dshcli.dedupe.by_codes import Found, Verification, rank_contents
from dshcli.dedupe.centres import best_keepers, central_first
from dshcli.dedupe.collection import Collection, Look, look
from dshcli.dedupe.correcting import chained, corrected
from dshcli.dedupe.decided_pairs import Partnership, not_different, of_one_colour
from dshcli.dedupe.ranking import Rank, as_ranked, group_ranks, near_another, near_when_turned
from dshcli.dedupe.rules import EachOf, SingleRule, StarRule
from dshcli.dedupe.verdicts import Marks, Verdicts
from dshcli.hasher.waves import Turns
from dshcli.library.proofs import Proofs
from dshcli.library.store import Index
from dshcli.progress import Reporter
from dshcli.proof.kinds import COPIES, Kind, Proof
from dshcli.proof.proving import Files, Prover, Proving, Tally
from dshcli.search.blocks import Pairs, joined
from dshcli.search.candidates import Candidates, Wanted, candidate_pairs, oriented_candidates, united
from dshcli.search.collapse import Distinct, first_of_each
from dshcli.search.groups import Grouping, Ranked, grouped
from dshcli.search.words import Positions, word_rows

BY_OTHERS = "by way of other images"  # the detail of a member that is not proven to its keeper
MANY = 50_000  # contents, from which on pairs by their waves are looked for ...
WAVES_OF_MANY = 8  # ... within so many differing ones alone: of turned pictures those that were not changed much beside


@dataclass(frozen=True)
class Terms:
    """What may be grouped: codes of so many bits within the radius, or in at most so many waves of any orientation, if
    `turns` tells them; flat images (ids) only where their bytes are equal; pairs of these kinds; by which rule.

    jobs, max_pixels: the threads and the largest picture of the proving. near: groups gather around those contents that
    have the most others within it (None: around their keepers, so that no member is farther from its keeper than the
    radius). rank: of the members, once groups have gathered. clean: images (ids, ranked before all others) with which
    alone others are compared. verdicts: what people decided; where they did, no proof and no radius counts.
    """

    bits: int
    radius: int
    flat: Positions
    kinds: frozenset[Kind]
    link: str
    jobs: int
    max_pixels: int
    near: int | None = None
    turns: Turns | None = None
    waves: int = 0
    rank: Rank = as_ranked
    clean: Positions | None = None
    verdicts: Verdicts = field(default_factory=Verdicts)

    def accepts(self, proof: Proof) -> bool:
        return proof.accepted and proof.kind in self.kinds


@dataclass(frozen=True)
class _Contents:
    """Images that have their files, their contents, the candidates among these, what people said of them, and what the
    look at them showed."""

    images: Collection
    ranked: Ranked
    digests: list[bytes]
    candidates: Candidates
    marks: Marks
    seen: Look

    @property
    def files(self) -> Files:
        """The files of all contents that may have to be read."""
        of = np.empty(len(self.images.ids), np.int64)
        of[self.ranked.order] = self.ranked.distinct.ids
        paths: dict[int, list[str]] = {}
        contents = of[np.searchsorted(self.images.ids, list(self.seen.paths))].tolist()
        for content, path in zip(contents, self.seen.paths.values(), strict=True):
            paths.setdefault(content, []).append(path)
        return Files(self.digests, paths)


def verified_groups(index: Index, images: Collection, terms: Terms, prover: Prover, reporter: Reporter) -> Found:
    """Groups in which every member is proven to be the keeper's picture or, with the link `single`, another member's.

    Files that are gone are left out, as are those that changed since they were indexed; what cannot be read is not
    grouped with others. Raises DshError; a KeyboardInterrupt passes, and what was proven is kept.
    """
    by_rank = images
    if terms.near is not None:
        images = central_first(images, terms.bits, terms.near)
    contents, gone, changed = _present(index, images, terms, reporter)
    ranked, candidates = contents.ranked, contents.candidates
    present = by_rank.where(np.isin(by_rank.ids, contents.images.ids))
    keepers, proofs, tally = _prove(
        index, contents, lambda found: group_ranks(terms.rank, present, ranked, found), terms, prover, reporter
    )
    if terms.clean is not None:
        ranked = copies_of_clean(ranked, keepers, np.isin(contents.images.ids[ranked.order], terms.clean))
    ranked = ranked if Kind.EXACT in terms.kinds else _without_equals(ranked, keepers)
    return Found(
        present,
        _measured(grouped(ranked, keepers), present, terms),
        gone,
        contents.seen.links,
        {contents.digests[content]: proof for content, proof in proofs.items()},
        Verification(len(candidates.pairs), candidates.left_out, tally, changed),
    )


def with_candidates_ranked(images: Collection, terms: Terms) -> Collection:
    """The images ranked with the traits of all that may be grouped: for rules by which ranks decide what is grouped."""
    if terms.rank is as_ranked:
        return images
    lively = ~np.isin(images.ids, terms.flat)
    codes = images.codes[lively]
    if terms.clean is None:
        near = near_another(codes, terms.bits, terms.radius)
        if terms.turns is not None:
            near |= near_when_turned(codes, terms.turns, _within(terms.waves, len(codes)))
    else:
        near = np.zeros(len(codes), np.bool_)  # clean images are kept anyway, whichever is the best of them
    return terms.rank(images, np.flatnonzero(lively)[near])


def _measured(grouping: Grouping, images: Collection, terms: Terms) -> Grouping:
    """The groups with the distances of members beyond the radius by their waves, in their own orientation."""
    if terms.turns is None or not len(grouping):
        return grouping
    keepers = np.repeat(grouping.members[grouping.starts[:-1]], np.diff(grouping.starts))
    by_waves = terms.turns.distances(images.codes[grouping.members], images.codes[keepers])
    return replace(grouping, distances=np.where(grouping.distances <= terms.radius, grouping.distances, by_waves))


def _prove(
    index: Index,
    contents: _Contents,
    ranks: Callable[[Positions], Positions],
    terms: Terms,
    prover: Prover,
    reporter: Reporter,
) -> tuple[Positions, dict[int, Proof], Tally]:
    """The keeper of each content, what it is to its keeper by content, and the counts.

    ranks: of the contents, given the keeper of each before the best one is chosen.
    """
    own, pairs, marks = np.arange(len(contents.digests)), contents.candidates.pairs, contents.marks
    if not len(pairs) and not marks.said:
        return own, {}, Tally()
    with Proofs(index, prover.version, reporter.say) as known:
        proving = Proving(prover, contents.files, known, terms.jobs, terms.max_pixels)
        if terms.link == "star":
            keepers, proofs = _star(contents, ranks, proving, terms, reporter)
        else:
            keepers, proofs = _single(contents, proving, terms, reporter)
    if terms.kinds == COPIES:
        return keepers, proofs, proving.tally
    # A member may be of another kind to its keeper than those asked for.
    told = np.isin(own, np.fromiter(proofs, np.int64, len(proofs)))
    return np.where(told, keepers, own), proofs, proving.tally


def _star(
    contents: _Contents,
    ranks: Callable[[Positions], Positions],
    proving: Proving,
    terms: Terms,
    reporter: Reporter,
) -> tuple[Positions, dict[int, Proof]]:
    pairs, marks, own = contents.candidates.pairs, contents.marks, np.arange(len(contents.digests))
    through = terms.near is not None
    rule = StarRule(len(own), pairs, terms.accepts, through=through, different=marks.different)
    with reporter.task("verifying", total=len(pairs), unit="pair") as task:
        proving.run(rule, task)
    partnership = Partnership(pairs, marks, through, proving, terms.accepts, reporter)
    found = rule.keepers.copy()
    for one, other in marks.said:
        found[other] = found[one]  # so that they are ranked as members of groups are
    by_rank = ranks(found) if through else own
    keepers = best_keepers(rule.keepers, rule.proofs, by_rank) if through else rule.keepers
    keepers = corrected(keepers, marks, by_rank, partnership.partners)
    if np.array_equal(keepers, rule.keepers):
        return keepers, rule.proofs
    return keepers, _around_keepers(rule, keepers, proving, terms, reporter)


def _single(
    contents: _Contents, proving: Proving, terms: Terms, reporter: Reporter
) -> tuple[Positions, dict[int, Proof]]:
    marks, count, proofs = contents.marks, len(contents.digests), dict[tuple[int, int], Proof | None]()

    def find(colours: Positions) -> Positions:
        pairs = of_one_colour(contents.candidates.pairs, colours)
        said = [pair for pair in marks.said if colours[pair[0]] == colours[pair[1]]]
        rule = SingleRule(count, pairs, terms.accepts, said=said, proofs=proofs)
        with reporter.task("verifying", total=len(pairs), unit="pair") as task:
            proving.run(rule, task)
        return rule.keepers

    keepers = chained(count, marks, find)
    return keepers, _labels(keepers, proofs, proving, terms, reporter)


def _around_keepers(
    rule: StarRule, keepers: Positions, proving: Proving, terms: Terms, reporter: Reporter
) -> dict[int, Proof]:
    """What each member is to its keeper, by content. One that cannot be proven to a keeper which is not the centre of
    its group is to it what it is to that centre: both show all of one picture."""
    moved = np.flatnonzero((keepers != rule.keepers) & (keepers != np.arange(len(keepers)))).tolist()
    others = EachOf([(int(keepers[content]), content) for content in moved])
    with reporter.task("comparing with keepers", total=len(moved), unit="pair") as task:
        proving.run(others, task)
    proofs = {content: proof for content, proof in rule.proofs.items() if keepers[content] == rule.keepers[content]}
    for (keeper, content), proof in others.proofs.items():
        if proof is not None and terms.accepts(proof):
            proofs[content] = proof
        elif terms.kinds == COPIES and rule.keepers[content] == rule.keepers[keeper]:
            proofs[content] = replace(rule.proofs[content if content in rule.proofs else keeper], detail=BY_OTHERS)
    return proofs


def _present(
    index: Index, images: Collection, terms: Terms, reporter: Reporter
) -> tuple[_Contents, int, list[tuple[str, str]]]:
    """The contents whose files are there, unchanged; the number of files that are gone; the path and reason of those
    that changed. Images that are candidates of nothing are not looked at."""
    gone, changed = 0, list[tuple[str, str]]()
    with reporter.task("looking at files", total=None, unit="file") as task:
        while True:
            ranked, digests = rank_contents(images)
            marks = terms.verdicts.marks(digests)
            if terms.clean is not None:
                marks.chosen.clear()  # clean images keep their groups
            candidates = _candidates(ranked, images.ids[ranked.order], terms)
            candidates = replace(candidates, pairs=not_different(candidates.pairs, marks, len(digests)))
            in_play = np.bincount(ranked.distinct.ids, minlength=len(digests)) > 1
            in_play[candidates.pairs.left] = in_play[candidates.pairs.right] = True
            in_play[[content for pair in marks.said for content in pair]] = True
            seen = look(index, images, ranked.order[in_play[ranked.distinct.ids]])
            task.advance(len(seen.paths))
            if not seen.gone and not seen.changed:
                return _Contents(images, ranked, digests, candidates, marks, seen), gone, sorted(changed)
            gone += len(seen.gone)
            changed += seen.changed.values()
            images = images.without([*seen.gone, *seen.changed])


def _candidates(ranked: Ranked, ids: Positions, terms: Terms) -> Candidates:
    """Pairs of contents that may be proven; ids: of the images in order of preference."""
    if terms.kinds == {Kind.EXACT}:
        return Candidates(joined([]), 0)
    lively = np.ones(ranked.distinct.columns.shape[1], np.bool_)
    lively[ranked.distinct.ids[np.isin(ids, terms.flat)]] = False
    places = np.flatnonzero(lively)
    codes = word_rows(ranked.distinct.columns)[places, : code_bytes(terms.bits)]
    if terms.clean is not None:
        contents, within = np.unique(ranked.distinct.ids[np.isin(ids, terms.clean)]), _within(terms.waves, len(codes))
        found = new_against_clean(codes, int(lively[contents].sum()), terms.bits, terms.radius, terms.turns, within)
    else:
        found = candidate_pairs(codes, terms.bits, terms.radius)
        if terms.turns is not None:
            found = united(found, near_by_waves(codes, terms.turns, terms.waves))
    pairs = found.pairs
    return Candidates(Pairs(places[pairs.left], places[pairs.right], pairs.distances), found.left_out)


def _within(waves: int, codes: int) -> int:
    """How many waves may differ; among many codes only the nearest are looked for, since finding the others takes a
    time that grows with the square of their number."""
    return min(waves, WAVES_OF_MANY) if codes > MANY else waves


def near_by_waves(codes: Codes, turns: Turns, waves: int, wanted: Wanted | None = None) -> Candidates:
    """Pairs of codes whose waves are near in some orientation, among many codes only the nearest ones. With `wanted`,
    of the pairs it takes alone."""
    found = oriented_candidates(turns.orientations(codes), turns.width, _within(waves, len(codes)), wanted)
    pairs = found.pairs
    return Candidates(Pairs(pairs.left, pairs.right, pairs.distances * turns.scale), found.left_out)


def _without_equals(ranked: Ranked, keepers: Positions) -> Ranked:
    """Without the images whose bytes are those of the image that keeps them."""
    ids = ranked.distinct.ids
    kept = first_of_each(ids) | (keepers[ids] != ids)
    return Ranked(ranked.order[kept], Distinct(ranked.distinct.columns, ids[kept]))


def _labels(
    keepers: Positions,
    known: dict[tuple[int, int], Proof | None],
    proving: Proving,
    terms: Terms,
    reporter: Reporter,
) -> dict[int, Proof]:
    """What each member of a chain is to its keeper, by content, where that can be proven. known: by pair."""
    members = [(keeper, content) for content, keeper in enumerate(keepers.tolist()) if keeper != content]
    others = EachOf([pair for pair in members if pair not in known])
    with reporter.task("comparing with keepers", total=len(members), unit="pair") as task:
        proving.run(others, task)
    proofs = known | others.proofs
    return {pair[1]: proof for pair in members if (proof := proofs[pair]) is not None and terms.accepts(proof)}
