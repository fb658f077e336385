"""Rows of the index as dataclasses: what is known of each image, its codes, and the folders that limit a search."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from dshcli.library import connection as files

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PathKey = str | bytes  # as SQLite holds it


@dataclass(frozen=True)
class IndexedModel:
    """A model whose codes are in the index."""

    key: int
    model_id: str
    name: str
    bits: int
    radius: int


class Known(NamedTuple):
    """What the index knows of a path before a run. `complete`: its code or its error is there already."""

    id: int
    size: int
    mtime_ns: int
    digest: bytes | None
    error: str | None
    complete: bool


@dataclass(frozen=True, slots=True)
class Content:
    """What a file's bytes gave: digest (32 bytes), upright width and height, format, packed code, and how much the
    picture holds, from 0 (one colour) to 1 (None: an older version hashed it)."""

    digest: bytes
    width: int
    height: int
    format: str
    code: bytes
    information: float | None


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the index, for showing."""

    id: int
    path: str
    size: int
    mtime_ns: int
    digest: bytes
    width: int
    height: int
    format: str

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class Facts:
    """Of n images, in the order of their paths, int64 arrays (n,): ids, pixels, sizes in bytes, times in ns."""

    ids: "npt.NDArray[np.int64]"
    pixels: "npt.NDArray[np.int64]"
    sizes: "npt.NDArray[np.int64]"
    mtimes: "npt.NDArray[np.int64]"


def path_key(path: str) -> PathKey:
    """A path as it is stored: text if it is valid UTF-8, else its bytes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def path_from_key(key: PathKey) -> str:
    """The path of a stored key; bytes that are not UTF-8 come back as surrogates, as Python has them."""
    return os.fsdecode(key) if isinstance(key, bytes) else key


class Index:
    """An open index file. Use as a context manager; `write()` groups changes into one transaction."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self.connection = path, connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """For reading. Raises NoIndex, DshError."""
        return cls(path, files.open_for_reading(path))

    @classmethod
    def open_or_create(cls, path: Path) -> Self:
        """For writing. Raises DshError."""
        return cls(path, files.open_for_writing(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is written, or nothing."""
        with files.translated(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """All rows of a query, SQLite's errors translated."""
        with files.translated(self.path):
            return self.connection.execute(sql, values).fetchall()

    # --- models -----------------------------------------------------------------------------------------------

    def models(self) -> list[IndexedModel]:
        """The models with codes in this index, the most recently added last."""
        sql = """
            SELECT key, model_id, name, bits, radius FROM models
            WHERE EXISTS (SELECT 1 FROM codes WHERE model = key) ORDER BY key
        """
        return [IndexedModel(*row) for row in self.rows(sql)]  # type: ignore[arg-type]

    def ensure_model(self, model_id: str, name: str, bits: int, radius: int) -> int:
        """The key of a model, added if it is new."""
        found = self.rows("SELECT key FROM models WHERE model_id = ?", [model_id])
        if found:  # a run that finds nothing new need not wait for other writers
            return int(found[0][0])  # type: ignore[call-overload,no-any-return]
        with self.write() as db:
            db.execute(
                "INSERT INTO models (model_id, name, bits, radius) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [model_id, name, bits, radius],
            )
            (key,) = db.execute("SELECT key FROM models WHERE model_id = ?", [model_id]).fetchone()
        return int(key)

    # --- images -----------------------------------------------------------------------------------------------

    def known(self, roots: Iterable[str], model: int) -> dict[str, Known]:
        """Every image under `roots`, by path."""
        where, values = within(roots)
        sql = f"""
            SELECT path, id, size, mtime_ns, digest, error,
                   error IS NOT NULL OR EXISTS (SELECT 1 FROM codes WHERE model = ? AND image = id)
            FROM images WHERE {where}
        """
        return {
            path_from_key(path): Known(id, size, mtime_ns, digest, error, bool(complete))  # type: ignore[arg-type]
            for path, id, size, mtime_ns, digest, error, complete in self.rows(sql, [model, *values])
        }

    def image(self, path: str) -> Image | None:
        """The readable image of that path, if the index has it."""
        found = self.rows(f"{_IMAGE} WHERE path = ? AND error IS NULL", [path_key(path)])
        return _image(found[0]) if found else None

    def images(self, ids: Iterable[int]) -> dict[int, Image]:
        """Images by id."""
        wanted = [int(id) for id in ids]
        found: dict[int, Image] = {}
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ",".join("?" * len(part))
            found.update((row[0], _image(row)) for row in self.rows(f"{_IMAGE} WHERE id IN ({marks})", part))  # type: ignore[misc]
        return found

    def paths_of(self, digest: bytes) -> list[str]:
        """The files that hold a content, in the order of their paths."""
        rows = self.rows("SELECT path FROM images WHERE digest = ? ORDER BY path", [digest])  # NULL where unreadable
        return [path_from_key(path) for (path,) in rows]  # type: ignore[arg-type]

    def ids_within(self, roots: Iterable[str]) -> set[int]:
        """The ids of all images under `roots` (absolute paths)."""
        where, values = within(roots)
        return {int(id) for (id,) in self.rows(f"SELECT id FROM images WHERE {where}", values)}  # type: ignore[call-overload]

    def facts(self) -> Facts:
        """What keepers are chosen by, of all readable images, in the order of their paths."""
        import numpy as np

        # Walking the index on paths makes the order free; sorting a million paths would take seconds.
        sql = """
            SELECT id, width * height, size, mtime_ns FROM images INDEXED BY sqlite_autoindex_images_1
            WHERE error IS NULL ORDER BY path
        """
        table = np.array(self.rows(sql), dtype=np.int64).reshape(-1, 4)
        return Facts(*table.T.copy())

    def code(self, image: int, model: int) -> bytes | None:
        """The code of one image under one model."""
        found = self.rows("SELECT code FROM codes WHERE model = ? AND image = ?", [model, image])
        return found[0][0] if found else None  # type: ignore[return-value]


_IMAGE = "SELECT id, path, size, mtime_ns, digest, width, height, format FROM images"


def _image(row: tuple[object, ...]) -> Image:
    id, path, *rest = row
    return Image(id, path_from_key(path), *rest)  # type: ignore[arg-type]


def within(roots: Iterable[str]) -> tuple[str, list[PathKey]]:
    """An SQL condition on `path`, and its values: the path is one of `roots` or lies under one of them.

    Texts and BLOBs never compare equal in SQLite, so each root is asked for in both forms; the range over
    "root/" ... lets SQLite use the index on paths.
    """
    conditions: list[str] = ["0"]
    values: list[PathKey] = []
    for root in roots:
        for key in {path_key(root), os.fsencode(root)}:
            below, after = _range_below(key)
            conditions.append("path = ? OR (path >= ? AND path < ?)")
            values += [key, below, after]
    return f"({' OR '.join(conditions)})", values


def _range_below(root: PathKey) -> tuple[PathKey, PathKey]:
    if isinstance(root, bytes):
        below = root.rstrip(os.fsencode(os.sep)) + os.fsencode(os.sep)
        return below, below[:-1] + bytes([below[-1] + 1])
    text = root.rstrip(os.sep) + os.sep
    return text, text[:-1] + chr(ord(text[-1]) + 1)
