"""What people decided about pairs of contents, as rows of the index: they outlive scans, moves and new models.

A decision is about two contents, by their SHA-256 digests, and not about files. `keep both` of one content with itself
is about files of equal bytes; it holds for as many of them as there were then.
"""

import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dshcli.library.removals import now
from dshcli.library.store import Index


class Verdict(StrEnum):
    """Of two contents: one picture, of which one can go; one picture, but both stay; two pictures."""

    SAME = "same"
    BOTH = "keep both"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict on a pair of digests, one <= other. files: of one and the same content, the number that it was about,
    else 0. decided: local time, to the second."""

    one: bytes
    other: bytes
    verdict: Verdict
    files: int = 0
    decided: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict to be written on two digests; None forgets it. files: of one and the same content, those that it is
    about, if more than those of the index that are there."""

    one: bytes
    other: bytes
    verdict: Verdict | None
    files: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A keeper to be chosen before the others, or no longer (chosen False). among: those that no longer are, then."""

    digest: bytes
    among: tuple[bytes, ...] = ()
    chosen: bool = True


class Decisions:
    """The decisions of an index that is open for reading or, to write them, for writing."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def all(self) -> list[Decision]:
        """Every decision, by its digests."""
        sql = "SELECT digest_a, digest_b, verdict, files, decided FROM decisions ORDER BY digest_a, digest_b"
        return [_decision(row) for row in self._index.rows(sql)]

    def find(self, one: bytes, other: bytes) -> Decision | None:
        """What was decided about two contents, in whatever order, if anything was."""
        sql = "SELECT digest_a, digest_b, verdict, files, decided FROM decisions WHERE digest_a = ? AND digest_b = ?"
        found = self._index.rows(sql, sorted((one, other)))
        return _decision(found[0]) if found else None

    def save(self, words: Iterable[Said | Choice]) -> None:
        """Writes all of them, in their order, or nothing; the last word on a pair holds."""
        time = now()
        with self._index.write() as db:
            for word in words:
                if isinstance(word, Said):
                    self._say(db, word, time)
                else:
                    _choose(db, word, time)

    def _say(self, db: sqlite3.Connection, word: Said, time: str) -> None:
        one, other = sorted((word.one, word.other))
        if word.verdict is None:
            db.execute("DELETE FROM decisions WHERE digest_a = ? AND digest_b = ?", [one, other])
            return
        files = max(word.files, len(self.present(one))) if one == other else 0
        values = [one, other, str(word.verdict), files, time]
        db.execute("INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?, ?)", values)

    def paths(self, digest: bytes) -> list[str]:
        """The files of the index that have this content, by their paths."""
        return self._index.paths_of(digest)

    def present(self, digest: bytes) -> list[str]:
        """Those of them that are there: a file that moved has a row of its old path until that is pruned."""
        return [*filter(os.path.lexists, self.paths(digest))]

    # --- keepers that people chose ----------------------------------------------------------------------------

    def chosen(self) -> set[bytes]:
        """The contents that are to be kept before any others of their group, of several of one group the latest."""
        return {row[0] for row in self._index.rows("SELECT digest FROM chosen_keepers")}  # type: ignore[misc]

    def choices(self) -> dict[bytes, str]:
        """The same, by digest, and when each was chosen."""
        return dict(self._index.rows("SELECT digest, decided FROM chosen_keepers ORDER BY digest"))  # type: ignore[arg-type]


def _choose(db: sqlite3.Connection, word: Choice, time: str) -> None:
    if not word.chosen:
        db.execute("DELETE FROM chosen_keepers WHERE digest = ?", [word.digest])
        return
    db.executemany("DELETE FROM chosen_keepers WHERE digest = ?", [(other,) for other in word.among])
    db.execute("INSERT OR REPLACE INTO chosen_keepers VALUES (?, ?)", [word.digest, time])


def _decision(row: tuple[object, ...]) -> Decision:
    one, other, verdict, files, decided = row
    return Decision(one, other, Verdict(verdict), files, decided)  # type: ignore[arg-type]
