"""Reads a file once: its bytes and their digest, with a guard against files that change meanwhile."""

import hashlib
import os
import stat
from dataclasses import dataclass

from dshcli.errors import BadImage, TryAgain, system_reason
from dshcli.images.sniff import SNIFF_BYTES, sniff

MAX_FILE_BYTES = 1 << 30


@dataclass(frozen=True)
class FileBytes:
    """A regular file's content; digest is the SHA-256 of `data`, 32 bytes, and `format` what its first bytes say."""

    data: bytes
    digest: bytes
    format: str
    size: int
    mtime_ns: int


def read_image_file(path: str) -> FileBytes | None:
    """The content of an image file, or None if its first bytes are those of no image format.

    Raises BadImage if it is empty, TryAgain if it cannot be read, is no regular file, is larger than 1 GiB or
    changes while being read.
    """
    try:
        # Without O_NONBLOCK, opening a pipe that took the file's name since the walk would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb", buffering=0) as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise TryAgain("not a regular file")
            head = file.read(SNIFF_BYTES)
            found = sniff(head)
            if before.st_size == 0:
                raise BadImage("empty file")
            if found is None:
                return None
            if before.st_size > MAX_FILE_BYTES:
                raise TryAgain(f"larger than {MAX_FILE_BYTES >> 30} GiB")
            file.seek(0)  # once more from the start: `head` + the rest would hold a large file twice
            data = file.read()
            after = os.fstat(descriptor)
    except FileNotFoundError:
        raise TryAgain("no such file") from None
    except OSError as error:
        raise TryAgain(system_reason(error)) from error
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or len(data) != after.st_size:
        raise TryAgain("changed while being read")
    return FileBytes(data, hashlib.sha256(data).digest(), found, after.st_size, after.st_mtime_ns)
