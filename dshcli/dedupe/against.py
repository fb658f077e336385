"""New images against clean ones: a group is one clean image and the new ones that are copies of it.

Clean images are not compared with each other, and neither are new ones: a search between the two finds the candidates.
Whoever calls sees to it that clean images have better ranks than all others.
"""

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, code_bytes
from dshcli.dedupe.by_codes import CodeTerms, Found, beside, flat_contents, rank_contents
from dshcli.dedupe.collection import Collection, Positions, look
from dshcli.dedupe.decided_codes import only_corrected
from dshcli.hasher.waves import Turns
from dshcli.library.store import Index
from dshcli.search.blocks import Pairs
from dshcli.search.candidates import Candidates, cross_candidates, oriented_cross_candidates, united
from dshcli.search.collapse import Distinct, collapse, first_of_each
from dshcli.search.groups import Grouping, Ranked, grouped
from dshcli.search.neighbours import pairs_between
from dshcli.search.words import word_rows


def new_against_clean(codes: Codes, clean: int, bits: int, radius: int, turns: Turns | None, waves: int) -> Candidates:
    """Candidates among codes (n, bytes), best first, the first `clean` of which are those of clean contents: pairs of a
    clean and a new one, the nearest clean one of each new one first."""
    found = cross_candidates(codes, clean, bits, radius)
    if turns is not None:
        turned = oriented_cross_candidates(turns.orientations(codes), clean, turns.width, waves)
        scaled = Pairs(turned.pairs.left, turned.pairs.right, turned.pairs.distances * turns.scale)
        found = united(found, Candidates(scaled, turned.left_out))
    pairs = found.pairs
    return Candidates(pairs.where(np.lexsort((pairs.left, pairs.distances, pairs.right))), found.left_out)


def copies_of_clean(ranked: Ranked, keepers: Positions, clean: npt.NDArray[np.bool_]) -> Ranked:
    """Without new images that are kept by no clean one, and without all but the best of equal clean ones. `keepers`: of
    each content or code; clean: whether each image is, in the order of `ranked`."""
    ids = ranked.distinct.ids
    of_clean = np.zeros(len(keepers), np.bool_)
    of_clean[ids[clean]] = True
    kept = np.where(clean, first_of_each(ids), of_clean[keepers[ids]])
    return Ranked(ranked.order[kept], Distinct(ranked.distinct.columns, ids[kept]))


def against_by_codes(index: Index, images: Collection, clean: Positions, terms: CodeTerms) -> Found:
    """Groups by codes alone: each new image goes to the nearest clean one within the radius, of equally near ones to
    the best. clean: ids. Flat images are grouped only where their bytes are equal. Verdicts correct that."""
    grouping = _decided(images, clean, terms)
    seen = look(index, images, grouping.members)
    if seen.gone:
        images = images.without(seen.gone)
        grouping = _decided(images, clean, terms)
    return Found(images, grouping, len(seen.gone), seen.links)


def _decided(images: Collection, clean: Positions, terms: CodeTerms) -> Grouping:
    found = _group(images, terms.flat, clean, terms.bits, terms.radius)
    if not terms.verdicts.pairs:
        return found
    ranked, digests = rank_contents(images)
    marks = terms.verdicts.marks(digests)
    marks.chosen.clear()  # clean images keep their groups
    flat = flat_contents(ranked, np.isin(images.ids, terms.flat))
    keepers = only_corrected(found, ranked, flat, (terms.bits, terms.radius), marks)
    return grouped(copies_of_clean(ranked, keepers, np.isin(images.ids[ranked.order], clean)), keepers)


def _group(images: Collection, flat: Positions, clean: Positions, bits: int, radius: int) -> Grouping:
    is_flat = np.isin(images.ids, flat)
    lively, others = images.where(~is_flat), images.where(is_flat)
    order = np.argsort(lively.ranks)
    near = _groups_of(lively, Ranked(order, collapse(lively.codes[order])), clean, bits, radius)
    if not len(others.ids):
        return near
    return beside(near, _groups_of(others, rank_contents(others)[0], clean, bits, None), is_flat)


def _groups_of(images: Collection, ranked: Ranked, clean: Positions, bits: int, radius: int | None) -> Grouping:
    """Groups within the radius, or (None) of equal codes or contents alone."""
    is_clean = np.isin(images.ids[ranked.order], clean)
    columns = ranked.distinct.columns
    keepers = np.arange(columns.shape[1])
    if radius is not None:
        count = len(np.unique(ranked.distinct.ids[is_clean]))
        _give_to_nearest(keepers, word_rows(columns)[:, : code_bytes(bits)], count, bits, radius)
    return grouped(copies_of_clean(ranked, keepers, is_clean), keepers)


def _give_to_nearest(keepers: Positions, codes: Codes, clean: int, bits: int, radius: int) -> None:
    """Gives each of the distinct codes to the nearest of the first `clean` ones, the first of equally near ones."""
    nobody = np.iinfo(np.int64).max
    best = np.full(len(codes) - clean, nobody)
    for pairs in pairs_between(codes[:clean], codes[clean:], bits, radius):
        np.minimum.at(best, pairs.right, (pairs.distances.astype(np.int64) << 32) | pairs.left)
    found = np.flatnonzero(best < nobody)
    keepers[clean + found] = best[found] & (2**32 - 1)
