"""Which images of a data set are one picture although they should not be: in two splits, or under two labels.

Not by groups: every pair of contents that lie in different splits, or under different labels, is a candidate of its own
if their codes are near, and each candidate is proven. So a picture that is a copy of two others, which are no copies of
each other, is found with both; what is found does not depend on the order of anything; and nothing is spent on pairs
that do no harm, such as two copies in one class of the training images. Bounded as search/candidates has it: of each
content the nearest ones and the first.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dshcli.dedupe.by_codes import rank_contents
from dshcli.dedupe.collection import Collection, Look, look
from dshcli.dedupe.rules import EachOf
from dshcli.dedupe.verified import Terms, near_by_waves
from dshcli.library.decisions import Decisions, Verdict
from dshcli.library.proofs import Proofs
from dshcli.library.store import Index
from dshcli.progress import Reporter
from dshcli.proof.kinds import Kind, Proof
from dshcli.proof.proving import Files, Prover, Proving, Tally
from dshcli.search.blocks import Pairs
from dshcli.search.candidates import Candidates, Wanted, candidate_pairs, united
from dshcli.search.words import Positions, word_rows
from dshcli.sets.splits import Split

SIMILAR = "similar"  # the kind of a pair whose codes are near, and of which nothing is proven


@dataclass(frozen=True)
class Placed:
    """The images of all splits that have their files, in the order of splits, then paths: path, number of the split and
    label ("": none) of each, and its content, numbered as contents come first in that order."""

    paths: tuple[str, ...]
    splits: Positions
    labels: tuple[str, ...]
    contents: Positions


@dataclass(frozen=True)
class Pair:
    """Two contents, left < right, that are one picture; what the right one is to the left one."""

    left: int
    right: int
    kind: str
    detail: str
    distance: int


@dataclass(frozen=True)
class Paired:
    """All pairs, of the contents of `placed`. candidates: how many were near; left_out: those beyond the bound; tally:
    of the proofs (None: nothing was to be proven); gone: images whose file is gone; changed: path and reason."""

    placed: Placed
    pairs: tuple[Pair, ...]
    candidates: int
    left_out: int
    tally: Tally | None
    gone: int
    changed: tuple[tuple[str, str], ...]


def find_pairs(
    index: Index,
    splits: Sequence[Split],
    images: Collection,
    terms: Terms,
    prover: Prover | None,
    reporter: Reporter,
    *,
    labels: bool,
) -> Paired:
    """The pairs of `images`, which lie in the splits. labels: also those within a split that have two labels; prover:
    None takes near codes for pairs. Raises DshError; a KeyboardInterrupt passes, and what was proven is kept."""
    with reporter.task("looking at files", total=None, unit="file") as task:
        seen = look(index, images, np.arange(len(images.ids)))
        task.advance(len(seen.paths))
    images = images.without([*seen.gone, *seen.changed])
    ids, placed, digests, codes = _placed(images, splits, seen)
    flat = np.zeros(len(codes), np.bool_)
    flat[placed.contents[np.isin(ids, terms.flat)]] = True
    found = _candidates(codes, np.flatnonzero(~flat), _places(placed, labels=labels), terms)
    found = _undecided(index, found, digests)
    if prover is None:
        pairs, tally = _unproven(found.pairs), None
    else:
        paths: dict[int, list[str]] = {}
        for content, path in zip(placed.contents.tolist(), placed.paths, strict=True):
            paths.setdefault(content, []).append(path)
        pairs, tally = _proven(index, Files(digests, paths), found.pairs, terms, prover, reporter)
    changed = tuple(sorted(seen.changed.values()))
    return Paired(placed, tuple(pairs), len(found.pairs), found.left_out, tally, len(seen.gone), changed)


def _placed(
    images: Collection, splits: Sequence[Split], seen: Look
) -> tuple[Positions, Placed, list[bytes], npt.NDArray[np.uint8]]:
    """The images' ids and places in their order, and the digest and code of each content."""
    paths = [seen.paths[id] for id in images.ids.tolist()]
    numbers = [next(n for n, split in enumerate(splits) if path.startswith(split.below)) for path in paths]
    order = sorted(range(len(paths)), key=lambda place: (numbers[place], os.fsencode(paths[place])))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    ranked, digests = rank_contents(replace(images, ranks=ranks))
    codes = word_rows(ranked.distinct.columns)[:, : images.codes.shape[1]]
    placed = Placed(
        tuple(paths[place] for place in order),
        np.array([numbers[place] for place in order], np.int64),
        tuple(splits[numbers[place]].label(paths[place]) for place in order),
        ranked.distinct.ids,
    )
    return images.ids[order], placed, digests, codes


