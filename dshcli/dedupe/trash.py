"""The system's trash. Files go there by Send2Trash; on systems with the freedesktop.org trash they come back, too.

https://specifications.freedesktop.org/trash-spec/latest/
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from dshcli.dedupe.moving import maybe_digest

INFO = ".trashinfo"


@dataclass(frozen=True)
class Trashed:
    """A file in the trash, and the small file that tells where it came from."""

    file: str
    info: str


def send(path: str) -> None:
    """Moves a file to the trash. Raises OSError."""
    from send2trash import send2trash

    send2trash(path)


def maybe_find(path: str, digest: bytes) -> Trashed | None:
    """A trashed file that came from that path and has these bytes, if the trash is one that can be read."""
    for folder, top in _folders(path):
        try:
            names = sorted(os.listdir(os.path.join(folder, "info")))
        except OSError:
            continue
        for name in names:
            info = os.path.join(folder, "info", name)
            file = os.path.join(folder, "files", name.removesuffix(INFO))
            if name.endswith(INFO) and _origin(info, top) == path and maybe_digest(file) == digest:
                return Trashed(file, info)
    return None


def _folders(path: str) -> Iterator[tuple[str, str]]:
    """The folders that may hold what was trashed from a path, each with the one that its paths are relative to."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    yield os.path.join(data, "Trash"), data
    top = os.path.realpath(os.path.dirname(path))
    while not os.path.ismount(top):
        top = os.path.dirname(top)
    if hasattr(os, "getuid"):
        yield os.path.join(top, ".Trash", str(os.getuid())), top
        yield os.path.join(top, f".Trash-{os.getuid()}"), top


def _origin(info: str, top: str) -> str | None:
    try:
        with open(info, "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(b"Path="):
            return os.path.join(top, os.fsdecode(unquote_to_bytes(line.removeprefix(b"Path="))))
    return None
