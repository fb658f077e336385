"""What people decided about pairs of contents, as rows of the index: they outlive scans, moves and new models.

A decision is about two contents, by their SHA-256 digests, and not about files. `keep both` of one content with itself
is about files of equal bytes; it holds for as many of them as there were then.
"""

from collections.abc import Iterable, Sequence
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

    def decide(self, pairs: Iterable[Sequence[bytes]], verdict: Verdict) -> None:
        """Writes a verdict on each pair of digests, in one transaction; the last word on a pair holds."""
        time = now()
        with self._index.write() as db:
            db.executemany(
                """
                INSERT OR REPLACE INTO decisions VALUES (:one, :other, :verdict, CASE WHEN :one = :other
                    THEN (SELECT count(*) FROM images WHERE digest = :one) ELSE 0 END, :time)
                """,
                [
                    {"one": min(pair), "other": max(pair), "verdict": str(verdict), "time": time}
                    for pair in map(tuple, pairs)
                ],
            )

    def forget(self, pairs: Iterable[Sequence[bytes]]) -> None:
        """As if nothing had been decided about these pairs."""
        with self._index.write() as db:
            db.executemany(
                "DELETE FROM decisions WHERE digest_a = ? AND digest_b = ?", [tuple(sorted(pair)) for pair in pairs]
            )

    # --- keepers that people chose ----------------------------------------------------------------------------

    def chosen(self) -> set[bytes]:
        """The contents that are to be kept before any others of their group."""
        return {row[0] for row in self._index.rows("SELECT digest FROM chosen_keepers")}  # type: ignore[misc]

    def choose(self, digest: bytes, *, among: Iterable[bytes] = ()) -> None:
        """Keeps this content before the others of its group, any of which that was chosen before no longer is."""
        with self._index.write() as db:
            db.executemany("DELETE FROM chosen_keepers WHERE digest = ?", [(other,) for other in among])
            db.execute("INSERT OR REPLACE INTO chosen_keepers VALUES (?, ?)", [digest, now()])

    def unchoose(self, digest: bytes) -> None:
        """Leaves it to the rules again."""
        with self._index.write() as db:
            db.execute("DELETE FROM chosen_keepers WHERE digest = ?", [digest])


def _decision(row: tuple[object, ...]) -> Decision:
    one, other, verdict, files, decided = row
    return Decision(one, other, Verdict(verdict), files, decided)  # type: ignore[arg-type]
