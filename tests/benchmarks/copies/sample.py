"""Which pictures are originals, which are distractors, and of which pairs nobody knows whether they show the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from dshcli.errors import DshError
from dshcli.hasher.builtin.make_photo import divide
from tests.benchmarks.copies.edits import FILLERS
from tests.benchmarks.copies.edits.canvas import chance

ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
COMMONEST = 0.15  # of the pixels may have one and the same gray level; more, and it is a diagram, page or screen
ALIKE = 0.9  # correlation of two thumbnails above which the pair counts neither way
THUMBNAIL = 24  # pixels
REPEATS = Path(__file__).parent / "repeats.tsv"
DISTRACTORS_PER_ORIGINAL = 18  # at most, where a limit makes the run small


@dataclass(frozen=True)
class Source:
    """A folder of pictures, and which of them may be used, by their names below it."""

    label: str
    root: Path
    names: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """A picture of a source; `name` is the same on every machine."""

    name: str
    path: Path


@dataclass(frozen=True)
class Sample:
    """Originals, distractors, and for each original the distractors that fill its collage (numbers)."""

    originals: tuple[Shown, ...]
    distractors: tuple[Shown, ...]
    fillers: tuple[tuple[int, ...], ...]

    @property
    def shown(self) -> tuple[Shown, ...]:
        """Originals, then distractors: the number of a picture here is its truth."""
        return self.originals + self.distractors


def held_out_photos(root: Path) -> Source:
    """Those photos that the built-in model holds out: neither learned from nor calibrated or chosen by."""
    return Source("photos", root, divide(root).held_out)


def folder(label: str, root: Path) -> Source:
    """All pictures of a folder."""
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix.lower() in ENDINGS)
    return Source(label, root, tuple(sorted(names)))


def draw(sources: Sequence[Source], originals: int, seed: int, limit: int | None = None) -> Sample:
    """As many originals of each source, drawn by chance; all other pictures are distractors.

    With a limit, only the first `limit` originals and a part of the distractors: of the same draw, so that files made
    before are used again. Raises DshError if there is no photo at all.
    """
    rng = chance("sample", seed, *(source.label for source in sources))
    chosen: list[list[Shown]] = []
    rest: list[Shown] = []
    for number, source in enumerate(sources):
        wanted = originals // len(sources) + (number < originals % len(sources))
        first, others = _divided(source, wanted, rng)
        chosen.append(first)
        rest += others
    if not any(chosen):
        raise DshError("there are no photos to take as originals", hint="Name a folder of them: --originals DIR")
    mixed = [picture for together in _in_turn(chosen) for picture in together]
    distractors = [rest[number] for number in rng.permutation(len(rest))]
    if limit is not None:
        mixed, distractors = mixed[:limit], distractors[: limit * DISTRACTORS_PER_ORIGINAL]
    fillers = tuple(_fillers(number, len(distractors)) for number in range(len(mixed)))
    return Sample(tuple(mixed), tuple(distractors), fillers)


def _divided(source: Source, wanted: int, rng: np.random.Generator) -> tuple[list[Shown], list[Shown]]:
    """`wanted` photos of a source in the order of the draw, and all other pictures of it."""
    first: list[Shown] = []
    others: list[Shown] = []
    for number in rng.permutation(len(source.names)):
        name = source.names[number]
        picture = Shown(f"{source.label}/{name}", source.root / name)
        (first if len(first) < wanted and is_photo(picture.path) else others).append(picture)
    return first, others


def _in_turn(lists: list[list[Shown]]) -> list[list[Shown]]:
    longest = max(map(len, lists), default=0)
    return [[items[number] for items in lists if number < len(items)] for number in range(longest)]


def _fillers(number: int, distractors: int) -> tuple[int, ...]:
    return tuple(sorted({(FILLERS * number + k) % distractors for k in range(FILLERS)})) if distractors else ()


def is_photo(path: Path) -> bool:
    """Whether no single gray level takes up much of it, as paper and drawn planes do."""
    with Image.open(path) as image:
        counts = image.convert("L").histogram()
    return max(counts) <= COMMONEST * sum(counts)


def unknown_pairs(sample: Sample, repeats: Path = REPEATS) -> npt.NDArray[np.bool_]:
    """Which pairs of pictures (n, n), numbered as in sample.shown, count neither as the same nor as different.

    Those with nearly the same thumbnail, those that were seen to show the same (a file of repeats), and a collage's
    parts.
    """
    unknown = alike(np.stack([thumbnail(picture.path) for picture in sample.shown]))
    np.fill_diagonal(unknown, False)
    place = {picture.name: number for number, picture in enumerate(sample.shown)}
    for line in repeats.read_text(encoding="utf-8").splitlines()[1:]:
        first, second, _ = line.split("\t")
        if first in place and second in place:
            unknown[place[first], place[second]] = unknown[place[second], place[first]] = True
    _mark_collages(sample, unknown)
    return unknown


def _mark_collages(sample: Sample, unknown: npt.NDArray[np.bool_]) -> None:
    """An original and the fillers of its collage, and two originals whose collages share a filler."""
    owners: dict[int, list[int]] = {}
    for original, fillers in enumerate(sample.fillers):
        for filler in fillers:
            truth = len(sample.originals) + filler
            for other in (truth, *owners.setdefault(truth, [])):
                unknown[original, other] = unknown[other, original] = True
            owners[truth].append(original)


def thumbnail(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("L").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))


def alike(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which pairs of gray thumbnails (n, h, w) correlate above ALIKE."""
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    found = np.empty((len(flat), len(flat)), np.bool_)
    for start in range(0, len(flat), 512):
        found[start : start + 512] = flat[start : start + 512] @ flat.T > ALIKE
    return found
