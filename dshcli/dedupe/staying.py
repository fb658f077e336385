"""Folders whose files are never removed: protected ones, and clean ones against which new images are compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dshcli.dedupe.collection import Positions
from dshcli.dedupe.keep_rules import Among
from dshcli.dedupe.places import Folders
from dshcli.errors import DshError
from dshcli.images.walk import absolute_root
from dshcli.library.store import Image, Index


@dataclass(frozen=True)
class Staying:
    """The images that stay, by the folder that they lie below, the first of several. folders: their absolute paths;
    clean: the ids (ascending) of the images against which others are compared (None: all are compared)."""

    folders: tuple[str, ...]
    rules: tuple[Among, ...]
    clean: Positions | None

    @property
    def ids(self) -> Positions:
        return np.unique(np.concatenate([np.empty(0, np.int64), *(rule.ids for rule in self.rules)]))

    def reason(self, image: Image) -> str:
        """Why an image stays, or ""."""
        return next((rule.words for rule in self.rules if rule.value(image)), "")


def staying(index: Index, protect: Sequence[str], against: Sequence[str]) -> Staying:
    """The images of an index below the folders. Raises DshError for a folder that is not there, and if none of the
    images lies below one of `against`."""
    clean = [_among(index, folder, "in {}".format) for folder in against]
    for folder, rule in zip(against, clean, strict=True):
        if not len(rule.ids):
            raise DshError(
                f"no image of the index lies below {folder}, so that nothing can be compared with it",
                hint=f"Hash its images first: dsh index {folder}",
            )
    protected = [_among(index, folder, "protected by {}".format) for folder in protect]
    ids = np.unique(np.concatenate([rule.ids for rule in clean])) if clean else None
    folders = tuple(dict.fromkeys(map(absolute_root, [*against, *protect])))
    return Staying(folders, (*clean, *protected), ids)


def with_chosen(index: Index, stays: Staying, words: str) -> Staying:
    """Where new images are compared with clean ones, which keep their groups, those that people chose stay beside them,
    but for files whose very bytes are among the clean ones."""
    if stays.clean is None:
        return stays
    rows = index.rows("SELECT id, digest FROM images JOIN chosen_keepers USING (digest) ORDER BY id")
    among = np.isin([id for id, _ in rows], stays.clean)  # type: ignore[arg-type]
    clean = {digest for (_, digest), inside in zip(rows, among, strict=True) if inside}
    ids = [id for id, digest in rows if digest not in clean]
    return replace(stays, rules=(*stays.rules, Among(words, np.array(ids, np.int64))))


def _among(index: Index, folder: str, words: Callable[[str], str]) -> Among:
    return Among(words(folder), Folders([absolute_root(folder)]).ids(index))
