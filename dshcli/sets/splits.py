"""The splits of a data set as folders: their names, their images, and the label of each image.

The label is the sub-folder right below the split (train/cat/1.jpg: cat), as it is for training; an image that lies in
no sub-folder has none.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from dshcli.dedupe.places import is_below
from dshcli.errors import DshError, UsageError
from dshcli.images.walk import absolute_root


@dataclass(frozen=True)
class Split:
    """name: the folder's own or, if two splits have the same, the path as it was given; root: absolute."""

    name: str
    root: str

    @property
    def below(self) -> str:
        """What the paths of its images begin with."""
        return self.root.rstrip(os.sep) + os.sep

    def label(self, path: str) -> str:
        """The label of one of its images; "" where it lies in no sub-folder."""
        first, separator, _ = path.removeprefix(self.below).partition(os.sep)
        return first if separator else ""


def open_splits(folders: Sequence[str]) -> tuple[Split, ...]:
    """The splits in the order given. Raises DshError for a folder that is not there, UsageError for less than two, or
    if one is, or lies in, another, also by way of a symlink: its images would be in two splits."""
    if len(folders) < 2:
        raise UsageError("one folder has no other to leak to", hint="Name two or more: dsh leaks data/train data/val")
    roots = [absolute_root(folder) for folder in folders]
    for folder, root in zip(folders, roots, strict=True):
        if not os.path.isdir(root):
            raise DshError(f"{folder} is no folder", hint="Name the folders of the splits.")
    for (one, root), (other, other_root) in combinations(zip(folders, roots, strict=True), 2):
        _ensure_apart(one, other, os.path.realpath(root), os.path.realpath(other_root))
    names = [os.path.basename(root) for root in roots]
    known = Counter(names)
    return tuple(
        Split(name if name and known[name] == 1 else folder, root)
        for name, folder, root in zip(names, folders, roots, strict=True)
    )


def _ensure_apart(one: str, other: str, root: str, other_root: str) -> None:
    if root == other_root:
        raise UsageError(f"{one} and {other} are one folder", hint="Name a folder for each split.")
    for inner, outer, a, b in ((one, other, root, other_root), (other, one, other_root, root)):
        if is_below(a, b):
            raise UsageError(
                f"{inner} lies in {outer}, so that its images are in both splits",
                hint="Name folders that lie side by side.",
            )
