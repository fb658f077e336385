"""Proofs kept in the index, by the digests of two contents: what was compared once need not be compared again."""

import sqlite3
from collections.abc import Callable
from typing import Self

from dshcli.library.saving import Saving
from dshcli.library.store import Index
from dshcli.proof.kinds import Kind, Proof


class Proofs:
    """The proofs of one version of the prover. A context manager; use it from one thread.

    `say` is told, once, if the proofs of this run cannot be kept.
    """

    def __init__(self, index: Index, version: int, say: Callable[[str], None]) -> None:
        self._index, self._version = index, version
        self._saving = Saving(index, "INSERT OR REPLACE INTO proofs VALUES (?, ?, ?, ?, ?, ?, ?)", say)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._saving.__exit__(*error)

    def find(self, one: bytes, other: bytes) -> Proof | None:
        """The proof of a pair, if one of this version was saved."""
        sql = """
            SELECT kind, detail, changed, inliers FROM proofs WHERE digest_a = ? AND digest_b = ? AND version = ?
        """
        found = self._index.rows(sql, [*sorted((one, other)), self._version])
        if not found:
            return None
        kind, *rest = found[0]
        return Proof(Kind(kind), *rest)  # type: ignore[arg-type]

    def add(self, one: bytes, other: bytes, proof: Proof) -> None:
        """Keeps a proof; it is written with others, a few seconds later at most."""
        facts = (str(proof.kind), proof.detail, proof.changed, proof.inliers)
        self._saving.add(*sorted((one, other)), self._version, *facts)

    def save(self) -> None:
        """Writes what waits."""
        self._saving.save()


def drop_orphans(db: sqlite3.Connection) -> None:
    """Drops the proofs of contents that no image has any more."""
    gone = "NOT EXISTS (SELECT 1 FROM images WHERE digest = {})"
    db.execute(f"DELETE FROM proofs WHERE {gone.format('digest_a')} OR {gone.format('digest_b')}")
