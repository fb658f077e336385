"""Rows that a run finds out and that the next one need not find out again, written a few seconds' worth at a time.

Each time is one transaction, so that a stop at any moment loses little. Where the index cannot be written, everything
works and nothing is kept.
"""

import time
from collections.abc import Callable
from typing import Self

from dshcli.errors import DshError
from dshcli.library.connection import checkpoint
from dshcli.library.store import Index

SECONDS = 2.0  # between transactions


class Saving:
    """Adds rows to an index by one statement. A context manager; use it from one thread.

    `say` is told, once, if the rows of this run cannot be kept.
    """

    def __init__(self, index: Index, sql: str, say: Callable[[str], None]) -> None:
        self._sql, self._say = sql, say
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

    def add(self, *row: object) -> None:
        """Keeps a row; it is written with others, a few seconds later at most."""
        self._waiting.append(row)
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
                db.executemany(self._sql, waiting)
        except DshError as error:
            self._give_up(error)

    def _give_up(self, error: DshError) -> None:
        if self._writer is not None:
            self._writer.connection.close()
            self._writer = None
        self._say(f"What is found here is not kept for the next time: {error}")
