"""`dsh dupes`: groups of images whose codes lie within the radius, largest saving first."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.commands.choosing import chance_warning, choose_indexed, choose_radius
from dshcli.dedupe.keepers import preference, reason
from dshcli.images.walk import absolute_root
from dshcli.library.chunks import load_codes
from dshcli.library.store import Image, Index, IndexedModel
from dshcli.search.groups import Grouping, single_groups, star_groups

LINKS = {"star": star_groups, "single": single_groups}
ROWS_AT_ONCE = 4096  # images whose rows are read together


@dataclass(frozen=True)
class DupesOptions:
    """radius None: the model's own; link: star or single; folders: only images under these (none: all)."""

    model: str | None = None
    radius: int | None = None
    link: str = "star"
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Member:
    """An image of a group: its distance from the keeper in bits, and whether its bytes are the keeper's."""

    image: Image
    distance: int
    exact: bool


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
    """All groups, with their totals. `groups` reads the rows of a group only when it is its turn."""

    model: IndexedModel
    radius: int
    images: int
    missing: int
    warning: str
    count: int
    copies: int
    frees: int
    groups: Iterator[Group]


@dataclass(frozen=True)
class _Candidates:
    """Of n images, by position: ids (ascending), packed codes, rank as a keeper (0: best), size in bytes."""

    ids: npt.NDArray[np.int64]
    codes: Codes
    ranks: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]

    def where(self, mask: npt.NDArray[np.bool_]) -> "_Candidates":
        return _Candidates(self.ids[mask], self.codes[mask], self.ranks[mask], self.sizes[mask])


def find_dupes(index: Index, options: DupesOptions) -> Dupes:
    """Groups the images of an index. Raises NoIndex, NoModel, UsageError, DshError."""
    model = choose_indexed(index, options.model)
    radius = choose_radius(options.radius, model)
    link = LINKS[options.link]
    images = _candidates(index, model, options.folders)
    grouping = link(images.codes, model.bits, radius, images.ranks)
    gone, links = _look(index, images, grouping)
    if gone:
        images = images.where(~np.isin(images.ids, gone))
        grouping = link(images.codes, model.bits, radius, images.ranks)
    frees = _savings(images, grouping, links)
    keepers = grouping.members[grouping.starts[:-1]]
    order = np.lexsort((images.ranks[keepers], -frees))
    return Dupes(
        model=model,
        radius=radius,
        images=len(images.ids),
        missing=len(gone),
        warning=chance_warning(len(images.ids), model.bits, radius),
        count=len(order),
        copies=len(grouping.members) - len(order),
        frees=int(frees.sum()),
        groups=_groups(index, images, grouping, order, frees),
    )


def _candidates(index: Index, model: IndexedModel, folders: tuple[str, ...]) -> _Candidates:
    indexed, facts = load_codes(index, model), index.facts()
    by_id = np.argsort(facts.ids)
    # Between the two reads another process may have dropped an image; it is then in neither.
    known = np.isin(indexed.ids, facts.ids)
    ids, codes = indexed.ids[known], indexed.codes[known]
    sizes = facts.sizes[by_id][np.searchsorted(facts.ids[by_id], ids)]
    images = _Candidates(ids, codes, preference(facts, ids), sizes)
    if not folders:
        return images
    inside = index.ids_within(absolute_root(folder) for folder in folders)
    return images.where(np.isin(ids, np.fromiter(inside, np.int64, len(inside))))


def _look(index: Index, images: _Candidates, grouping: Grouping) -> tuple[list[int], list[int]]:
    """Which grouped images have lost their file, and which are hard links to the file of a better one."""
    gone, links = [], []
    seen: set[tuple[int, int]] = set()
    best_first = grouping.members[np.argsort(images.ranks[grouping.members])]
    for image in _rows(index, images.ids[best_first]):
        try:
            file = os.lstat(image.path)
        except OSError:
            gone.append(image.id)
            continue
        if file.st_nlink > 1:
            if (file.st_dev, file.st_ino) in seen:
                links.append(image.id)
            seen.add((file.st_dev, file.st_ino))
    return gone, links


def _rows(index: Index, ids: npt.NDArray[np.int64]) -> Iterator[Image]:
    """The rows of images, in the order of `ids`, a few thousand at a time."""
    for at in range(0, len(ids), ROWS_AT_ONCE):
        part = ids[at : at + ROWS_AT_ONCE].tolist()
        rows = index.images(part)
        yield from (rows[id] for id in part if id in rows)


def _savings(images: _Candidates, grouping: Grouping, links: list[int]) -> npt.NDArray[np.int64]:
    """Bytes (groups,) that each group frees when all but its keeper go. A hard link frees nothing."""
    if not len(grouping.members):
        return np.zeros(0, np.int64)
    sizes = np.where(np.isin(images.ids, links), 0, images.sizes)[grouping.members]
    starts = grouping.starts[:-1]
    sizes[starts] = 0
    return np.add.reduceat(sizes, starts)


def _groups(
    index: Index, images: _Candidates, grouping: Grouping, order: npt.NDArray[np.int64], frees: npt.NDArray[np.int64]
) -> Iterator[Group]:
    members = (grouping.members[grouping.starts[g] : grouping.starts[g + 1]] for g in order)
    rows = _rows(index, images.ids[np.concatenate([*members])]) if len(order) else iter(())
    for number, g in enumerate(order.tolist(), start=1):
        start, stop = grouping.starts[g], grouping.starts[g + 1]
        keeper, *others = [next(rows) for _ in range(stop - start)]
        distances = grouping.distances[start + 1 : stop].tolist()
        yield Group(
            number=number,
            keeper=keeper,
            why=reason(keeper, others),
            members=tuple(
                Member(image, distance, image.digest == keeper.digest)
                for image, distance in zip(others, distances, strict=True)
            ),
            frees=int(frees[g]),
        )
