"""`dsh explain`: all that dsh knows about two images, and why they are one picture to it or two."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dshcli.codes import Codes, hamming
from dshcli.commands.choosing import candidate_radius, choose_indexed, choose_radius, encoder_of, maybe_config
from dshcli.commands.dupes import Dupes, DupesOptions, Group, find_dupes
from dshcli.dedupe.verified import MANY, WAVES_OF_MANY
from dshcli.errors import BadImage, DshError, NoIndex
from dshcli.hasher.devices import CPU, encoder_for
from dshcli.hasher.encoder import AnyEncoder
from dshcli.hasher.models import ModelConfig, find_model
from dshcli.hasher.radii import radius_of
from dshcli.hasher.waves import FAR, FARTHEST, ORIENTATIONS
from dshcli.images.opening import MAX_PIXELS, ORIENTATION, guarded, open_image, opened
from dshcli.images.reading import FileBytes, ensure_image_file
from dshcli.library.decisions import Decision, Decisions
from dshcli.library.store import Index, IndexedModel
from dshcli.progress import Reporter
from dshcli.proof.information import FLAT, information
from dshcli.proof.kinds import Proof


@dataclass(frozen=True)
class ExplainOptions:
    """model, radius: as of dupes; groups: look for the groups of the index that they stand in; jobs: threads for that;
    max_pixels: of a picture to read."""

    model: str | None = None
    radius: int | None = None
    groups: bool = True
    jobs: int = 0
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True)
class Side:
    """One of the two. width, height: upright; orientation: the EXIF tag, 1 to 8; information: 0 to 1; flat: whether
    that is so little that it is grouped by its bytes alone; paths: files of the index with this content; chosen: as a
    keeper."""

    path: str
    digest: bytes
    format: str
    size: int
    width: int
    height: int
    orientation: int
    information: float
    flat: bool
    code: Codes
    paths: tuple[str, ...] = ()
    chosen: bool = False


@dataclass(frozen=True)
class Waves:
    """The longest waves of both, in the nearest orientation of the first: how many of how many differ, and how many may
    of a candidate."""

    orientation: str
    differing: int
    of: int
    limit: int


@dataclass(frozen=True)
class Tried:
    """The best attempt to lay one over the other. All from 0 to 1: share of the detail that agrees, cells in windows
    that are clean, that something covers, that changed. turned_down: although as much agrees as is wanted."""

    attempts: int
    inliers: int
    share: float
    clean: float
    covered: float
    changed: float
    turned_down: bool


@dataclass(frozen=True)
class Place:
    """Where one of the two stands in the groups of the index. role: keeper, copy or kept (decided to stay)."""

    group: int
    images: int
    keeper: str
    why: str
    role: str
    kind: str
    detail: str


@dataclass(frozen=True)
class Explanation:
    """radius: the model's or the one asked for; candidate_radius: what dupes uses; near: whether that and the waves
    make them candidates, and by which ("" if none); verify: whether dupes proves candidates. looked: whether the groups
    of the index were looked at; places: of the first and the second in them."""

    one: Side
    other: Side
    model_id: str
    bits: int
    radius: int
    candidate_radius: int
    images: int
    verify: bool
    distance: int
    waves: Waves | None
    near: str
    proof: Proof
    tried: Tried | None
    decision: Decision | None
    looked: bool
    places: tuple[Place | None, Place | None] = field(default=(None, None))

    @property
    def exact(self) -> bool:
        return self.one.digest == self.other.digest


@dataclass(frozen=True)
class _Model:
    """What makes codes comparable. indexed: None without an index that has codes."""

    model_id: str
    bits: int
    radius: int
    config: ModelConfig | None
    encoder: AnyEncoder
    indexed: IndexedModel | None

    @property
    def rates(self) -> tuple[float, ...]:
        return () if self.config is None else self.config.false_rates


def explain(database: Path, paths: tuple[str, str], options: ExplainOptions, reporter: Reporter) -> Explanation:
    """Compares two image files, indexed or not. Raises DshError if one cannot be read, NoModel, UsageError."""
    files = [_read(path) for path in paths]
    with ExitStack() as stack:
        index = _maybe_index(database, stack)
        model = _model(index, options)
        sides = [_side(path, file, model, index, options) for path, file in zip(paths, files, strict=True)]
        return _explained(index, model, (sides[0], sides[1]), files, options, reporter)


def _explained(
    index: Index | None,
    model: _Model,
    sides: tuple[Side, Side],
    files: list[FileBytes],
    options: ExplainOptions,
    reporter: Reporter,
) -> Explanation:
    one, other = sides
    images = _count(index, model)
    wide = bool(model.rates) and options.radius is None
    reach = candidate_radius(model.rates, images, model.radius) if wide else model.radius
    distance, waves = int(hamming(one.code, other.code)), _waves(model, sides, reach, images, wide=wide)
    proof, tried = _proof(files, options.max_pixels)
    indexed = index is not None and model.indexed is not None and bool(one.paths or other.paths)
    looked = indexed and options.groups
    return Explanation(
        one=one,
        other=other,
        model_id=model.model_id,
        bits=model.bits,
        radius=model.radius,
        candidate_radius=reach,
        images=images,
        verify=bool(model.rates),
        distance=distance,
        waves=waves,
        near="codes" if distance <= reach else "waves" if waves and waves.differing <= waves.limit else "",
        proof=proof,
        tried=tried,
        decision=None if index is None else Decisions(index).find(one.digest, other.digest),
        looked=looked,
        places=_places(index, sides, options, reporter) if index is not None and looked else (None, None),
    )


def _read(path: str) -> FileBytes:
    try:
        return ensure_image_file(path)
    except BadImage as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: BadImage) -> DshError:
    return DshError(f"{path}: {error}", hint="Name two image files that can be read.")


def _maybe_index(database: Path, stack: ExitStack) -> Index | None:
    try:
        return stack.enter_context(Index.open(database))
    except NoIndex:
        return None


def _model(index: Index | None, options: ExplainOptions) -> _Model:
    if index is not None and index.models():
        indexed = choose_indexed(index, options.model)
        radius, config = choose_radius(options.radius, indexed), maybe_config(indexed, options.model)
        return _Model(
            indexed.model_id, indexed.bits, radius, config, encoder_of(indexed, wanted=options.model), indexed
        )
    model = find_model(options.model)
    config = model.config
    as_indexed = IndexedModel(0, model.model_id, config.name, config.bits, radius_of(model.model_id, config.radius))
    radius = choose_radius(options.radius, as_indexed)
    return _Model(model.model_id, config.bits, radius, config, encoder_for(model, device=CPU), None)


def _side(path: str, file: FileBytes, model: _Model, index: Index | None, options: ExplainOptions) -> Side:
    try:
        picture = open_image(file.data, model.encoder.spec, options.max_pixels)
        turn = guarded(file.data, lambda name: _orientation(file.data, name, options.max_pixels))
    except BadImage as error:
        raise _unreadable(path, error) from error
    holds = information(picture.pixels)
    decisions = None if index is None else Decisions(index)
    (code,) = model.encoder.encode(picture.pixels[None])
    return Side(
        path, file.digest, picture.format, file.size, picture.width, picture.height, turn, holds,
        bool(model.rates) and holds < FLAT, np.asarray(code, np.uint8),
        () if decisions is None else tuple(decisions.paths(file.digest)),
        decisions is not None and file.digest in decisions.chosen(),
    )  # fmt: skip


def _orientation(data: bytes, name: str, max_pixels: int) -> int:
    with opened(data, name, max_pixels) as image:
        found = image.getexif().get(ORIENTATION, 1)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _count(index: Index | None, model: _Model) -> int:
    """The images of the index with codes of the model."""
    if index is None or model.indexed is None:
        return 0
    ((count,),) = index.rows("SELECT count(*) FROM codes WHERE model = ?", [model.indexed.key])
    return int(count)  # type: ignore[call-overload,no-any-return]


def _waves(model: _Model, sides: tuple[Side, Side], reach: int, images: int, *, wide: bool) -> Waves | None:
    turns = None if model.config is None else model.config.turns
    if turns is None:
        return None
    upright = turns.upright(sides[1].code[None])
    differing = [int(hamming(turned, upright)[0]) for turned in turns.orientations(sides[0].code[None])]
    limit = FARTHEST if wide else min(turns.within(reach), FAR)
    limit = min(limit, WAVES_OF_MANY) if images > MANY else limit
    best = int(np.argmin(differing))
    return Waves(ORIENTATIONS[best], differing[best], int(np.bitwise_count(turns.upright(_ones(sides))).sum()), limit)


def _ones(sides: tuple[Side, Side]) -> Codes:
    return np.full((1, len(sides[0].code)), 255, np.uint8)


def _proof(files: list[FileBytes], max_pixels: int) -> tuple[Proof, Tried | None]:
    from dshcli.proof.evidence import gather
    from dshcli.proof.prove import attempts, prove

    one, other = (gather(file.data, file.digest, max_pixels) for file in files)
    tried = [] if one.digest == other.digest else attempts(one, other)
    if not tried:
        return prove(one, other), None
    best = max(tried, key=lambda each: (each.judgement.same and not each.another_shot, each.judgement.share))
    judged = best.judgement
    found = Tried(
        len(tried), best.inliers, judged.share, judged.clean, judged.covered, judged.changed, best.another_shot
    )
    return prove(one, other), found


def _places(
    index: Index, sides: tuple[Side, Side], options: ExplainOptions, reporter: Reporter
) -> tuple[Place | None, Place | None]:
    """Where both stand in the groups that dupes finds. All groups are made for that."""
    asked = DupesOptions(options.model, options.radius, jobs=options.jobs, max_pixels=options.max_pixels, decided=True)
    result: Dupes = find_dupes(index, asked, reporter)
    places: list[Place | None] = [None, None]
    for group in result.groups:
        for number, side in enumerate(sides):
            places[number] = places[number] or _place(group, side)
        if all(places):
            break
    return places[0], places[1]


def _place(group: Group, side: Side) -> Place | None:
    total, keeper = 1 + len(group.members), group.keeper
    if keeper.digest == side.digest:
        return Place(group.number, total, keeper.path, group.why, "keeper", "", "")
    for m in group.members:
        if m.image.digest == side.digest:
            role = "kept" if m.kept else "copy"
            return Place(group.number, total, keeper.path, group.why, role, str(m.kind), m.detail)
    return None
