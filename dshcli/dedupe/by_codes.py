"""Groups by codes alone; and what every way of grouping finds."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dshcli.dedupe.collection import Collection, look
from dshcli.dedupe.decided_codes import with_marks
from dshcli.dedupe.verdicts import Verdicts
from dshcli.library.store import Index
from dshcli.proof.kinds import Proof
from dshcli.proof.proving import Tally
from dshcli.search.collapse import Distinct, collapse
from dshcli.search.groups import Grouping, Ranked, grouped, single_groups, star_groups
from dshcli.search.words import Columns, word_columns

LINKS: dict[str, Callable[..., Grouping]] = {"star": star_groups, "single": single_groups}


@dataclass(frozen=True)
class Verification:
    """How candidates became groups. candidates: pairs of contents within the radius; left_out: those beyond the bound
    on candidates of one content; changed: path and reason, of files that are not as they were indexed."""

    candidates: int
    left_out: int
    tally: Tally
    changed: list[tuple[str, str]]


@dataclass(frozen=True)
class Found:
    """Groups of `images`, those without a file left out; their number and the ids of hard links. proofs: why a content
    stands in its group, by its digest."""

    images: Collection
    grouping: Grouping
    gone: int
    links: list[int]
    proofs: dict[bytes, Proof] = field(default_factory=dict)
    verification: Verification | None = None


@dataclass(frozen=True)
class CodeTerms:
    """What is grouped by codes: those of so many bits within the radius, by a link of LINKS; flat images (ids) only
    where their bytes are equal; and as people decided."""

    bits: int
    radius: int
    link: str
    flat: npt.NDArray[np.int64]
    verdicts: Verdicts = field(default_factory=Verdicts)


def groups_by_codes(index: Index, images: Collection, terms: CodeTerms) -> Found:
    """Groups whose codes lie within the radius, corrected by verdicts."""
    grouping = group_codes(images, terms)
    seen = look(index, images, grouping.members)
    if seen.gone:
        images = images.without(seen.gone)
        grouping = group_codes(images, terms)
    return Found(images, grouping, len(seen.gone), seen.links)


def group_codes(images: Collection, terms: CodeTerms) -> Grouping:
    """The groups, whatever became of the files."""
    flat = np.isin(images.ids, terms.flat)
    found = _by_codes(images, flat, terms.bits, terms.radius, terms.link)
    if not terms.verdicts.pairs:
        return found
    ranked, digests = rank_contents(images)
    marks = terms.verdicts.marks(digests)
    if not marks.marked:
        return found
    return with_marks(found, ranked, flat_contents(ranked, flat), (terms.bits, terms.radius), terms.link, marks)


def _by_codes(images: Collection, flat: npt.NDArray[np.bool_], bits: int, radius: int, link: str) -> Grouping:
    if not flat.any():
        return LINKS[link](images.codes, bits, radius, images.ranks)
    others = images.where(~flat)
    near = LINKS[link](others.codes, bits, radius, others.ranks)
    contents, _ = rank_contents(images.where(flat))
    return beside(near, grouped(contents, np.arange(contents.distinct.columns.shape[1])), flat)


def beside(near: Grouping, equal: Grouping, flat: npt.NDArray[np.bool_]) -> Grouping:
    """Groups among the images that are not flat, and then those among the flat ones, as groups of all images."""
    return Grouping(
        np.concatenate([near.starts, near.starts[-1] + equal.starts[1:]]),
        np.concatenate([np.flatnonzero(~flat)[near.members], np.flatnonzero(flat)[equal.members]]),
        np.concatenate([near.distances, equal.distances]),
    )


def flat_contents(ranked: Ranked, flat: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which contents are flat, given which images are."""
    of_contents = np.zeros(ranked.distinct.columns.shape[1], np.bool_)
    of_contents[ranked.distinct.ids[flat[ranked.order]]] = True
    return of_contents


def rank_contents(images: Collection) -> tuple[Ranked, list[bytes]]:
    """The images in order of preference, and the distinct contents among them with their codes; and their digests."""
    order = np.argsort(images.ranks)
    ids = collapse(images.digests[order]).ids
    firsts = order[np.unique(ids, return_index=True)[1]]
    columns: Columns = word_columns(images.codes[firsts])
    return Ranked(order, Distinct(columns, ids)), [digest.tobytes() for digest in images.digests[firsts]]
