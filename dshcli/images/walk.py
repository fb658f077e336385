"""Walks folders in a fixed order. Only regular files come out; what was passed by is told."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from dshcli.errors import DshError, system_reason


@dataclass(frozen=True)
class WalkOptions:
    """What to walk. Globs match a name or a path relative to the folder, without regard to case."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    follow_symlinks: bool = False


class Found(NamedTuple):  # a third of a dataclass's time to make, and there may be a million
    """A regular file: absolute path, size in bytes, and time of the last change in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


@dataclass
class Passed:
    """What a walk passed by: (path, reason) of unreadable places, and counts of what is never opened. quarantines: of
    folders that are not entered, which `closed` knows by device and inode."""

    unreadable: list[tuple[str, str]] = field(default_factory=list)
    symlinks: int = 0
    special: int = 0  # pipes, sockets, devices
    quarantines: int = 0
    closed: frozenset[tuple[int, int]] = frozenset()


def absolute_root(path: str | os.PathLike[str]) -> str:
    """The absolute path of a folder or file to walk. Raises DshError if there is none."""
    root = os.path.abspath(path)
    try:
        os.stat(root)
    except OSError as error:
        raise DshError(
            f"{os.fspath(path)}: {system_reason(error)}",
            hint="Check the spelling of the path.",
        ) from error
    return root


def identities(folders: Iterable[str]) -> frozenset[tuple[int, int]]:
    """What those of the folders that are there are known by: device and inode."""
    found = set()
    for folder in folders:
        with suppress(OSError):
            facts = os.stat(folder)
            found.add((facts.st_dev, facts.st_ino))
    return frozenset(found)


def walk(roots: list[str], options: WalkOptions, passed: Passed) -> Iterator[Found]:
    """Regular files under `roots` (absolute paths), each once, names sorted; `passed` is filled on the way.

    A root that is a symlink is followed, since the user named it. Loops cannot happen: each folder, known by its
    device and inode, is entered once.
    """
    entered: set[tuple[int, int]] = set()
    for root in _outermost(roots):
        facts = os.stat(root)
        if stat.S_ISDIR(facts.st_mode):
            yield from _walk_folder(root, root, options, entered, passed)
        elif stat.S_ISREG(facts.st_mode):
            yield Found(root, facts.st_size, facts.st_mtime_ns)
        else:
            passed.special += 1


def _outermost(roots: list[str]) -> list[str]:
    """The roots that do not lie inside another one."""
    kept: list[str] = []
    for root in sorted(set(roots), key=len):
        if not any(root.startswith(outer.rstrip(os.sep) + os.sep) for outer in kept):
            kept.append(root)
    return sorted(kept, key=os.fsencode)


def _walk_folder(
    folder: str, root: str, options: WalkOptions, entered: set[tuple[int, int]], passed: Passed
) -> Iterator[Found]:
    try:
        facts = os.stat(folder)
        if (facts.st_dev, facts.st_ino) in entered:
            return
        entered.add((facts.st_dev, facts.st_ino))
        if (facts.st_dev, facts.st_ino) in passed.closed:
            passed.quarantines += 1
            return
        with os.scandir(folder) as entries:
            sorted_entries = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        passed.unreadable.append((folder, system_reason(error)))
        return
    for entry in sorted_entries:
        if _left_out(entry, root, options):
            continue
        try:
            if entry.is_symlink() and not options.follow_symlinks:
                passed.symlinks += 1
            elif entry.is_dir():
                yield from _walk_folder(entry.path, root, options, entered, passed)
            elif entry.is_file():
                file = entry.stat()
                if not options.include or _matches(entry, root, options.include):
                    yield Found(entry.path, file.st_size, file.st_mtime_ns)
            elif not entry.is_symlink():  # a dangling link is no special file
                passed.special += 1
        except OSError as error:
            passed.unreadable.append((entry.path, system_reason(error)))


def _left_out(entry: os.DirEntry[str], root: str, options: WalkOptions) -> bool:
    if entry.name.startswith(".") and not options.hidden:
        return True
    return bool(options.exclude) and _matches(entry, root, options.exclude)


def _matches(entry: os.DirEntry[str], root: str, globs: tuple[str, ...]) -> bool:
    relative = os.path.relpath(entry.path, root).lower()
    name = entry.name.lower()
    return any(fnmatchcase(name, glob) or fnmatchcase(relative, glob) for glob in map(str.lower, globs))
