"""`dsh dupes`: groups of images that are one picture, by their codes and by a proof; largest saving first."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dshcli.commands.choosing import (
    candidate_radius,
    chance_warning,
    choose_indexed,
    choose_kinds,
    choose_radius,
    maybe_config,
)
from dshcli.dedupe.by_codes import CodeTerms, Found, Verification, groups_by_codes
from dshcli.dedupe.collection import Positions, collect, rows_of, savings
from dshcli.dedupe.keepers import reason
from dshcli.dedupe.verdicts import CHOICE, SAID_SO, Verdicts, groups_where
from dshcli.dedupe.verified import BY_OTHERS, Terms, verified_groups
from dshcli.hasher.models import ModelConfig
from dshcli.hasher.waves import FARTHEST
from dshcli.images.opening import MAX_PIXELS
from dshcli.library.contents import flat_images
from dshcli.library.decisions import Verdict
from dshcli.library.store import Image, Index, IndexedModel
from dshcli.progress import Reporter, Silent
from dshcli.proof.information import FLAT
from dshcli.proof.kinds import Kind
from dshcli.proof.proving import PixelProver, Prover

SIMILAR = "similar"  # the kind of a member whose code is near, and of which nothing is proven


@dataclass(frozen=True)
class DupesOptions:
    """radius None: the model's own, or a wider one for candidates that are verified; link: star or single; folders:
    only images under these (none: all).

    verify: prove on their pixels that members are the same picture (None: if the model was trained on copies); kinds:
    only members of these kinds (none: all); jobs: threads (0: one a core); max_pixels: of a picture to verify. decided:
    also the groups of which nothing is left to decide.
    """

    model: str | None = None
    radius: int | None = None
    link: str = "star"
    folders: tuple[str, ...] = ()
    verify: bool | None = None
    kinds: tuple[str, ...] = ()
    jobs: int = 0
    max_pixels: int = MAX_PIXELS
    decided: bool = False


@dataclass(frozen=True)
class Member:
    """An image of a group: its distance from the keeper in bits, whether its bytes are the keeper's, and what it is to
    the keeper: a proof.kinds.Kind, or "similar" where nothing is proven; detail: a few words about that, or "".

    verdict: what was decided about it, "same" or "keep both", or "".
    """

    image: Image
    distance: int
    exact: bool
    kind: str
    detail: str
    verdict: str = ""

    @property
    def kept(self) -> bool:
        """Whether it stays, so that it is no file to remove."""
        return self.verdict == Verdict.BOTH


@dataclass(frozen=True)
class Group:
    """Images to be taken for one. The keeper's `why` names the rule that chose it; frees: bytes if the others go."""

    number: int
    keeper: Image
    why: str
    members: tuple[Member, ...]
    frees: int


@dataclass(frozen=True)
class Dupes:
    """All groups, with their totals: copies are the files to remove, settled the groups left out since nothing of them
    is left to decide. `groups` reads the rows of a group only when it is its turn, as `flat_images` does
    the rows of the `flat` images that are left out."""

    model: IndexedModel
    radius: int
    images: int
    missing: int
    warning: str
    count: int
    copies: int
    frees: int
    groups: Iterator[Group]
    verification: Verification | None
    flat: int
    flat_images: Iterator[Image]
    settled: int = 0


def find_dupes(
    index: Index, options: DupesOptions, reporter: Reporter | None = None, prover: Prover | None = None
) -> Dupes:
    """Groups the images of an index. Raises NoIndex, NoModel, UsageError, DshError."""
    model = choose_indexed(index, options.model)
    config = maybe_config(model, options.model)
    rates = () if config is None else config.false_rates
    verify = bool(rates) if options.verify is None else options.verify
    kinds = choose_kinds(options.kinds, verify=verify)
    radius = choose_radius(options.radius, model)
    flat = flat_images(index, FLAT) if rates else np.empty(0, np.int64)
    by_contents = verify or bool(options.kinds)
    verdicts = Verdicts.load(index)
    images = collect(index, model, options.folders, digests=by_contents or len(flat) > 0 or bool(verdicts))
    images = verdicts.chosen_first(images)
    flat = flat[np.isin(flat, images.ids)]
    if not by_contents:
        found = groups_by_codes(index, images, CodeTerms(model.bits, radius, options.link, flat, verdicts))
        return _dupes(index, model, radius, found, flat, _Decided(verdicts, options.decided), verify=False)
    terms = Terms(
        model.bits, radius, flat, kinds, options.link, options.jobs, options.max_pixels, verdicts=verdicts
    )  # fmt: skip
    if config is not None:
        wide = verify and options.radius is None
        terms = _widened(terms, config, len(images.ids)) if wide else _by_waves(terms, config)
    found = verified_groups(index, images, terms, prover or PixelProver(), reporter or Silent())
    return _dupes(index, model, terms.radius, found, flat, _Decided(verdicts, options.decided), verify=verify)


