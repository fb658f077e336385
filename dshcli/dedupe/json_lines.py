"""Files of JSON lines that people edit: plans, decisions. Lines may be empty or, with a # at their start, comments."""

import json
from collections.abc import Iterator
from typing import Any


class Off(Exception):
    """Why a line is not as it must be."""


def lines_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that say something, with their numbers, from 1."""
    for number, raw in enumerate(data.split(b"\n"), start=1):
        if raw.strip() and not raw.lstrip().startswith(b"#"):
            yield number, raw


def parsed(raw: bytes) -> dict[str, Any]:
    """The object of a line. Raises Off."""
    try:
        record = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Off(f"no JSON ({error})") from error
    if not isinstance(record, dict):
        raise Off("no JSON object")
    return record
