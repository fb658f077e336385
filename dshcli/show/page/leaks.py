"""The page of leaks: both pictures side by side, for the most certain ones; the rest as a table."""

from pathlib import Path

from dshcli.commands.leaks import Leaks
from dshcli.progress import Reporter, Task
from dshcli.sets.leaks import Leak, Spot
from dshcli.show.leaks import CONFLICT, LEAK, kind_text, total_text
from dshcli.show.page.document import document, write
from dshcli.show.page.pictures import shown
from dshcli.show.page.text import rest, words
from dshcli.show.text import bytes_text, count

SHOWN = 100  # of the leaks, and of the conflicts, that are shown as pictures


def write_leaks(path: Path, result: Leaks, reporter: Reporter) -> None:
    """Writes the page. Raises DshError if the disk refuses."""
    title = "Leaks between " + ", ".join(split.name for split in result.splits)
    facts = "".join(f"<p>{words(total_text(total, result))}</p>" for total in result.totals)
    drawn = 2 * (min(len(result.leaks), SHOWN) + min(len(result.conflicts), SHOWN))
    with reporter.task("drawing the page", total=drawn, unit="picture") as task:
        body = (
            f"<h1>{words(title)}</h1>{facts}"
            + _part("Leaks", "Images that an earlier split has as well, the most certain first.", LEAK, result, task)
            + _part(
                "Conflicts of labels",
                "Pictures under two labels, one of which is wrong.",
                CONFLICT,
                result,
                task,
            )
        )
    size = write(path, document(title, body))
    reporter.say(f"Wrote {path} ({bytes_text(size)}, {count(drawn, 'picture')})")


def _part(title: str, caption: str, what: str, result: Leaks, task: Task) -> str:
    leaks = result.leaks if what == LEAK else result.conflicts
    if not leaks:
        return f"<section><h2>{title}</h2><p>There are none.</p></section>"
    drawn = "".join(_side_by_side(leak, result, task) for leak in leaks[:SHOWN])
    return f'<h2>{title}: {len(leaks):,}</h2><p>{caption}</p><div class="sides">{drawn}</div>{_rest(leaks, result)}'


def _rest(leaks: tuple[Leak, ...], result: Leaks) -> str:
    def cells(leak: Leak) -> list[str]:
        return [words(kind_text(leak)), *(_spot(spot, result) for spot in (leak.image, leak.copy))]

    return rest(leaks[SHOWN:], ["kind", "image", "copy"], cells)


def _side_by_side(leak: Leak, result: Leaks, task: Task) -> str:
    more = f" <small>and {leak.more:,} more there</small>" if leak.more else ""
    kind = ' class="side conflict"' if leak.conflict else ' class="side"'
    figures = "".join(_figure(spot, result, task) for spot in (leak.image, leak.copy))
    return f"<section{kind}><h3>{words(kind_text(leak))}{more}</h3><div>{figures}</div></section>"


def _figure(spot: Spot, result: Leaks, task: Task) -> str:
    image = shown(spot.path, spot.label or spot.path)
    task.advance()
    return f"<figure>{image}<figcaption>{_spot(spot, result)}</figcaption></figure>"


def _spot(spot: Spot, result: Leaks) -> str:
    name = words(result.splits[spot.split].name)
    label = f" {words(spot.label)}" if spot.label else ""
    return f"<b>{name}{label}</b><br>{words(spot.path)}"
