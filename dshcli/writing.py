"""Files that people asked for (a plan, a report), whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dshcli.errors import DshError, UsageError, system_reason


@dataclass(frozen=True)
class Sort:
    """A sort of file. noun: what it is; title: the same, told from others of that noun; mark: the bytes that every one
    begins with; option, example: how a command is told the file's name, in general and as one would type it."""

    noun: str
    title: str
    mark: bytes
    option: str
    example: str


def ensure_place(path: Path, sort: Sort) -> None:
    """Raises UsageError unless such a file may be written there: in a folder, over nothing but another of its sort."""
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder", hint=f"Make it, or name another place for the {sort.noun}.")
    if os.path.lexists(path) and not (path.is_file() and _begins(path, sort.mark)):
        raise UsageError(f"{path} is there, and is no {sort.title}", hint=f"Name another file: {sort.example}")


def _begins(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) == mark
    except OSError:
        return False


@contextmanager
def created(path: Path, sort: Sort) -> Iterator[IO[str]]:
    """Gives a text file to write to. It is at its place, whole, once the block ends well; else all is as it was before.

    A byte of a path that is no UTF-8 becomes the escape of its surrogate. Raises DshError if the file cannot be made or
    put in its place; what is written within the block is for the caller to put under told().
    """
    with told(path, sort):
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            yield file
            with told(path, sort):
                file.flush()
                os.fsync(file.fileno())
        with told(path, sort):
            os.replace(temporary, path)
    finally:
        with suppress(OSError):
            os.unlink(temporary)


@contextmanager
def told(path: Path, sort: Sort) -> Iterator[None]:
    """Turns an OSError into a DshError that names the file."""
    try:
        yield
    except OSError as error:
        raise DshError(f"{path}: {system_reason(error)}", hint=f"Name another place: {sort.option}") from error
