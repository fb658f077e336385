"""The plan: which files to remove, and which to keep for each, in a file that people read and edit.

JSON lines. The first is a header, every other one a file to remove:

    {"dsh_plan": 1, "index": "/home/ann/.local/share/dsh/index.db", "model": "photo-cd217e6fdab9", "radius": 135,
     "verified": true, "groups": 1, "files": 1, "bytes": 18200}
    {"group": 1, "keep": {"path": "/p/a.jpg", "sha256": "5f0c...", "bytes": 44200},
     "remove": {"path": "/p/b.jpg", "sha256": "a113...", "bytes": 18200}, "kind": "re-encoded", "detail": "",
     "why": "largest file"}

A header may have "protected": folders below which nothing is removed. Lines may be deleted, reordered, left empty or,
with a # at their start, be comments. A path's byte that is no UTF-8 stands there as the escape of its surrogate
(`\\udce9` for 0xE9). Nothing in a plan is trusted: see checks.py.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dshcli.dedupe.json_lines import Off, lines_of, parsed
from dshcli.errors import DshError, system_reason
from dshcli.library.removals import PlannedFile
from dshcli.writing import Sort, created, ensure_place, told

VERSION = 1
MARK = "dsh_plan"  # the header's first key, whose value is the version
PLAN = Sort("plan", "plan", f'{{"{MARK}"'.encode(), "--plan FILE.jsonl", "--plan plan.jsonl")
DIGEST_BYTES = 32

T = TypeVar("T")


@dataclass(frozen=True)
class Header:
    """Where a plan comes from: the index file, the model, the radius in bits, whether the groups are proven on their
    pixels; its totals when it was written: groups, files to remove, and the bytes that this would free; and folders
    (absolute paths) below which nothing is removed."""

    index: str
    model_id: str
    radius: int
    verified: bool
    groups: int
    files: int
    bytes: int
    protected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A file to remove, the one to keep for it, what it is to that (kind, detail), and why the other is kept."""

    group: int
    keep: PlannedFile
    remove: PlannedFile
    kind: str
    detail: str
    why: str


@dataclass(frozen=True)
class Plan:
    """A plan that was read. digest: SHA-256 of the file, by which an interrupted run knows it again."""

    path: Path
    digest: bytes
    header: Header
    lines: tuple[Line, ...]


def ensure_plan_place(path: Path) -> None:
    """Raises UsageError unless a plan may be written there: in a folder, over nothing but another plan."""
    ensure_place(path, PLAN)


@contextmanager
def created_plan(path: Path, header: Header) -> Iterator[Callable[[Line], None]]:
    """Gives a function that adds a line. The file is there, whole, once the block ends well; else as it was before.

    Raises DshError if it cannot be written.
    """
    with created(path, PLAN) as file:

        def write(line: Line) -> None:
            with told(path, PLAN):
                file.write(_text(_record(line)))

        file.write(_text(_header_record(header)))
        yield write


def plan_text(header: Header, lines: Iterable[Line]) -> Iterator[str]:
    """The lines of a plan, for whoever sends it instead of writing it into a file."""
    yield from map(_encodable, [_text(_header_record(header)), *(_text(_record(line)) for line in lines)])


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _text(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _header_record(header: Header) -> dict[str, Any]:
    return {
        MARK: VERSION,
        "index": header.index,
        "model": header.model_id,
        "radius": header.radius,
        "verified": header.verified,
        "groups": header.groups,
        "files": header.files,
        "bytes": header.bytes,
    } | ({"protected": [*header.protected]} if header.protected else {})


def _record(line: Line) -> dict[str, Any]:
    return {
        "group": line.group,
        "keep": _file_record(line.keep),
        "remove": _file_record(line.remove),
        "kind": line.kind,
        "detail": line.detail,
        "why": line.why,
    }


def _file_record(file: PlannedFile) -> dict[str, Any]:
    return {"path": file.path, "sha256": file.digest.hex(), "bytes": file.size}


# --- reading -------------------------------------------------------------------------------------------------------


def load_plan(path: Path) -> Plan:
    """Reads a plan. Raises DshError, which names the line, if any part of it is not as it must be: a damaged plan is
    not followed in part."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DshError(f"{path}: {system_reason(error)}", hint="Make a plan: dsh dupes --plan plan.jsonl") from error
    header: Header | None = None
    lines = list[Line]()
    for number, raw in lines_of(data):
        try:
            record = parsed(raw)
            if header is None:
                header = _header(record)
            else:
                lines.append(_line(record))
        except Off as error:
            raise DshError(
                f"{path}, line {number}: {error}",
                hint="Nothing was done. Correct that line or delete it; or make the plan again: dsh dupes --plan FILE",
            ) from error
    if header is None:
        raise DshError(f"{path} is empty, not a plan", hint="Make a plan: dsh dupes --plan plan.jsonl")
    return Plan(path, hashlib.sha256(data).digest(), header, tuple(lines))


def _header(record: dict[str, Any]) -> Header:
    if MARK not in record:
        raise Off(f"not a plan's header: it has no {MARK!r}")
    if record[MARK] != VERSION:
        raise Off(f"a plan of version {record[MARK]!r}, and this dsh reads version {VERSION}")
    groups, files, size = (_value(record, name, int) for name in ("groups", "files", "bytes"))
    return Header(
        _value(record, "index", str), _value(record, "model", str), _value(record, "radius", int),
        _value(record, "verified", bool), groups, files, size, _protected(record),
    )  # fmt: skip


def _protected(record: dict[str, Any]) -> tuple[str, ...]:
    """None in plans that do not say."""
    folders = record.get("protected", [])
    if not isinstance(folders, list) or not all(isinstance(folder, str) for folder in folders):
        raise Off("'protected' is no list of folders")
    for folder in folders:
        _ensure_plain(folder, "protected")
    return tuple(folders)


def _line(record: dict[str, Any]) -> Line:
    keep, remove = (_file(_value(record, name, dict), name) for name in ("keep", "remove"))
    if keep.path == remove.path:
        raise Off("the file to keep is the one to remove")
    words = (_value(record, name, str) for name in ("kind", "detail", "why"))
    return Line(_value(record, "group", int), keep, remove, *words)


def _file(record: dict[str, Any], name: str) -> PlannedFile:
    path, hexadecimal = _value(record, "path", str), _value(record, "sha256", str)
    _ensure_plain(path, name)
    try:
        digest = bytes.fromhex(hexadecimal)
    except ValueError as error:
        raise Off(f"{name!r}: {error}") from error
    if len(digest) != DIGEST_BYTES:
        raise Off(f"the sha256 of {name!r} has not {2 * DIGEST_BYTES} digits")
    return PlannedFile(path, digest, _value(record, "bytes", int))


def _ensure_plain(path: str, name: str) -> None:
    if not os.path.isabs(path) or os.path.normpath(path) != path or "\0" in path:
        raise Off(f"the path of {name!r} is not absolute and plain: {path!r}")
    try:
        os.fsencode(path)
    except ValueError as error:
        raise Off(f"{name!r}: {error}") from error


def _value(record: dict[str, Any], name: str, kind: type[T]) -> T:
    value = record.get(name)
    if type(value) is not kind:  # a bool is an int, which no number here may be
        raise Off(f"{name!r} is missing" if name not in record else f"{name!r} is no {_KINDS[kind]}")
    if isinstance(value, int) and not 0 <= value < 2**63:  # SQLite's largest
        raise Off(f"{name!r} is out of range: {value}")
    return value


_KINDS: dict[type, str] = {int: "whole number", str: "text", bool: "true or false", dict: "object"}
