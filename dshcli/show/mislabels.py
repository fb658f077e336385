"""Images whose label is likely to be wrong."""

from dataclasses import astuple

from dshcli.commands.mislabels import Mislabels
from dshcli.show.screen import Format, Screen
from dshcli.show.text import count, escaped, near

COLUMNS = ("rank", "path", "split", "label", "suggested", "confidence", "likely")


def show_mislabels(screen: Screen, result: Mislabels) -> None:
    """A line an image, the most doubtful first; the totals in words."""
    if screen.format is Format.CSV:
        screen.csv([COLUMNS])
    for one in result.shown:
        values = [round(value, 4) if isinstance(value, float) else value for value in astuple(one)]
        if not screen.row(COLUMNS, values):
            change = f"{escaped(one.label)} -> {escaped(one.suggested)}?"
            screen.line(f"{one.rank:>5}  {one.confidence:6.1%}  {change:<28}  {near(one.path)}")
    if result.skipped:
        path, reason = result.skipped[0]
        screen.say(f"Not judged: {count(len(result.skipped), 'image')}, such as {escaped(path)}: {reason}")
    screen.say(summary(result))


def summary(result: Mislabels) -> str:
    """The totals, for people."""
    name = result.model.config.name
    judge = f"{result.folds} models trained as {name}, each on images that it never saw" if result.folds else name
    return (
        f"{result.likely:,} of {count(result.images, 'label')} look wrong, the surest first; {result.doubtful:,} "
        f"images are nearer to another class than to their own; judged by {judge}."
    )
