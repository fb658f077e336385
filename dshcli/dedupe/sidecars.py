"""XMP sidecars beside pictures: which there are, and how one is written and taken back so that nothing is lost.

Two names are in use: darktable's `a.jpg.xmp`, and Adobe's `a.xmp`.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dshcli.dedupe.moving import (
    Seen,
    Unfit,
    dress,
    drop,
    ensure_unchanged,
    open_regular,
    part_of,
    read_digest,
    sync_folder,
    take_name,
    words,
)
from dshcli.library.removals import Sidecar
from dshcli.metadata.xmp import MAX_BYTES, SIDECAR_FOR, BadMetadata, Packet, parse


@dataclass(frozen=True)
class Found:
    """A sidecar that is there. seen, data: None, b"" if it cannot be read; packet: None if it cannot be understood;
    reason: why, or ""."""

    path: str
    seen: Seen | None
    data: bytes
    packet: Packet | None
    reason: str = ""


def new_name(picture: str) -> str:
    """The sidecar of a picture that has none."""
    return picture + ".xmp"


def find(picture: str) -> Iterator[Found]:
    """The sidecars of a picture, `a.jpg.xmp` first."""
    stem, extension = os.path.splitext(picture)
    met = list[tuple[int, int]]()
    for name in (picture + ".xmp", picture + ".XMP", stem + ".xmp", stem + ".XMP"):
        try:
            facts = os.lstat(name)
        except OSError:
            continue
        if (
            name != picture and (facts.st_dev, facts.st_ino) not in met
        ):  # both spellings are one file where case does not count
            met.append((facts.st_dev, facts.st_ino))
            found = _read(name)
            if name.startswith(picture) or _belongs(found.packet, extension):
                yield found


def is_shared(sidecar: str, *pictures: str) -> bool:
    """Whether an `a.xmp` may be that of another file, such as a.png or a.cr2, than these. Raises OSError."""
    folder, name = os.path.split(sidecar)
    stem = os.path.splitext(name)[0]
    if os.path.join(folder, stem) in pictures:
        return False  # darktable's name of the sidecar
    mine = {os.path.basename(picture) for picture in pictures}
    names = (entry for entry in os.listdir(folder) if entry not in mine and not entry.lower().endswith(".xmp"))
    return any(os.path.splitext(entry)[0] == stem for entry in names)


def _belongs(packet: Packet | None, extension: str) -> bool:
    """Whether an `a.xmp` is that of a.jpg: Adobe's programs write it for a raw file, and say so in it."""
    whose = [] if packet is None else packet.properties.get(SIDECAR_FOR, [])
    return not whose or whose[0].text.lower() == extension.lstrip(".").lower()


def _read(path: str) -> Found:
    try:
        descriptor = open_regular(path)
        with open(descriptor, "rb") as file:
            data, seen = file.read(MAX_BYTES + 1), Seen.of(os.fstat(descriptor))
    except (OSError, Unfit) as error:
        return Found(path, None, b"", None, words(error))
    try:
        return Found(path, seen, data, parse(data))
    except BadMetadata as error:
        return Found(path, seen, data, None, str(error))


def write(sidecar: Sidecar, data: bytes, seen: Seen | None) -> None:
    """Writes a sidecar, new or over the one that was `seen`; it is on disk when this returns. Raises OSError
    (FileExistsError if a new one's name was taken meanwhile), Unfit; the file is then as it was."""
    path, part = sidecar.path, part_of(sidecar.path)
    drop(part)
    try:
        with open(part, "xb") as file:
            file.write(data)
            file.flush()
            if seen is None:
                os.chmod(part, sidecar.mode)
            else:
                dress(path, part, replace(seen, mtime_ns=time.time_ns()))
            os.fsync(file.fileno())
        if seen is None:
            take_name(part, path)
        else:
            ensure_unchanged(path, seen)
            os.replace(part, path)
    finally:
        drop(part)
    sync_folder(os.path.dirname(path))


def take_back(sidecar: Sidecar) -> bool:
    """Brings a sidecar to where it was before it was written to, if it is still as it was written then; whether there
    was anything to do. Raises OSError; Unfit if people or programs have changed it since."""
    path, part, before = sidecar.path, part_of(sidecar.path), sidecar.before
    drop(part)
    try:
        digest, seen = read_digest(path)
    except FileNotFoundError as error:
        if before is None:
            return False
        raise Unfit("gone") from error
    if before is not None and digest == hashlib.sha256(before).digest():
        return False
    if digest != sidecar.digest:
        raise Unfit("changed since, and stays")
    if before is None:
        ensure_unchanged(path, seen)
        os.unlink(path)
    else:
        try:
            with open(part, "xb") as file:
                file.write(before)
                file.flush()
                dress(path, part, replace(seen, mode=sidecar.mode, mtime_ns=sidecar.mtime_ns))
                os.fsync(file.fileno())
            ensure_unchanged(path, seen)
            os.replace(part, path)
        finally:
            drop(part)
    sync_folder(os.path.dirname(path))
    return True
