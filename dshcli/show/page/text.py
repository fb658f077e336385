"""Text for a page: names are hostile, and a page shows them as they are, harmless."""

from html import escape

from dshcli.show.text import escaped


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
