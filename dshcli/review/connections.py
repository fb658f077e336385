"""The index as the server has it: a thread that reads and one that writes, each with a connection of its own."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from dshcli.errors import DshError
from dshcli.library.connection import translated
from dshcli.library.store import Index

T = TypeVar("T")

WAIT_SECONDS = 5.0  # for other processes that write; whoever looks at the page is told then, and can try again


class Connection:
    """An open index and the one thread that uses it, job by job."""

    def __init__(self, opened: Callable[[], Index]) -> None:
        self._pool = ThreadPoolExecutor(1)
        try:
            self._index = self._pool.submit(opened).result()
        except BaseException:
            self._pool.shutdown()
            raise

    async def run(self, job: Callable[[Index], T]) -> T:
        """What a job makes of the index. Raises DshError, and whatever the job raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, job, self._index)

    def run_now(self, job: Callable[[Index], T]) -> T:
        """The same where no event loop runs."""
        return self._pool.submit(job, self._index).result()

    def close(self) -> None:
        """Waits for the job at work, if there is one."""
        self._pool.submit(self._index.connection.close).result()
        self._pool.shutdown()


def reading(path: Path) -> Connection:
    """Raises NoIndex, DshError."""
    return Connection(lambda: Index.open(path))


def writing(path: Path) -> Connection:
    """A connection whose transactions are on disk when they end. Raises DshError if the index cannot be written."""
    return Connection(lambda: _writable(path))


def _writable(path: Path) -> Index:
    index = Index.open_or_create(path)
    try:
        with index.write():
            pass  # refused right now, not at the first decision, if the file is read-only
        with translated(path):
            index.connection.execute("PRAGMA synchronous = FULL")
            index.connection.execute(f"PRAGMA busy_timeout = {round(1000 * WAIT_SECONDS)}")
    except BaseException:
        index.connection.close()
        raise
    return index


class Saving:
    """Jobs that write, refused where what they write would not be there afterwards."""

    def __init__(self, path: Path) -> None:
        self._path, self._connection = path, writing(path)
        self._file = _identity(path)

    async def run(self, job: Callable[[Index], T]) -> T:
        """Raises DshError, in words for whoever looks at the page."""
        return await self._connection.run(lambda index: self._checked(job, index))

    def close(self) -> None:
        self._connection.close()

    def _checked(self, job: Callable[[Index], T], index: Index) -> T:
        if _identity(self._path) != self._file:  # the open file would take the rows, and no one would find them
            raise DshError(
                f"{self._path} was removed or replaced since dsh review began; nothing is saved",
                hint="Put it back, or start dsh review again.",
            )
        try:
            return job(index)
        except DshError as error:
            if getattr(error.__cause__, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                raise DshError(
                    "another process is writing into the index; this is not saved", hint="Try again in a moment."
                ) from error
            raise


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        file = os.stat(path)
    except OSError:
        return None
    return file.st_dev, file.st_ino
