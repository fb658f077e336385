"""What the page sends: marks and chosen keepers, as JSON that nobody vouches for."""

import json
from typing import Any

from dshcli.library.contents import DIGEST_BYTES
from dshcli.library.decisions import Choice, Verdict
from dshcli.review.table import GroupTable

Pair = tuple[bytes, bytes]
Marks = dict[Pair, Verdict | None]


class BadRequest(Exception):
    """What is wrong with a request, for whoever wrote the page."""


def parsed_marks(body: bytes, table: GroupTable) -> Marks:
    """Verdicts by pair of digests, None to forget one; the last word on a pair holds. Raises BadRequest."""
    marks: Marks = {}
    for mark in _list(_object(_json(body)).get("marks"), "marks"):
        fields = _object(mark)
        one, other = (_digest(fields.get(name), name) for name in ("one", "other"))
        _ensure_together((one, other), table)
        verdict = _verdict(fields)
        if one == other and verdict is Verdict.DIFFERENT:
            raise BadRequest("a content cannot be different from itself")
        marks[min(one, other), max(one, other)] = verdict
    return marks


def parsed_keeper(body: bytes, table: GroupTable) -> Choice:
    """Raises BadRequest."""
    fields = _object(_json(body))
    chosen = fields.get("chosen", True)
    if not isinstance(chosen, bool):
        raise BadRequest("'chosen' is neither true nor false")
    digest = _digest(fields.get("digest"), "digest")
    among = tuple(_digest(other, "among") for other in _list(fields.get("among", []), "among"))
    _ensure_together((digest, *among), table)
    return Choice(digest, tuple(other for other in among if other != digest), chosen)


def digest_of(text: object) -> bytes | None:
    """The digest that 64 hexadecimal digits tell; else None."""
    if not isinstance(text, str) or len(text) != 2 * DIGEST_BYTES or not text.isascii() or not text.isalnum():
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def _ensure_together(digests: tuple[bytes, ...], table: GroupTable) -> None:
    """Nothing but what the page shows can be decided: contents that stand together in a group."""
    groups = table.having(digests[0])
    for digest in digests[1:]:
        groups &= table.having(digest)
    if not groups:
        raise BadRequest("no group that is shown here has these contents")


def _verdict(fields: dict[str, Any]) -> Verdict | None:
    if "verdict" not in fields:
        raise BadRequest("'verdict' is missing")
    value = fields["verdict"]
    if value is None:
        return None
    if value not in [str(verdict) for verdict in Verdict]:
        raise BadRequest(f"'verdict' is none of {', '.join(repr(str(v)) for v in Verdict)}, null")
    return Verdict(value)


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("no JSON") from error


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest("no JSON object where one must be")
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRequest(f"{name!r} is no list")
    return value


def _digest(value: object, name: str) -> bytes:
    digest = digest_of(value)
    if digest is None:
        raise BadRequest(f"{name!r} is no SHA-256 in hexadecimal digits")
    return digest
