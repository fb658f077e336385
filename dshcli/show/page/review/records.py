"""A group as a record for the page: the keeper first, then the others, each with what it is to the keeper."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from dshcli.commands.dupes import Group, Member
from dshcli.library.store import Image


def group_record(group: Group, chosen: Collection[bytes] = ()) -> dict[str, Any]:
    """chosen: digests of keepers that people chose."""
    members = [_image_record(member.image, chosen) | _member_record(member) for member in group.members]
    keeper = _image_record(group.keeper, chosen) | {"stays": group.stays}
    return {"group": group.number, "frees": group.frees, "why": group.why, "images": [keeper, *members]}


def _member_record(member: Member) -> dict[str, Any]:
    return {
        "distance": member.distance,
        "kind": str(member.kind),
        "detail": member.detail,
        "exact": member.exact,
        "verdict": str(member.verdict),
        "stays": member.stays,
    }


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
