"""The images among which duplicates are sought: what grouping needs to know of each, and a look at their files."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.dedupe.keepers import DEFAULT, Rule, preference
from dshcli.errors import system_reason
from dshcli.images.walk import absolute_root
from dshcli.library.chunks import load_codes
from dshcli.library.contents import load_digests
from dshcli.library.store import Image, Index, IndexedModel
from dshcli.search.groups import Grouping

ROWS_AT_ONCE = 4096  # images whose rows are read together

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Collection:
    """Of n images, by position: ids (ascending), packed codes, rank as a keeper (0: best), size in bytes, digests
    (n, 32), or (n, 0) where nobody asked for them."""

    ids: Positions
    codes: Codes
    ranks: Positions
    sizes: Positions
    digests: npt.NDArray[np.uint8]

    def where(self, mask: npt.NDArray[np.bool_]) -> "Collection":
        return Collection(self.ids[mask], self.codes[mask], self.ranks[mask], self.sizes[mask], self.digests[mask])

    def without(self, ids: Sequence[int]) -> "Collection":
        return self.where(~np.isin(self.ids, ids)) if len(ids) else self


@dataclass(frozen=True)
class Scope:
    """Where duplicates are sought: under the folders (none: everywhere), and among the clean images (ids), too."""

    folders: tuple[str, ...] = ()
    clean: Positions = field(default_factory=lambda: np.empty(0, np.int64))


def collect(
    index: Index, model: IndexedModel, scope: Scope, *, digests: bool, rules: Sequence[Rule] = DEFAULT
) -> Collection:
    """The images with codes of a model in the scope, ranked by the rules. Raises DshError for a folder that is not
    there."""
    indexed, facts = load_codes(index, model), index.facts()
    by_id = np.argsort(facts.ids)
    # Between the reads another process may have dropped or added an image; it is then in none of them.
    known = np.isin(indexed.ids, facts.ids)
    digest_ids, rows = load_digests(index) if digests else (indexed.ids, np.empty((len(known), 0), np.uint8))
    known &= np.isin(indexed.ids, digest_ids)
    ids, codes = indexed.ids[known], indexed.codes[known]
    sizes = facts.sizes[by_id][np.searchsorted(facts.ids[by_id], ids)]
    images = Collection(ids, codes, preference(facts, ids, rules), sizes, rows[np.searchsorted(digest_ids, ids)])
    if not scope.folders:
        return images
    inside = index.ids_within(absolute_root(folder) for folder in scope.folders)
    return images.where(np.isin(ids, np.fromiter(inside, np.int64, len(inside))) | np.isin(ids, scope.clean))


def rows_of(index: Index, ids: Positions) -> Iterator[Image]:
    """The rows of images, in the order of `ids`, a few thousand at a time."""
    for at in range(0, len(ids), ROWS_AT_ONCE):
        part = ids[at : at + ROWS_AT_ONCE].tolist()
        rows = index.images(part)
        yield from (rows[id] for id in part if id in rows)


@dataclass(frozen=True)
class Look:
    """What the files of some images are like now. gone: ids of those without one; links: ids of hard links to the file
    of a better image; changed: id to path and reason, of files that are not as they were when they were indexed;
    paths: of all others, by id, the best image first."""

    gone: list[int]
    links: list[int]
    changed: dict[int, tuple[str, str]]
    paths: dict[int, str]


def look(index: Index, images: Collection, positions: Positions) -> Look:
    """Looks at the files of the images at the positions. One that left the index meanwhile is gone, too."""
    found = Look([], [], {}, {})
    seen: set[tuple[int, int]] = set()
    ids = images.ids[positions[np.argsort(images.ranks[positions])]]
    known = set[int]()
    for image in rows_of(index, ids):
        known.add(image.id)
        try:
            file = os.lstat(image.path)
        except OSError:
            found.gone.append(image.id)
            continue
        if file.st_nlink > 1:
            if (file.st_dev, file.st_ino) in seen:
                found.links.append(image.id)
            seen.add((file.st_dev, file.st_ino))
        change = _change(image, file)
        if change:
            found.changed[image.id] = (image.path, change)
        else:
            found.paths[image.id] = image.path
    found.gone.extend(id for id in ids.tolist() if id not in known)
    return found


def _change(image: Image, file: os.stat_result) -> str:
    """Why the file, as lstat tells it, cannot be what was indexed; else ''."""
    if stat.S_ISLNK(file.st_mode):
        try:
            file = os.stat(image.path)
        except OSError as error:
            return system_reason(error)
    same = (file.st_size, file.st_mtime_ns) == (image.size, image.mtime_ns)
    return "" if same else "changed since it was indexed"


def savings(images: Collection, grouping: Grouping, without: Positions) -> Positions:
    """Bytes (groups,) that each group frees when all but its keeper go; images `without` (ids) free nothing."""
    if not len(grouping.members):
        return np.zeros(0, np.int64)
    sizes = np.where(np.isin(images.ids, without), 0, images.sizes)[grouping.members]
    starts = grouping.starts[:-1]
    sizes[starts] = 0
    return np.add.reduceat(sizes, starts)