@dataclass(frozen=True)
class _Decided:
    """The verdicts, and whether groups of which nothing is left to decide are shown."""

    verdicts: Verdicts
    shown: bool


def _by_waves(terms: Terms, config: ModelConfig) -> Terms:
    """Also the pictures that are within the radius in another orientation."""
    turns = config.turns
    return terms if turns is None else replace(terms, turns=turns, waves=turns.within(terms.radius))


def _widened(terms: Terms, config: ModelConfig, images: int) -> Terms:
    """Candidates from as far as the budget of proofs allows, around the images that have the most near ones."""
    return replace(
        terms,
        radius=candidate_radius(config.false_rates, images, terms.radius),
        near=terms.radius // 2 if terms.link == "star" else None,  # so near lie plain copies, not changed ones
        turns=config.turns,
        waves=FARTHEST,
    )


def _dupes(
    index: Index,
    model: IndexedModel,
    radius: int,
    found: Found,
    flat: Positions,
    decided: _Decided,
    *,
    verify: bool,
) -> Dupes:
    images, grouping = found.images, found.grouping
    roles = decided.verdicts.roles(images, grouping)
    if not decided.shown:
        found = replace(found, grouping=groups_where(grouping, ~roles.settled))
    kept = images.ids[grouping.members[roles.kept]].tolist()
    grouping = found.grouping
    frees = savings(images, grouping, [*found.links, *kept])
    keepers = grouping.members[grouping.starts[:-1]]
    order = np.lexsort((images.ranks[keepers], -frees))
    return Dupes(
        model=model,
        radius=radius,
        images=len(images.ids),
        missing=found.gone,
        warning="" if verify else chance_warning(len(images.ids), model.bits, radius),
        count=len(order),
        copies=len(grouping.members) - len(order) - int(np.isin(images.ids[grouping.members], kept).sum()),
        frees=int(frees.sum()),
        groups=_groups(index, found, order, frees, decided.verdicts),
        verification=found.verification if verify else None,
        flat=len(flat),
        flat_images=rows_of(index, flat),
        settled=0 if decided.shown else int(roles.settled.sum()),
    )


def _groups(index: Index, found: Found, order: Positions, frees: Positions, verdicts: Verdicts) -> Iterator[Group]:
    images, grouping = found.images, found.grouping
    members = (grouping.members[grouping.starts[g] : grouping.starts[g + 1]] for g in order)
    rows = rows_of(index, images.ids[np.concatenate([*members])]) if len(order) else iter(())
    for number, g in enumerate(order.tolist(), start=1):
        start, stop = grouping.starts[g], grouping.starts[g + 1]
        keeper, *others = [next(rows) for _ in range(stop - start)]
        distances = grouping.distances[start + 1 : stop].tolist()
        contents = Counter([keeper.digest, *(image.digest for image in others)])
        yield Group(
            number=number,
            keeper=keeper,
            why=CHOICE if keeper.digest in verdicts.chosen and len(contents) > 1 else reason(keeper, others),
            members=tuple(
                _member(found, keeper, image, distance, (verdicts, contents))
                for image, distance in zip(others, distances, strict=True)
            ),
            frees=int(frees[g]),
        )


def _member(
    found: Found, keeper: Image, image: Image, distance: int, decided: tuple[Verdicts, Counter[bytes]]
) -> Member:
    verdicts, contents = decided
    verdict = verdicts.told(keeper.digest, image.digest, contents)
    kind, detail = _kind(found, keeper, image, verdicts)
    return Member(image, distance, image.digest == keeper.digest, kind, detail, str(verdict or ""))


def _kind(found: Found, keeper: Image, image: Image, verdicts: Verdicts) -> tuple[str, str]:
    """What an image is to its keeper, and a few words about that."""
    if image.digest == keeper.digest:
        files = verdicts.lapsed.get(image.digest)
        return Kind.EXACT, f"you kept {files} files of it before" if files else ""
    proof = found.proofs.get(image.digest)
    if proof is not None:
        return proof.kind, proof.detail
    if verdicts.between(keeper.digest, image.digest):
        return SIMILAR, SAID_SO
    return SIMILAR, "" if found.verification is None else BY_OTHERS
