"""`dsh dupes`: groups of images that are one picture, by their codes and by a proof; largest saving first."""

from collections import Counter
from collections.abc import Iterator, Sequence
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
from dshcli.dedupe.against import against_by_codes
from dshcli.dedupe.by_codes import CodeTerms, Found, Verification, groups_by_codes
from dshcli.dedupe.collection import Positions, Scope, collect, rows_of, savings
from dshcli.dedupe.keep_rules import ByTrait, Chosen, keep_rules
from dshcli.dedupe.keepers import Rule, reason
from dshcli.dedupe.measuring import Measuring
from dshcli.dedupe.ranking import trait_ranks
from dshcli.dedupe.staying import Staying, staying, with_chosen
from dshcli.dedupe.verdicts import CHOICE, SAID_SO, Verdicts, groups_where, members_where
from dshcli.dedupe.verified import BY_OTHERS, Terms, verified_groups, with_candidates_ranked
from dshcli.errors import UsageError
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
    only members of these kinds (none: all); jobs: threads (0: one a core); max_pixels: of a picture to verify.

    keep: the rules by which keepers are chosen (None: the usual ones), see keep_rules.py; protect: folders whose files
    all stay; against: the same, and only other images are compared, with those below them. decided: also the groups of
    which nothing is left to decide; marked: only the members that were decided to be the same, and so to be removed.
    """

    model: str | None = None
    radius: int | None = None
    link: str = "star"
    folders: tuple[str, ...] = ()
    verify: bool | None = None
    kinds: tuple[str, ...] = ()
    jobs: int = 0
    max_pixels: int = MAX_PIXELS
    keep: str | None = None
    protect: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    decided: bool = False
    marked: bool = False


@dataclass(frozen=True)
class Member:
    """An image of a group: its distance from the keeper in bits, whether its bytes are the keeper's, and what it is to
    the keeper: a proof.kinds.Kind, or "similar" where nothing is proven; detail: a few words about that, or "".

    stays: why the image is not to be removed, although it is a copy, or "". verdict: what was decided about it, "same"
    or "keep both", or "".
    """

    image: Image
    distance: int
    exact: bool
    kind: str
    detail: str
    stays: str = ""
    verdict: str = ""

    @property
    def kept(self) -> bool:
        """Whether it stays, so that it is no file to remove."""
        return bool(self.stays) or self.verdict == Verdict.BOTH


@dataclass(frozen=True)
class Group:
    """Images to be taken for one. The keeper's `why` names the rule that chose it; frees: bytes if the others go.

    stays: why the keeper would stay if another image were kept, or "".
    """

    number: int
    keeper: Image
    why: str
    members: tuple[Member, ...]
    frees: int
    stays: str = ""

    @property
    def images(self) -> tuple[Image, ...]:
        """The keeper, then the others."""
        return (self.keeper, *(member.image for member in self.members))


@dataclass(frozen=True)
class Dupes:
    """All groups, with their totals. `groups` reads the rows of a group only when it is its turn, as `flat_images` does
    the rows of the `flat` images that are left out. copies: images that could go; protected: folders whose files stay;
    settled: groups that are left out since nothing of them is left to decide; marked: whether only members are there
    that were decided to be removed.
    """

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
    protected: tuple[str, ...] = ()
    settled: int = 0
    marked: bool = False


def find_dupes(
    index: Index, options: DupesOptions, reporter: Reporter | None = None, prover: Prover | None = None
) -> Dupes:
    """Groups the images of an index. Raises NoIndex, NoModel, UsageError, DshError."""
    choice = _choice(index, options)
    model = choose_indexed(index, options.model)
    config = maybe_config(model, options.model)
    rates = () if config is None else config.false_rates
    verify = bool(rates) if options.verify is None else options.verify
    kinds = choose_kinds(options.kinds, verify=verify)
    radius = choose_radius(options.radius, model)
    flat = flat_images(index, FLAT) if rates else np.empty(0, np.int64)
    by_contents = verify or bool(options.kinds)
    digests = by_contents or len(flat) > 0 or choice.by_traits or bool(choice.verdicts)
    images = collect(index, model, choice.scope, digests=digests, rules=choice.rules)
    flat = flat[np.isin(flat, images.ids)]
    reporter = reporter or Silent()
    rank = trait_ranks(choice.rules, Measuring(index, options.jobs, options.max_pixels, reporter))
    clean = choice.staying.clean
    terms = Terms(
        model.bits, radius, flat, kinds, options.link, options.jobs, options.max_pixels, rank=rank, clean=clean,
        verdicts=choice.verdicts,
    )  # fmt: skip
    if by_contents and config is not None:
        wide = verify and options.radius is None
        terms = _widened(terms, config, len(images.ids)) if wide else _by_waves(terms, config)
    if terms.near is None:
        images = with_candidates_ranked(images, terms)
    by_codes = CodeTerms(model.bits, radius, options.link, flat, choice.verdicts)
    if by_contents:
        found = verified_groups(index, images, terms, prover or PixelProver(), reporter)
    elif clean is not None:
        found = against_by_codes(index, images, clean, by_codes)
    else:
        found = groups_by_codes(index, images, by_codes)
    return _dupes(index, model, terms.radius, found, flat, choice, verify=verify)


@dataclass(frozen=True)
class _Choice:
    """What may go: where duplicates are sought, what stays, the rules for the rest, and what was decided; settled:
    whether groups of which nothing is left to decide are shown; marked: whether only what may go by that is."""

    scope: Scope
    staying: Staying
    rules: tuple[Rule, ...]
    verdicts: Verdicts
    settled: bool
    marked: bool

    @property
    def by_traits(self) -> bool:
        return any(isinstance(rule, ByTrait) for rule in self.rules)


def _choice(index: Index, options: DupesOptions) -> _Choice:
    if options.against and options.link != "star":
        raise UsageError(
            f"--against and --link {options.link} exclude each other",
            hint="Against clean folders, each new image is compared with their images alone: leave out --link.",
        )
    stays, verdicts = staying(index, options.protect, options.against), Verdicts.load(index)
    scope = Scope(options.folders) if stays.clean is None else Scope(options.folders, stays.clean)
    chosen: list[Rule] = [Chosen.load(index, CHOICE)] if verdicts.chosen else []
    # Chosen images come before all others, but for clean ones, around which the groups are.
    first = [*chosen, *stays.rules] if stays.clean is None else [*stays.rules, *chosen]
    stays = with_chosen(index, stays, CHOICE) if chosen else stays
    return _Choice(scope, stays, (*first, *keep_rules(index, options.keep)), verdicts, options.decided, options.marked)


def _by_waves(terms: Terms, config: ModelConfig) -> Terms:
    """Also the pictures that are within the radius in another orientation."""
    turns = config.turns
    return terms if turns is None else replace(terms, turns=turns, waves=turns.within(terms.radius))


def _widened(terms: Terms, config: ModelConfig, images: int) -> Terms:
    """Candidates from as far as the budget of proofs allows, around the images that have the most near ones."""
    return replace(
        terms,
        radius=candidate_radius(config.false_rates, images, terms.radius),
        # So near lie plain copies, not changed ones. Around a clean image its copies gather anyway.
        near=terms.radius // 2 if terms.link == "star" and terms.clean is None else None,
        turns=config.turns,
        waves=FARTHEST,
    )


def _dupes(
    index: Index, model: IndexedModel, radius: int, found: Found, flat: Positions, choice: _Choice, *, verify: bool
) -> Dupes:
    images, roles = found.images, choice.verdicts.roles(found.images, found.grouping)
    stays = np.union1d(choice.staying.ids, images.ids[found.grouping.members[roles.kept]])
    settled = 0
    if choice.marked:
        found = replace(found, grouping=members_where(found.grouping, roles.same))
    elif not choice.settled:
        settled = int(roles.settled.sum())
        found = replace(found, grouping=groups_where(found.grouping, ~roles.settled))
    grouping = found.grouping
    clean = 0 if choice.staying.clean is None else int(np.isin(images.ids, choice.staying.clean).sum())
    frees = savings(images, grouping, np.concatenate([np.asarray(found.links, np.int64), stays]))
    keepers = grouping.members[grouping.starts[:-1]]
    order = np.lexsort((images.ranks[keepers], -frees))
    kept = np.isin(images.ids[grouping.members], stays)
    kept[grouping.starts[:-1]] = True
    return Dupes(
        model=model,
        radius=radius,
        images=len(images.ids),
        missing=found.gone,
        warning="" if verify else chance_warning(len(images.ids), model.bits, radius, clean),
        count=len(order),
        copies=len(kept) - int(kept.sum()),
        frees=int(frees.sum()),
        groups=_groups(index, found, order, frees, choice),
        verification=found.verification if verify else None,
        flat=len(flat),
        flat_images=rows_of(index, flat),
        protected=choice.staying.folders,
        settled=settled,
        marked=choice.marked,
    )


def _groups(index: Index, found: Found, order: Positions, frees: Positions, choice: _Choice) -> Iterator[Group]:
    images, grouping = found.images, found.grouping
    members = (grouping.members[grouping.starts[g] : grouping.starts[g + 1]] for g in order)
    rows = rows_of(index, images.ids[np.concatenate([*members])]) if len(order) else iter(())
    for number, g in enumerate(order.tolist(), start=1):
        start, stop = grouping.starts[g], grouping.starts[g + 1]
        keeper, *others = [next(rows) for _ in range(stop - start)]
        distances = grouping.distances[start + 1 : stop].tolist()
        contents = Counter([keeper.digest, *(image.digest for image in others)] if choice.verdicts else [])
        yield Group(
            number=number,
            keeper=keeper,
            why=_why(keeper, others, choice),
            members=tuple(
                _member(found, keeper, image, distance, contents, choice)
                for image, distance in zip(others, distances, strict=True)
            ),
            frees=int(frees[g]),
            stays=choice.staying.reason(keeper),
        )


def _why(keeper: Image, others: Sequence[Image], choice: _Choice) -> str:
    """Why an image is kept. A choice is about a content: which of its equal files stays is settled by other rules."""
    chosen = choice.staying.clean is None and keeper.digest in choice.verdicts.chosen
    return CHOICE if chosen else reason(keeper, others, choice.rules)


def _member(
    found: Found, keeper: Image, image: Image, distance: int, contents: Counter[bytes], choice: _Choice
) -> Member:
    verdict = choice.verdicts.told(keeper.digest, image.digest, contents)
    kind, detail = _kind(found, keeper, image, choice.verdicts)
    exact, stays = image.digest == keeper.digest, choice.staying.reason(image)
    return Member(image, distance, exact, kind, detail, stays, str(verdict or ""))


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
