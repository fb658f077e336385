"""Proofs kept in the index, by the digests of two contents: a pair that was compared once need not be compared again.

They are written a few seconds' worth at a time, one transaction each, so that a stop at any moment loses little. Where
the index cannot be written, everything works and nothing is kept.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Self

from dshcli.errors import DshError
from dshcli.library.connection import checkpoint
from dshcli.library.store import Index
from dshcli.proof.kinds import Kind, Proof

SECONDS = 2.0  # between transactions


class Proofs:
    """The proofs of one version of the prover. A context manager; use it from one thread.

    `say` is told, once, if the proofs of this run cannot be kept.
    """

    def __init__(self, index: Index, version: int, say: Callable[[str], None]) -> None:
        self._index, self._version, self._say = index, version, say
        self._waiting: list[tuple[object, ...]] = []
        self._written = time.monotonic()
        self._writer: Index | None = None
        try:
            self._writer = Index.open_or_create(index.path)
            with self._writer.write():
                pass  # whether it can be written shows here
        except DshError as error:
            self._give_up(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.save()
        if self._writer is not None:
            checkpoint(self._writer.connection)
            self._writer.connection.close()

    def find(self, one: bytes, other: bytes) -> Proof | None:
        """The proof of a pair, if one of this version was saved."""
        return saved_proof(self._index, self._version, one, other)

    def add(self, one: bytes, other: bytes, proof: Proof) -> None:
        """Keeps a proof; it is written with others, a few seconds later at most."""
        facts = (str(proof.kind), proof.detail, proof.changed, proof.inliers)
        self._waiting.append((*sorted((one, other)), self._version, *facts))
        if time.monotonic() - self._written > SECONDS:
            self.save()

    def save(self) -> None:
        """Writes what waits."""
        self._written = time.monotonic()
        waiting, self._waiting = self._waiting, []
        if self._writer is None or not waiting:
            return
        try:
            with self._writer.write() as db:
                db.executemany("INSERT OR REPLACE INTO proofs VALUES (?, ?, ?, ?, ?, ?, ?)", waiting)
        except DshError as error:
            self._give_up(error)

    def _give_up(self, error: DshError) -> None:
        if self._writer is not None:
            self._writer.connection.close()
            self._writer = None
        self._say(f"What is found here is not kept for the next time: {error}")


def saved_proof(index: Index, version: int, one: bytes, other: bytes) -> Proof | None:
    """The proof of two contents, in whatever order, that a prover of that version made, if it was saved."""
    sql = "SELECT kind, detail, changed, inliers FROM proofs WHERE digest_a = ? AND digest_b = ? AND version = ?"
    found = index.rows(sql, [*sorted((one, other)), version])
    if not found:
        return None
    kind, *rest = found[0]
    return Proof(Kind(kind), *rest)  # type: ignore[arg-type]


def drop_orphans(db: sqlite3.Connection) -> None:
    """Drops the proofs of contents that no image has any more."""
    gone = "NOT EXISTS (SELECT 1 FROM images WHERE digest = {})"
    db.execute(f"DELETE FROM proofs WHERE {gone.format('digest_a')} OR {gone.format('digest_b')}")
