"""The page of labels that are likely to be wrong: a picture for the most doubtful ones; the rest as a table."""

from pathlib import Path

from dshcli.commands.mislabels import Mislabel, Mislabels
from dshcli.images.opening import MAX_PIXELS
from dshcli.progress import Reporter
from dshcli.show.mislabels import summary
from dshcli.show.page.document import document, write
from dshcli.show.page.pictures import picture_of
from dshcli.show.page.text import table, words
from dshcli.show.text import bytes_text, count

SHOWN = 300  # as pictures ...
LISTED = 2_000  # ... and in the table below
SIDE = 256  # pixels of a picture


def write_mislabels(path: Path, result: Mislabels, reporter: Reporter) -> None:
    """Writes the page. Raises DshError if the disk refuses."""
    drawn, listed = result.shown[:SHOWN], result.shown[SHOWN : SHOWN + LISTED]
    figures = []
    with reporter.task("drawing the page", total=len(drawn), unit="picture") as task:
        for one in drawn:
            figures.append(_figure(one))
            task.advance()
    rest = ""
    if listed:
        rows = [[str(one.rank), words(one.label), words(one.suggested), words(one.path)] for one in listed]
        left = len(result.shown) - SHOWN - len(listed)
        more = f" {left:,} more are left out here; --csv has them all." if left else ""
        rest = f"<p>The next {len(listed):,} without pictures.{more}</p>{table(['', 'label', 'rather', 'image'], rows)}"
    body = f'<h1>Doubtful labels</h1><p>{words(summary(result))}</p><div class="sides">{"".join(figures)}</div>{rest}'
    size = write(path, document("Doubtful labels", body))
    reporter.say(f"Wrote {path} ({bytes_text(size)}, {count(len(drawn), 'picture')})")


def _figure(one: Mislabel) -> str:
    source = picture_of(one.path, SIDE, MAX_PIXELS)
    image = f'<img alt="{words(one.label)}" src="{source}">' if source else "<p>cannot be read now</p>"
    facts = f"<b>{words(one.label)}</b>, believed to {one.confidence:.1%}<br>rather <b>{words(one.suggested)}</b>?"
    return (
        f'<section class="side"><h3>{one.rank}</h3><div><figure>{image}</figure>'
        f"<figure><figcaption>{facts}<br><br>{words(one.path)}</figcaption></figure></div></section>"
    )
