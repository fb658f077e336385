"""Files read, moved and copied so that nothing is ever overwritten or lost, whatever stops the process.

No symlink is followed where a path ends. A name is taken only if it is free: by a hard link where the drive has them.
"""

import errno
import hashlib
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass

from dshcli.errors import system_reason

CHUNK = 1 << 20  # bytes read at once
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}  # drives without hard links, ...

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Unfit(Exception):
    """Why a file cannot be touched; `str()` is the reason, for people."""


def words(error: OSError | Unfit) -> str:
    """An error as a reason, for people."""
    return system_reason(error) if isinstance(error, OSError) else str(error)


@dataclass(frozen=True)
class Seen:
    """A regular file when its bytes were read: what tells whether it is still the same, and its permissions."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    mode: int

    @classmethod
    def of(cls, facts: os.stat_result) -> "Seen":
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, stat.S_IMODE(facts.st_mode))

    def same_file(self, other: "Seen") -> bool:
        return (self.device, self.inode) == (other.device, other.inode)


def open_regular(path: str) -> int:
    """A descriptor to read a regular file. Raises Unfit for what is none, OSError."""
    facts = os.lstat(path)
    if stat.S_ISLNK(facts.st_mode):
        raise Unfit("a symlink")
    if not stat.S_ISREG(facts.st_mode):
        raise Unfit("no regular file")
    return os.open(path, _READ)  # a symlink that took its place meanwhile is an error


def read_digest(path: str) -> tuple[bytes, Seen]:
    """The SHA-256 of a regular file, and the file. Raises Unfit for what is none, OSError."""
    descriptor = open_regular(path)
    with open(descriptor, "rb") as file:
        digest = hashlib.sha256()
        while data := file.read(CHUNK):
            digest.update(data)
        return digest.digest(), Seen.of(os.fstat(descriptor))


def maybe_digest(path: str) -> bytes | None:
    """The SHA-256 of a regular file; None where there is none that can be read."""
    try:
        return read_digest(path)[0]
    except (OSError, Unfit):
        return None


def ensure_unchanged(path: str, seen: Seen) -> None:
    """Raises Unfit if the path is no longer the file that was read. A last look, right before the file goes."""
    if Seen.of(os.lstat(path)) != seen:
        raise Unfit("changed while it was looked at")


def same_file(one: str, other: str) -> bool:
    """Whether two paths are one file, neither being a symlink. False where there is none."""
    try:
        return Seen.of(os.lstat(one)).same_file(Seen.of(os.lstat(other)))
    except OSError:
        return False


def move(source: str, target: str, digest: bytes, seen: Seen) -> None:
    """Moves a file that was read to a free name, on any drive; its bytes have that digest.

    At every moment one of the names holds the whole file. Raises OSError (FileExistsError if the name is taken), Unfit;
    the file is then where it was.
    """
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in NO_LINKS:
            ensure_unchanged(source, seen)
            _rename(source, target)
            return
        if error.errno != errno.EXDEV:
            raise
        copy(source, target, digest, seen)
    try:
        sync_folder(os.path.dirname(target))
        ensure_unchanged(source, seen)
        os.unlink(source)
    except BaseException:
        if os.path.lexists(source):  # else Ctrl-C came right after it went, and the target is all there is
            with suppress(OSError):
                os.unlink(target)
        raise


def copy(source: str, target: str, digest: bytes, like: Seen) -> None:
    """Copies a file to a free name: written beside it, on disk, read again and compared before it gets the name. The
    copy gets the time and permissions of `like`. Raises OSError, Unfit if the bytes are not those of the digest."""
    part = part_of(target)
    drop(part)
    try:
        write_copy(source, part, digest, like)
        take_name(part, target)
    finally:
        drop(part)


def part_of(target: str) -> str:
    """The name beside a target under which a copy of it is written: always the same, and nobody else's."""
    token = hashlib.sha256(os.fsencode(target)).hexdigest()[:16]
    return os.path.join(os.path.dirname(target), f".dsh-{token}.part")


def drop(path: str) -> None:
    """Removes a file of ours, if it is there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


def write_copy(source: str, target: str, digest: bytes, like: Seen) -> None:
    """As `copy`, right under the new name, which may be left with a part of the file when something stops it."""
    with open(os.open(source, _READ), "rb") as old, open(target, "xb") as new:
        shutil.copyfileobj(old, new, CHUNK)
        new.flush()
        dress(source, target, like)
        os.fsync(new.fileno())
    if read_digest(target)[0] != digest:
        raise Unfit("its copy does not have the bytes that it should")


def dress(source: str, target: str, like: Seen) -> None:
    """Gives a new file what the system lets it have of the old one: owner, attributes; and `like`'s permissions and
    time."""
    facts = os.lstat(source)
    with suppress(OSError, AttributeError):
        os.chown(target, facts.st_uid, facts.st_gid)
    with suppress(OSError):
        shutil.copystat(source, target)
    with suppress(OSError):
        os.chmod(target, like.mode)
    with suppress(OSError):
        os.utime(target, ns=(like.mtime_ns, like.mtime_ns))


def sync_folder(folder: str) -> None:
    """Puts a folder's names on disk, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def take_name(source: str, target: str) -> None:
    """Gives a file a free name; it may keep its old one, too. Raises OSError (FileExistsError)."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _rename(source, target)


def _rename(source: str, target: str) -> None:
    """For drives without hard links, the only ones where another program could take the name in between."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    os.rename(source, target)
