"""What keepers are chosen by and no code tells, kept in the index by content: read or measured once, when first asked.

A row a content and trait, with the version of whatever told it: a value of another version counts as not known.
"""

import sqlite3
from collections.abc import Callable, Iterable

from dshcli.library.saving import Saving
from dshcli.library.store import Index
from dshcli.proof.traits import Value

AT_ONCE = 500  # digests that are asked for together


def known_traits(index: Index, name: str, version: int, digests: Iterable[bytes]) -> dict[bytes, Value]:
    """The values of one trait, by digest, of those contents of which it is known."""
    wanted, found = list(digests), dict[bytes, Value]()
    for at in range(0, len(wanted), AT_ONCE):
        part = wanted[at : at + AT_ONCE]
        marks = ",".join("?" * len(part))
        sql = f"SELECT digest, value FROM traits WHERE name = ? AND version = ? AND digest IN ({marks})"
        found.update(index.rows(sql, [name, version, *part]))  # type: ignore[arg-type]
    return found


def saving_traits(index: Index, say: Callable[[str], None]) -> Saving:
    """Takes rows of digest, name, version, value."""
    return Saving(index, "INSERT OR REPLACE INTO traits VALUES (?, ?, ?, ?)", say)


def drop_orphan_traits(db: sqlite3.Connection) -> None:
    """Drops the traits of contents that no image has any more."""
    db.execute("DELETE FROM traits WHERE NOT EXISTS (SELECT 1 FROM images WHERE images.digest = traits.digest)")
