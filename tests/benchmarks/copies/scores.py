"""What a method's codes come to, without any command around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tests.benchmarks.copies.edits import EDITS
from tests.benchmarks.copies.files import COPY, DISTRACTOR, ORIGINAL, TRAP, File
from tests.benchmarks.copies.methods import Method
from tests.benchmarks.copies.pairs import Coded, Ints, Mask, coded, copy_distances, histograms, joined

RATE = 1e-6  # of the unrelated pairs, the most that a threshold may join
OVERALL = "all"
CLOSEST = 100  # pairs that are named


@dataclass(frozen=True)
class Recall:
    """Shares of original-copy pairs found: by edit, by level, and of all pairs alike."""

    edits: dict[str, float]
    levels: dict[str, float]


@dataclass(frozen=True)
class AtThreshold:
    """What happens within a distance. precision: of the pairs of photos within it, those of one truth.

    trap_pairs: pairs of different traps; trap_photo_pairs: a trap and a photo or its copy.
    """

    threshold: int
    recall: Recall
    unrelated_pairs: int
    precision: float
    trap_pairs: int
    trap_photo_pairs: int


@dataclass(frozen=True)
class Score:
    """A method's figures at the threshold of RATE and, if it has one, at its usual distance."""

    method: str
    bits: int
    unread: int
    pairs: int
    at_rate: AtThreshold
    usual: AtThreshold | None
    cpu_milliseconds: float
    closest: tuple[tuple[str, str, int], ...]  # pairs of different pictures, none of them edited; one is an original


@dataclass(frozen=True)
class Roles:
    """The numbers of the files of each kind, ascending."""

    files: Sequence[File]

    def of(self, *roles: str) -> Ints:
        return np.array([n for n, file in enumerate(self.files) if file.role in roles], np.int64)

    @cached_property
    def photos(self) -> Ints:
        return self.of(ORIGINAL, DISTRACTOR, COPY)

    @cached_property
    def copies(self) -> Ints:
        return self.of(COPY)

    @cached_property
    def traps(self) -> Ints:
        return self.of(TRAP)

    @property
    def truths(self) -> Ints:
        return np.array([file.truth for file in self.files], np.int64)


def recall_of(files: Sequence[File], copies: Ints, found: Mask) -> Recall:
    """found (n,): whether each of the copies (numbers, n) was found."""
    names = np.array([files[number].detail for number in copies])
    levels = np.array([LEVEL_OF[name] for name in names])
    by_edit = {edit.name: float(found[names == edit.name].mean()) for edit in EDITS}
    by_level = {level: float(found[levels == level].mean()) for level in dict.fromkeys(LEVEL_OF.values())}
    return Recall(by_edit, by_level | {OVERALL: float(found.mean())})


LEVEL_OF = {edit.name: edit.level for edit in EDITS}


def score(method: Method, files: Sequence[File], codes: list[bytes | None], unknown: Mask, cpu: float) -> Score:
    """codes: one per file; unknown: see pairs.histograms; cpu: milliseconds per image."""
    roles = Roles(files)
    whole = coded(codes, roles.truths, method.bits, method.turns)
    pairs = histograms(whole.of(roles.photos), unknown)
    apart = copy_distances(whole, whole.truths[roles.copies], roles.copies)  # an original's number is its truth

    def at(threshold: int) -> AtThreshold:
        wrong, right = pairs.within(threshold)
        return AtThreshold(
            threshold,
            recall_of(files, roles.copies, apart <= threshold),
            wrong,
            right / max(right + wrong, 1),
            joined(whole, roles.traps, roles.traps, threshold),
            joined(whole, roles.traps, roles.photos, threshold),
        )

    return Score(
        method.name,
        method.bits,
        int((~whole.found).sum()),
        int(pairs.unrelated.sum()),
        at(pairs.threshold(RATE)),
        None if method.usual is None else at(method.usual),
        cpu,
        _closest(files, whole, unknown),
    )


def _closest(files: Sequence[File], whole: Coded, unknown: Mask) -> tuple[tuple[str, str, int], ...]:
    """The pairs to look at, nearest first: those that show the same after all belong into the file of repeats."""
    roles = Roles(files)
    pictures = roles.of(ORIGINAL, DISTRACTOR)  # a picture's number is its truth
    pairs = []
    for original in roles.of(ORIGINAL).tolist():
        later = pictures[(pictures > original) & ~unknown[original, pictures] & whole.found[pictures]]
        apart = whole.distances(whole.words[:, later], whole.words[:, original, None])
        nearest = np.argsort(apart, kind="stable")[:CLOSEST] if whole.found[original] else ()
        pairs += [(int(apart[place]), original, int(later[place])) for place in nearest]
    return tuple((files[a].detail, files[b].detail, apart) for apart, a, b in sorted(pairs)[:CLOSEST])
