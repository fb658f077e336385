"""`dsh leaks`: images that two splits of a data set share, and pictures that stand under two labels."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dshcli.commands.choosing import candidate_radius, chance_warning, choose_indexed, choose_radius
from dshcli.commands.index import index_images
from dshcli.dedupe.collection import Positions, Scope, collect
from dshcli.dedupe.verified import Terms
from dshcli.errors import DshError
from dshcli.hasher.devices import CPU
from dshcli.hasher.models import BUILTIN, Model, find_model
from dshcli.hasher.waves import FARTHEST
from dshcli.images.opening import MAX_PIXELS
from dshcli.images.walk import WalkOptions
from dshcli.library.contents import flat_images
from dshcli.library.indexing import IndexOptions, Ledger
from dshcli.library.store import Index, IndexedModel
from dshcli.progress import Reporter, Silent
from dshcli.proof.information import FLAT
from dshcli.proof.kinds import COPIES
from dshcli.proof.proving import PixelProver, Prover
from dshcli.sets.leaks import Leak, leaks_of
from dshcli.sets.pairs import Paired, find_pairs
from dshcli.sets.splits import Split, open_splits


@dataclass(frozen=True)
class LeaksOptions:
    """radius None: the model's own, or a wider one of candidates that are verified; verify: prove pairs on pixels, or
    (None) if the model was trained on copies; jobs: threads (0: one a core); labels: look for conflicts of labels."""

    model: str | None = None
    radius: int | None = None
    verify: bool | None = None
    jobs: int = 0
    max_pixels: int = MAX_PIXELS
    labels: bool = True


@dataclass(frozen=True)
class Total:
    """How many images of one split another has as well (or, of one and the same split: only conflicts)."""

    split: int
    within: int
    leaks: int
    conflicts: int


@dataclass(frozen=True)
class Leaks:
    """All that was found. images: how many each split has; flat: those that only equal files were sought of."""

    model: IndexedModel
    radius: int
    splits: tuple[Split, ...]
    images: tuple[int, ...]
    ledgers: tuple[Ledger, ...]
    leaks: tuple[Leak, ...]
    conflicts: tuple[Leak, ...]
    totals: tuple[Total, ...]
    flat: int
    found: Paired
    warning: str

    @property
    def affected(self) -> int:
        """Images that leak or are in conflict, each once."""
        return len({leak.image.path for leak in (*self.leaks, *self.conflicts)})


def find_leaks(
    db: Path,
    folders: Sequence[str],
    options: LeaksOptions,
    reporter: Reporter | None = None,
    prover: Prover | None = None,
) -> Leaks:
    """Indexes what is not in the index yet, and compares the splits. Raises UsageError, NoModel, BadModel, DshError."""
    reporter = reporter or Silent()
    splits = open_splits(folders)
    model = _model(options.model, reporter)
    ledgers = tuple(_index(db, split, model, options, reporter) for split in splits)
    with Index.open(db) as index:
        for split, ledger in zip(splits, ledgers, strict=True):
            _ensure_images(split, ledger)
        return _compare(index, splits, ledgers, model, options, reporter, prover)


def _model(wanted: str | None, reporter: Reporter) -> Model:
    """The wanted model; else the current one if it was trained on copies, else the one that is built in."""
    model = find_model(wanted)
    if wanted is None and not model.config.false_rates:
        reporter.say(
            f"the current model, {model.config.name}, tells classes and not copies, so {BUILTIN} looks for leaks; "
            f"to use it all the same: --model {model.config.name}"
        )
        return find_model(BUILTIN)
    return model


def _index(db: Path, split: Split, model: Model, options: LeaksOptions, reporter: Reporter) -> Ledger:
    """A run for each split: in one, a folder that two splits link to would be entered once only."""
    walk = WalkOptions(follow_symlinks=True)  # data sets are often made of links
    indexing = IndexOptions(walk, options.max_pixels, options.jobs)
    return index_images(db, [split.root], str(model.folder), CPU, indexing, reporter)


def _ensure_images(split: Split, ledger: Ledger) -> None:
    if ledger.seen == len(ledger.skipped):
        unread = f", {len(ledger.skipped)} that cannot be read" if ledger.skipped else ""
        raise DshError(
            f"{split.root} has no images{unread}", hint="An empty split would pass every check; see what is in it."
        )


def _compare(
    index: Index,
    splits: tuple[Split, ...],
    ledgers: tuple[Ledger, ...],
    model: Model,
    options: LeaksOptions,
    reporter: Reporter,
    prover: Prover | None,
) -> Leaks:
    indexed = choose_indexed(index, model.model_id)
    rates = model.config.false_rates
    verify = bool(rates) if options.verify is None else options.verify
    images = collect(index, indexed, Scope(tuple(split.root for split in splits)), digests=True)
    flat = flat_images(index, FLAT) if rates else np.empty(0, np.int64)
    terms = _terms(indexed, model, options, images.ids, flat[np.isin(flat, images.ids)], verify=verify)
    prover = (prover or PixelProver()) if verify else None
    found = find_pairs(index, splits, images, terms, prover, reporter, labels=options.labels)
    leaks, conflicts = leaks_of(found)
    conflicts = conflicts if options.labels else []
    return Leaks(
        model=indexed,
        radius=terms.radius,
        splits=splits,
        images=tuple(np.bincount(found.placed.splits, minlength=len(splits)).tolist()),
        ledgers=ledgers,
        leaks=tuple(leaks),
        conflicts=tuple(conflicts),
        totals=tuple(_totals(len(splits), leaks, conflicts)),
        flat=len(terms.flat),
        found=found,
        warning="" if verify else chance_warning(len(images.ids), indexed.bits, terms.radius),
    )


def _terms(
    indexed: IndexedModel, model: Model, options: LeaksOptions, ids: Positions, flat: Positions, *, verify: bool
) -> Terms:
    """How near codes have to be: as for duplicates, with the same budget of proofs."""
    radius, turns, waves = choose_radius(options.radius, indexed), model.config.turns, 0
    if verify and options.radius is None:
        radius, waves = candidate_radius(model.config.false_rates, len(ids), radius), FARTHEST
    elif turns is not None:
        waves = turns.within(radius)
    return Terms(
        indexed.bits,
        radius,
        flat,
        COPIES,
        "star",
        options.jobs,
        options.max_pixels,
        turns=turns if verify else None,
        waves=waves,
    )


def _totals(splits: int, leaks: list[Leak], conflicts: list[Leak]) -> Iterator[Total]:
    """For each pair of splits, the later one first; and for each split that is in conflict with itself."""
    leaked = Counter((leak.image.split, leak.copy.split) for leak in leaks)
    in_conflict = Counter((leak.image.split, leak.copy.split) for leak in conflicts)
    for split in range(splits):
        for within in range(split + 1):
            pair = split, within
            if split != within or in_conflict[pair]:
                yield Total(split, within, leaked[pair], in_conflict[pair])
