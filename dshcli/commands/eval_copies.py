"""`dsh eval MODEL FOLDER --copies`: how well a model finds copies of one's own photos; the radius for them."""

import shlex
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from dshcli.errors import DshError, UsageError
from dshcli.hasher.copies.calibration import Calibration, look_alike
from dshcli.hasher.copies.judging import CopyFigures, figures_of, hash_copies
from dshcli.hasher.copies.photos import Photos, Read, read_photos
from dshcli.hasher.copies.related import Related, related_photos
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.models import Model, find_model
from dshcli.hasher.radii import StoredRadius, store_radius
from dshcli.images.walk import absolute_root
from dshcli.machine import cores, in_threads
from dshcli.progress import Reporter
from dshcli.proof.information import FLAT, information

MOST_FILES = 5000  # that are read: 12 million pairs
FEWEST_PHOTOS = 50
FEWEST_PAIRS = 1000  # of unrelated photos, that a radius can be told from: FEWEST_PHOTOS have a few more
MOST_FILLERS, FILLERS = 32, 1 / 20  # photos that collages are filled with, and what share of them at most
MILLION = 1e6


@dataclass(frozen=True)
class CopiesOptions:
    """photos: how many are edited, at most; false_per_million: of unrelated pairs, that the radius may join; seed:
    of the choice of photos and of the edits; store: keep the folder's radius for query and dupes."""

    photos: int = 200
    false_per_million: float = 1.0
    seed: int = 0
    store: bool = False


@dataclass(frozen=True)
class CopiesEvaluation:
    """What was found of a folder. photos: how many were looked at, without the `flat` ones, which show next to nothing.

    name: what the model was asked for by, perhaps a folder. figures: without the pairs that may show the same; wary:
    without those that look alike in gray, too, `alike` of them. pairs: unrelated ones of two photos, of which a radius
    needs enough.
    """

    name: str
    model: Model
    folder: str
    options: CopiesOptions
    photos: int
    flat: int
    read: Read
    related: Related
    figures: CopyFigures
    alike: int
    wary: Calibration

    @property
    def own_radius(self) -> int:
        return self.model.config.radius

    @property
    def pairs(self) -> int:
        return self.photos * (self.photos - 1) // 2 - self.related.pairs

    @property
    def told(self) -> bool:
        """Whether there are pairs enough to tell a radius from."""
        return self.pairs >= FEWEST_PAIRS

    @cached_property
    def wanted_radius(self) -> int | None:
        """The radius of this folder; None if it cannot be told, or if even equal codes join too many pairs."""
        calibration = self.figures.calibration
        allowed = self.options.false_per_million / MILLION * (1 + 1e-9)  # but for rounding
        return calibration.radius if self.told and calibration.expected_rate(calibration.radius) <= allowed else None

    def false_pairs(self, radius: int) -> float:
        """Unrelated pairs to expect within a radius among these photos."""
        return self.figures.calibration.expected_rate(radius) * self.photos * (self.photos - 1) / 2


def evaluate_copies(name: str, folder: str | None, options: CopiesOptions, reporter: Reporter) -> CopiesEvaluation:
    """Edits photos of a folder, measures, and stores the radius if asked to.

    Raises UsageError, NoModel, BadModel, DshError.
    """
    _check(options)
    model = find_model(name)
    if folder is None:
        raise UsageError("--copies needs photos", hint=f"Say whose copies: dsh eval {name} ./my-photos --copies")
    encode, threads = Encoder(model).encode, cores()
    read = read_photos([folder], reporter, at_most=MOST_FILES, seed=options.seed)
    photos, fillers = _arranged(_not_flat(read.photos, threads), folder, options.seed)
    edited, shape = min(options.photos, len(photos) - len(fillers)), (model.config.size, model.config.channels)
    codes = hash_copies(encode, shape, photos, fillers, reporter, edited=edited, seed=options.seed, threads=threads)
    related = related_photos(codes, photos, len(fillers), reporter, threads=threads)
    alike = look_alike(photos.grays) | related.mask
    figures, wary = (
        figures_of(
            codes, model.config.bits, left_out, options.false_per_million / MILLION, len(fillers), model.config.distance
        )
        for left_out in (related.mask, alike)
    )
    result = CopiesEvaluation(
        name=name,
        model=model,
        folder=folder,
        options=options,
        photos=len(photos),
        flat=len(read.photos) - len(photos),
        read=read,
        related=related,
        figures=figures,
        alike=(int(alike.sum()) - len(photos)) // 2 - related.pairs,
        wary=wary.calibration,
    )
    if options.store and result.wanted_radius is not None:
        _store(result, result.wanted_radius)
    return result


def ensure_stored(result: CopiesEvaluation) -> None:
    """Raises DshError if a radius was to be stored and there is none."""
    if result.options.store and result.wanted_radius is None:
        raise DshError(
            f"{result.folder} tells no radius for {result.model.model_id}, so none was stored",
            hint=f"To set one yourself: dsh models radius {shlex.quote(result.name)} BITS",
        )


def _store(result: CopiesEvaluation, radius: int) -> None:
    allowed = f"{result.options.false_per_million:g} false per million unrelated pairs"
    origin = f"measured on {result.photos} photos of {absolute_root(result.folder)}, {allowed}"
    store_radius(result.model.model_id, StoredRadius(radius, origin, date.today().isoformat()))


def _check(options: CopiesOptions) -> None:
    if not 0 < options.false_per_million <= MILLION:
        raise UsageError(
            f"--max-false {options.false_per_million:g} is no number of pairs per million",
            hint="Give more than 0 and at most 1000000; 1 is usual.",
        )


def _not_flat(photos: Photos, threads: int) -> Photos:
    """Without blank pictures: any two of them are equal, and `dsh dupes` keeps them apart whatever their codes."""

    def shows_something(number: int) -> bool:
        return information(np.asarray(photos.picture(number))) >= FLAT

    with closing(in_threads(shows_something, range(len(photos)), threads)) as answers:
        return photos.some([number for number, yes in enumerate(answers) if yes])


def _arranged(photos: Photos, folder: str, seed: int) -> tuple[Photos, Photos]:
    """The photos in an order drawn by the seed: the first are edited, the last, returned as well, fill collages."""
    count = len(photos)
    if count < 2:
        raise DshError(
            f"{folder}: {'only one photo' if count else 'no photo'} that shows something; copies are told from others",
            hint=f"Give a folder with more photos: {FEWEST_PHOTOS} or more tell a radius.",
        )
    order = np.random.default_rng(seed).permutation(count).tolist()
    fillers = min(MOST_FILLERS, max(round(count * FILLERS), 1))
    return photos.some(order), photos.some(order[-fillers:])
