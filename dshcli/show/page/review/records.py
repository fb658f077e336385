"""A group as a record for the page: the keeper first, then the others, each with what it is to the keeper."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from dshcli.commands.dupes import Group
from dshcli.library.store import Image


def group_record(group: Group, verdicts: Sequence[str] = (), chosen: Collection[bytes] = ()) -> dict[str, Any]:
    """verdicts: on the keeper and each member, in their order, "" where there is none; none at all: those that the
    members have. chosen: digests of keepers that people chose."""
    words = verdicts or [member.verdict for member in group.members]
    members = [
        _image_record(m.image, chosen)
        | {"distance": m.distance, "kind": str(m.kind), "detail": m.detail, "exact": m.exact}
        | {"verdict": str(verdict), "stays": m.stays}
        for m, verdict in zip(group.members, words, strict=True)
    ]
    keeper = _image_record(group.keeper, chosen)
    return {"group": group.number, "frees": group.frees, "why": group.why, "images": [keeper, *members]}


def _image_record(image: Image, chosen: Collection[bytes]) -> dict[str, Any]:
    return {
        "digest": image.digest.hex(),
        "path": image.path,
        "width": image.width,
        "height": image.height,
        "bytes": image.size,
        "format": image.format,
        "modified": _local_time(image.mtime_ns),
        "captured": "",
        "distance": 0,
        "kind": "",
        "detail": "",
        "exact": True,
        "verdict": "",
        "stays": "",
        "chosen": image.digest in chosen,
    }


def _local_time(mtime_ns: int) -> str:
    try:
        return datetime.fromtimestamp(mtime_ns // 10**9).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):  # a file may claim to be of any year
        return ""
