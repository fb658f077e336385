"""Text for a page: names are hostile, and a page shows them as they are, harmless."""

from collections.abc import Callable, Sequence
from html import escape
from typing import TypeVar

from dshcli.show.text import escaped

T = TypeVar("T")

LISTED = 2_000  # rows of what is not shown as pictures


def words(text: str) -> str:
    """Text as HTML, with control characters shown as escapes."""
    return escape(escaped(text))


def table(head: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """A table of HTML cells; the columns in `numbers` stand on the right."""
    top = "".join(f"<th>{words(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td{' class=number' if i in numbers else ''}>{c}</td>" for i, c in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{top}</tr>{body}</table></div>'


def rest(items: Sequence[T], head: list[str], cells: Callable[[T], list[str]]) -> str:
    """A table of what is not shown as pictures, as far as a page should go; "" if there is nothing."""
    listed = items[:LISTED]
    if not listed:
        return ""
    left = len(items) - len(listed)
    more = f" {left:,} more are left out here; --csv has them all." if left else ""
    return f"<p>The next {len(listed):,} without pictures.{more}</p>{table(head, [cells(item) for item in listed])}"
