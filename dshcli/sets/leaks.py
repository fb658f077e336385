"""From pairs of contents to leaks and conflicts: one for each image and each split in which it has a copy.

An image leaks if an earlier split has it as well. It is in conflict if its picture stands under another label, in an
earlier split or before it in its own. So their numbers are numbers of images, however many copies there are.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dshcli.proof.kinds import Kind
from dshcli.sets.pairs import Paired, Placed, certainty

ONE_FILE = "one file by two names"


@dataclass(frozen=True)
class Spot:
    """An image where it lies: its split by number, its label ("": none), its path."""

    split: int
    label: str
    path: str


@dataclass(frozen=True)
class Leak:
    """An image, and the most certain of its copies in one split; `more` is how many further ones are there.

    kind: what the image is to that copy; distance: of their codes, in bits.
    """

    image: Spot
    copy: Spot
    kind: str
    detail: str
    distance: int
    more: int

    @property
    def conflict(self) -> bool:
        """Whether the two have different labels."""
        return in_conflict(self.image.label, self.copy.label)


def in_conflict(one: str, other: str) -> bool:
    """Whether two labels exclude each other; no label excludes none."""
    return bool(one and other and one != other)


@dataclass(frozen=True)
class _Cell:
    """The images of one content in one split under one label: the first, by its place, and how many."""

    first: int
    count: int


_Cells = dict[tuple[int, str], _Cell]


def leaks_of(found: Paired) -> tuple[list[Leak], list[Leak]]:
    """The leaks and the conflicts, the most certain first, then by distance and path."""
    cells = _cells(found.placed)
    near: dict[int, list[tuple[int, str, str, int]]] = defaultdict(list)
    for pair in found.pairs:
        near[pair.left].append((pair.right, pair.kind, pair.detail, pair.distance))
        near[pair.right].append((pair.left, pair.kind, pair.detail, pair.distance))
    leaks, conflicts = list[Leak](), list[Leak]()
    for place, content in enumerate(found.placed.contents.tolist()):
        if content not in near and len(cells[content]) == 1:
            continue
        copies = [(content, str(Kind.EXACT), "", 0), *near.get(content, ())]
        found_here = _of_image(place, found.placed, cells, copies)
        leaks += (leak for leak in found_here if leak.image.split != leak.copy.split)
        conflicts += _of_image(place, found.placed, cells, copies, other_label=True)
    return _sorted(leaks), _sorted(conflicts)


def _cells(placed: Placed) -> dict[int, _Cells]:
    cells: dict[int, _Cells] = defaultdict(dict)
    for place, content in enumerate(placed.contents.tolist()):
        key = int(placed.splits[place]), placed.labels[place]
        cell = cells[content].get(key, _Cell(place, 0))
        cells[content][key] = replace(cell, count=cell.count + 1)
    return cells


def _of_image(
    place: int,
    placed: Placed,
    cells: dict[int, _Cells],
    copies: list[tuple[int, str, str, int]],
    *,
    other_label: bool = False,
) -> Iterator[Leak]:
    """For each split, up to the image's own, the best of its copies there that come before it."""
    image = _spot(placed, place)
    by_split: dict[int, list[tuple[int, int, int, str, str]]] = defaultdict(list)
    counts: dict[int, int] = defaultdict(int)
    for content, kind, detail, distance in copies:
        for (split, label), cell in cells[content].items():
            if cell.first >= place or (other_label and not in_conflict(image.label, label)):
                continue
            by_split[split].append((certainty(kind), distance, cell.first, kind, detail))
            counts[split] += cell.count
    for split, options in sorted(by_split.items()):
        _, distance, first, kind, detail = min(options)
        yield Leak(image, _spot(placed, first), kind, detail, distance, counts[split] - 1)


def _spot(placed: Placed, place: int) -> Spot:
    return Spot(int(placed.splits[place]), placed.labels[place], placed.paths[place])


def _sorted(leaks: list[Leak]) -> list[Leak]:
    told = [replace(leak, detail=ONE_FILE) if _is_one_file(leak) else leak for leak in leaks]
    return sorted(
        told,
        key=lambda leak: (certainty(leak.kind), leak.distance, *map(os.fsencode, (leak.image.path, leak.copy.path))),
    )


def _is_one_file(leak: Leak) -> bool:
    """Whether both paths lead to the same file, by a symlink or a hard link."""
    try:
        return leak.kind == Kind.EXACT and os.path.samefile(leak.image.path, leak.copy.path)
    except OSError:
        return False
