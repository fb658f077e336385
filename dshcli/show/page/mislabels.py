"""The page of labels that are likely to be wrong: a picture for the most doubtful ones; the rest as a table."""

from pathlib import Path

from dshcli.commands.mislabels import Mislabel, Mislabels
from dshcli.progress import Reporter
from dshcli.show.mislabels import summary
from dshcli.show.page.document import document, write
from dshcli.show.page.pictures import shown
from dshcli.show.page.text import rest, words
from dshcli.show.text import bytes_text, count

SHOWN = 300  # as pictures; the next ones stand in a table below


def write_mislabels(path: Path, result: Mislabels, reporter: Reporter) -> None:
    """Writes the page. Raises DshError if the disk refuses."""
    drawn = result.shown[:SHOWN]
    figures = []
    with reporter.task("drawing the page", total=len(drawn), unit="picture") as task:
        for one in drawn:
            figures.append(_figure(one))
            task.advance()
    listed = rest(result.shown[SHOWN:], ["", "label", "rather", "image"], _cells)
    body = f'<h1>Doubtful labels</h1><p>{words(summary(result))}</p><div class="sides">{"".join(figures)}</div>{listed}'
    size = write(path, document("Doubtful labels", body))
    reporter.say(f"Wrote {path} ({bytes_text(size)}, {count(len(drawn), 'picture')})")


def _cells(one: Mislabel) -> list[str]:
    return [str(one.rank), words(one.label), words(one.suggested), words(one.path)]


def _figure(one: Mislabel) -> str:
    facts = f"<b>{words(one.label)}</b>, believed to {one.confidence:.1%}<br>rather <b>{words(one.suggested)}</b>?"
    return (
        f'<section class="side"><h3>{one.rank}</h3><div><figure>{shown(one.path, one.label)}</figure>'
        f"<figure><figcaption>{facts}<br><br>{words(one.path)}</figcaption></figure></div></section>"
    )
