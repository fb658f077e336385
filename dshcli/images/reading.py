"""Reads a file once: its bytes and their digest, with a guard against files that change meanwhile."""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from dshcli.errors import BadImage, TryAgain, system_reason
from dshcli.images.sniff import SNIFF_BYTES, sniff

MAX_FILE_BYTES = 1 << 30

Source = bytes | BinaryIO  # a file's bytes, or the file, open for reading and at its start


@dataclass(frozen=True)
class FileBytes:
    """A regular file's content; digest is the SHA-256 of all its bytes, 32 bytes, and `format` what its first ones say.

    source: the bytes or, of a large file, the open file, at its start.
    """

    source: Source
    digest: bytes
    format: str
    size: int
    mtime_ns: int

    @property
    def data(self) -> bytes:
        """The bytes, of a file that was read as a whole."""
        assert isinstance(self.source, bytes)
        return self.source


def read_image_file(path: str) -> FileBytes | None:
    """The content of an image file, all of it, or None if its first bytes are those of no image format.

    Raises BadImage and TryAgain as `image_file` does.
    """
    with image_file(path) as file:
        return file


def ensure_image_file(path: str) -> FileBytes:
    """The same of a file that must be an image. Raises BadImage if it is none, too."""
    file = read_image_file(path)
    if file is None:
        raise BadImage("not an image")
    return file


@contextmanager
def image_file(path: str, most: int = MAX_FILE_BYTES) -> Iterator[FileBytes | None]:
    """An image file, or None if its first bytes are those of no image format. Of a file of more than `most` bytes the
    source is open, and is read from while the block lasts: a picture of that size should not be in memory twice.

    Raises BadImage if the file is empty, TryAgain if it cannot be read, is no regular file, is larger than 1 GiB or
    changes while it is read, be it inside the block.
    """
    try:
        # Without O_NONBLOCK, opening a pipe that took the file's name since the walk would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise _not_read(error) from error
    with open(descriptor, "rb", buffering=0) as raw, ExitStack() as duplicate:
        try:
            before = os.fstat(descriptor)
            name = _format(raw, before)
            if name is None:
                file = None
            elif before.st_size > most:
                digest = hashlib.file_digest(raw, "sha256").digest()
                # Pillow closes what it is given, and ours has to be looked at once more.
                stream = duplicate.enter_context(open(os.dup(descriptor), "rb"))
                file = FileBytes(stream, digest, name, before.st_size, before.st_mtime_ns)
            else:
                data = raw.read()
                file = FileBytes(data, hashlib.sha256(data).digest(), name, len(data), before.st_mtime_ns)
            raw.seek(0)
        except OSError as error:
            raise _not_read(error) from error
        if file is not None:
            _ensure_unchanged(descriptor, before, file.size)
        yield file
        if file is not None and file.size > most:
            _ensure_unchanged(descriptor, before, file.size)


def _format(raw: io.FileIO, status: os.stat_result) -> str | None:
    """What the first bytes of a file say, which is at its start again afterwards: `head` and the rest would hold a
    large file twice."""
    if not stat.S_ISREG(status.st_mode):
        raise TryAgain("not a regular file")
    found = sniff(raw.read(SNIFF_BYTES))
    if status.st_size == 0:
        raise BadImage("empty file")
    if found is not None and status.st_size > MAX_FILE_BYTES:
        raise TryAgain(f"larger than {MAX_FILE_BYTES >> 30} GiB")
    raw.seek(0)
    return found


def _ensure_unchanged(descriptor: int, before: os.stat_result, size: int) -> None:
    after = os.fstat(descriptor)
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or size != after.st_size:
        raise TryAgain("changed while being read")


def _not_read(error: OSError) -> TryAgain:
    missing = isinstance(error, FileNotFoundError)
    return TryAgain("no such file" if missing else system_reason(error))
