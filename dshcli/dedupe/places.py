"""Where files really are: what lies below a folder, by whatever symlinks a path leads there."""

import os
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dshcli.library.store import Index, path_from_key


class Places:
    """Resolves paths; each folder is looked up once."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}

    def real(self, path: str) -> str:
        """The path with every symlink on the way resolved, but for the file itself."""
        folder, name = os.path.split(path)
        return os.path.join(self._folder(folder), name)

    def _folder(self, folder: str) -> str:
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        return self._real[folder]


class Folders:
    """Folders (absolute paths), as one place."""

    def __init__(self, folders: Iterable[str], places: Places | None = None) -> None:
        self._folders = [(folder, os.path.realpath(folder)) for folder in folders]
        self._places = places or Places()

    def holder(self, path: str) -> str:
        """The first of the folders below which a file (an absolute path) lies, by its path or in truth; else ""."""
        place = self._places.real(path)
        return next((f for f, real in self._folders if is_below(path, f) or is_below(place, real)), "")

    def ids(self, index: Index) -> npt.NDArray[np.int64]:
        """The ids of all readable images of an index below the folders, ascending."""
        rows = index.rows("SELECT id, path FROM images WHERE error IS NULL ORDER BY id")
        inside = (id for id, key in rows if self.holder(path_from_key(key)))  # type: ignore[arg-type]
        return np.fromiter(inside, np.int64)


def is_below(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or lies in it. Both absolute."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
