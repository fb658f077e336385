"""What groups of files are worth: pairs that belong together, pairs that do not, copies beside their original."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tests.benchmarks.copies.files import SAVED_TRAP, TRAP, File
from tests.benchmarks.copies.pairs import Mask
from tests.benchmarks.copies.scores import Recall, Roles, recall_of


@dataclass(frozen=True)
class Largest:
    """A group's size, and how many files there are of the truth that most of its files have."""

    size: int
    of_truth: int


@dataclass(frozen=True)
class Groups:
    """right, wrong, unknown: pairs of photos and copies within groups; wrong ones with traps are counted apart.

    precision: right of right and wrong. trap_pairs: pairs of different traps; trap_photo_pairs: a trap and a photo or
    copy. mixed: groups that hold photos of different truths that are not unknown; too_large: groups of more files than
    their truth has. saved_traps: share of the traps saved again that are with the trap itself.
    """

    count: int
    recall: Recall
    right: int
    wrong: int
    unknown: int
    precision: float
    trap_pairs: int
    trap_photo_pairs: int
    trap_pairs_by_kind: dict[str, int]
    saved_traps: float
    mixed: int
    too_large: int
    largest: Largest
    wrong_examples: tuple[tuple[str, str], ...]


EXAMPLES = 200  # wrong pairs that are named


def judge(files: Sequence[File], groups: Sequence[Sequence[int]], unknown: Mask) -> Groups:
    """groups: numbers of files, each file in at most one; unknown (t, t) over the truths of photos."""
    tally, kinds = Counter[str](), Counter[str]()
    examples: list[tuple[str, str]] = []
    mixed = too_large = 0
    largest = Largest(0, 0)
    sizes = Counter(file.truth for file in files)
    for group in groups:
        found = Counter[str]()
        for a, b in combinations(group, 2):
            verdict = _verdict(files[a], files[b], unknown)
            found[verdict] += 1
            if verdict == "traps":
                kinds[files[a].detail] += 1
            if verdict not in ("right", "unknown", "trap right") and len(examples) < EXAMPLES:
                examples.append((files[a].name, files[b].name))
        tally += found
        mixed += found["wrong"] > 0
        truth, _ = Counter(files[number].truth for number in group).most_common(1)[0]
        too_large += len(group) > sizes[truth]
        if len(group) > largest.size:
            largest = Largest(len(group), sizes[truth])
    return Groups(
        len(groups), _recall(files, groups), tally["right"], tally["wrong"], tally["unknown"],
        tally["right"] / max(tally["right"] + tally["wrong"], 1), tally["traps"], tally["trap and photo"], dict(kinds),
        _saved(files, groups), mixed, too_large, largest, tuple(examples),
    )  # fmt: skip


def _verdict(a: File, b: File, unknown: Mask) -> str:
    in_traps = [file.role in (TRAP, SAVED_TRAP) for file in (a, b)]
    if any(in_traps):
        return "trap right" if a.truth == b.truth else "traps" if all(in_traps) else "trap and photo"
    if a.truth == b.truth:
        return "right"
    return "unknown" if unknown[a.truth, b.truth] else "wrong"


def _recall(files: Sequence[File], groups: Sequence[Sequence[int]]) -> Recall:
    """Of copies that are in the group of their original; a file in no group is a group by itself."""
    own, copies = _group_of(files, groups), Roles(files).copies
    originals = np.array([files[number].truth for number in copies])  # an original's number is its truth
    return recall_of(files, copies, own[copies] == own[originals])


def _saved(files: Sequence[File], groups: Sequence[Sequence[int]]) -> float:
    own, roles = _group_of(files, groups), Roles(files)
    trap_of = {files[number].truth: number for number in roles.traps}
    saved = roles.of(SAVED_TRAP)
    return float((own[saved] == own[[trap_of[files[number].truth] for number in saved]]).mean())


def _group_of(files: Sequence[File], groups: Sequence[Sequence[int]]) -> np.ndarray:
    own = -1 - np.arange(len(files))
    for number, group in enumerate(groups):
        own[list(group)] = number
    return own