def _places(placed: Placed, *, labels: bool) -> Positions:
    """A number for each content: two contents with the same one lie in one split (with labels: under one label of it)
    and nowhere else."""
    numbers: dict[tuple[int, str], int] = {}
    places = np.full(placed.contents.max(initial=-1) + 1, -1, np.int64)
    for content, split, label in zip(placed.contents.tolist(), placed.splits.tolist(), placed.labels, strict=True):
        place = numbers.setdefault((split, label if labels else ""), len(numbers))
        if places[content] not in (-1, place):
            place = -2 - content  # several places: no other content has this number
        places[content] = place
    return places


def _candidates(codes: npt.NDArray[np.uint8], lively: Positions, places: Positions, terms: Terms) -> Candidates:
    """Pairs of near codes, among those that are lively, in two places."""
    codes, places = codes[lively], places[lively]

    def apart(left: Positions, right: Positions) -> npt.NDArray[np.bool_]:
        return np.asarray(places[left] != places[right])

    wanted: Wanted = apart
    found = candidate_pairs(codes, terms.bits, terms.radius, wanted)
    if terms.turns is not None:
        found = united(found, near_by_waves(codes, terms.turns, terms.waves, wanted))
    pairs = found.pairs
    return Candidates(Pairs(lively[pairs.left], lively[pairs.right], pairs.distances), found.left_out)


def _undecided(index: Index, found: Candidates, digests: list[bytes]) -> Candidates:
    """Without the pairs that people have decided to be two pictures."""
    decided = {(d.one, d.other) for d in Decisions(index).all() if d.verdict is Verdict.DIFFERENT}
    if not decided:
        return found
    pairs = found.pairs
    both = ((digests[left], digests[right]) for left, right in zip(pairs.left, pairs.right, strict=True))
    kept = np.array([(min(pair), max(pair)) not in decided for pair in both], np.bool_)
    return Candidates(Pairs(pairs.left[kept], pairs.right[kept], pairs.distances[kept]), found.left_out)


def _unproven(pairs: Pairs) -> list[Pair]:
    return [
        Pair(left, right, SIMILAR, "", distance)
        for left, right, distance in zip(
            pairs.left.tolist(), pairs.right.tolist(), pairs.distances.tolist(), strict=True
        )
    ]


def _proven(
    index: Index, files: Files, pairs: Pairs, terms: Terms, prover: Prover, reporter: Reporter
) -> tuple[list[Pair], Tally]:
    """The pairs that are proven to be one picture."""
    rule = EachOf(list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)))
    with Proofs(index, prover.version, reporter.say) as known:
        proving = Proving(prover, files, known, terms.jobs, terms.max_pixels)
        with reporter.task("verifying", total=len(pairs), unit="pair") as task:
            proving.run(rule, task)
    proven = []
    for candidate in _unproven(pairs):
        proof: Proof | None = rule.proofs[candidate.left, candidate.right]
        if proof is not None and terms.accepts(proof):
            proven.append(replace(candidate, kind=str(proof.kind), detail=proof.detail))
    return proven, proving.tally


_CERTAINTY = {str(kind): place for place, kind in enumerate(Kind)} | {SIMILAR: len(Kind)}


def certainty(kind: str) -> int:
    """0 for the most certain kind of pair, then more and more."""
    return _CERTAINTY[kind]
