"""The ways to remove a file: quarantine, trash, hard link, reflink, delete. Each can say whether an interrupted step
happened, having cleared up behind it, and put the file back as far as that is possible.

A way never looks at the keeper's bytes: checks.py did that right before.
"""

import os
from dataclasses import replace
from typing import Protocol

from dshcli.dedupe import trash
from dshcli.dedupe.moving import (
    Seen,
    Unfit,
    dress,
    drop,
    ensure_unchanged,
    maybe_digest,
    move,
    part_of,
    read_digest,
    same_file,
    sync_folder,
    take_name,
    write_copy,
)
from dshcli.library.removals import Step


class Way(Protocol):
    """needs_equal_bytes: only for files of the keeper's very bytes; replaces: the path stays, with another file; shows:
    one can see on the file whether it was done."""

    needs_equal_bytes: bool
    replaces: bool
    shows: bool

    def do(self, step: Step, seen: Seen) -> None:
        """Removes the file, which was `seen`. Raises OSError, Unfit; the file is then as it was."""
        ...

    def settle(self, step: Step) -> bool:
        """After something stopped `do`: brings it to an end or takes it back; whether the file is removed now."""
        ...

    def restore(self, step: Step) -> None:
        """Puts the file back; does nothing if it is back. Raises OSError, Unfit; the step is then still done."""
        ...


class Quarantine:
    """Moves the file into a folder, `step.target`."""

    needs_equal_bytes = replaces = False
    shows = True

    def do(self, step: Step, seen: Seen) -> None:
        move(step.remove.path, step.target, step.remove.digest, seen)

    def settle(self, step: Step) -> bool:
        path, target = step.remove.path, step.target
        drop(part_of(target))
        if not os.path.lexists(path):
            return True  # even if the target is not there: it may lie on a drive that is away
        if not os.path.lexists(target):
            return False
        if _equal(path, target, step):
            os.unlink(path)
            return True
        return maybe_digest(target) == step.remove.digest

    def restore(self, step: Step) -> None:
        path, target = step.remove.path, step.target
        drop(part_of(path))
        if os.path.lexists(path):
            if maybe_digest(path) != step.remove.digest:
                raise Unfit(f"another file has its name now; it is still in {target}")
            if os.path.lexists(target) and _equal(path, target, step):
                os.unlink(target)
            return
        move_back(target, step)


class Trash:
    """Gives the file to the system's trash."""

    needs_equal_bytes = replaces = False
    shows = True

    def do(self, step: Step, seen: Seen) -> None:
        ensure_unchanged(step.remove.path, seen)
        trash.send(step.remove.path)

    def settle(self, step: Step) -> bool:
        return not os.path.lexists(step.remove.path)

    def restore(self, step: Step) -> None:
        path = step.remove.path
        trashed = trash.maybe_find(path, step.remove.digest)
        if os.path.lexists(path):
            if maybe_digest(path) != step.remove.digest:
                raise Unfit("another file has its name now; it is still in the trash")
            if trashed is not None:
                drop(trashed.file)
        elif trashed is None:
            raise Unfit("look for it in your trash, and restore it from there")
        else:
            move_back(trashed.file, step)
        if trashed is not None:
            drop(trashed.info)


class HardLink:
    """Makes the path another name of the keeper's file."""

    needs_equal_bytes = replaces = shows = True

    def do(self, step: Step, seen: Seen) -> None:
        os.link(step.keep.path, step.target)
        _replace(step, seen)

    def settle(self, step: Step) -> bool:
        drop(step.target)
        return same_file(step.remove.path, step.keep.path)

    def restore(self, step: Step) -> None:
        path = step.remove.path
        drop(step.target)
        there = os.path.lexists(path)
        source = path if there else step.keep.path
        digest, seen = read_digest(source)
        if digest != step.remove.digest:
            raise Unfit("changed since, under all its names")
        like = replace(seen, mtime_ns=step.mtime_ns, mode=step.mode)
        if there and os.lstat(path).st_nlink == 1:  # the other names went, so that nobody else has this file
            dress(path, path, like)
            return
        try:
            write_copy(source, step.target, digest, like)
            if there:
                ensure_unchanged(path, seen)
                os.replace(step.target, path)
            else:
                take_name(step.target, path)
        finally:
            drop(step.target)
        sync_folder(os.path.dirname(path))


class RefLink:
    """Makes the file share the keeper's blocks on disk, on file systems that can: Btrfs, XFS, bcachefs."""

    needs_equal_bytes = replaces = True
    shows = False

    def do(self, step: Step, seen: Seen) -> None:
        try:
            clone(step.keep.path, step.target)
            dress(step.remove.path, step.target, seen)
            if maybe_digest(step.target) != step.remove.digest:
                raise Unfit("its clone does not have the bytes that it should")
        except BaseException:
            drop(step.target)
            raise
        _replace(step, seen)

    def settle(self, step: Step) -> bool:
        drop(step.target)
        return False  # the file has its bytes either way, and the next run may do it again

    def restore(self, step: Step) -> None:
        if maybe_digest(step.remove.path) != step.remove.digest:
            raise Unfit("gone or changed since")
        # It is a file of its own already; blocks part when one of the files is written to.


class Delete:
    """Deletes the file for good."""

    needs_equal_bytes = replaces = False
    shows = True

    def do(self, step: Step, seen: Seen) -> None:
        ensure_unchanged(step.remove.path, seen)
        os.unlink(step.remove.path)

    def settle(self, step: Step) -> bool:
        return not os.path.lexists(step.remove.path)

    def restore(self, step: Step) -> None:
        if maybe_digest(step.remove.path) != step.remove.digest:
            raise Unfit(f"deleted for good; the file that was kept is {step.keep.path}")


WAYS: dict[str, Way] = {
    "quarantine": Quarantine(),
    "trash": Trash(),
    "hardlink": HardLink(),
    "reflink": RefLink(),
    "delete": Delete(),
}


def clone(source: str, target: str) -> None:
    """A new file that shares the blocks of another one. Raises OSError, Unfit if that cannot be here."""
    try:
        from fcntl import ioctl
    except ImportError as error:
        raise Unfit("this system has no reflinks") from error
    ficlone = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)
    with open(source, "rb") as old, open(target, "xb") as new:
        try:
            ioctl(new.fileno(), ficlone, old.fileno())
        except OSError as error:
            raise Unfit("this file system has no reflinks, or the files are on two of them") from error
        os.fsync(new.fileno())


def move_back(source: str, step: Step) -> None:
    """Moves a removed file back to its free name. Raises OSError, Unfit."""
    try:
        digest, seen = read_digest(source)
    except FileNotFoundError as error:
        raise Unfit(f"no longer in {source}") from error
    if digest != step.remove.digest:
        raise Unfit(f"changed in {source}, where it stays")
    move(source, step.remove.path, digest, seen)


def _replace(step: Step, seen: Seen) -> None:
    """Puts the file that was built at the target in the place of the removed one, whose bytes are the same."""
    try:
        ensure_unchanged(step.remove.path, seen)
        os.replace(step.target, step.remove.path)
    except BaseException:
        drop(step.target)
        raise
    sync_folder(os.path.dirname(step.remove.path))


def _equal(one: str, other: str, step: Step) -> bool:
    return same_file(one, other) or maybe_digest(one) == maybe_digest(other) == step.remove.digest
