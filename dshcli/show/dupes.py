"""Groups of duplicate images."""

from collections.abc import Iterator
from typing import Any

from dshcli.commands.dupes import Dupes, Group
from dshcli.show.screen import Format, Screen, image_record
from dshcli.show.text import bytes_text, count, escaped, facts, near

COLUMNS = ("group", "role", "distance", "exact", "width", "height", "bytes", "path", "why", "frees")


def show_dupes(screen: Screen, result: Dupes) -> None:
    """Prints each group when it is ready, then the totals."""
    screen.say(result.warning)
    if screen.format is Format.CSV:
        screen.csv([COLUMNS])
    for group in result.groups:
        _show_group(screen, group)
    if result.missing:
        gone = count(result.missing, "image")
        screen.say(f"Left out: {gone} whose file is gone; to drop them from the index: dsh index FOLDER --prune")
    screen.say(
        f"{count(result.count, 'group')} among {result.images:,} images (radius {result.radius} of {result.model.bits} "
        f"bits, {result.model.model_id}): {count(result.copies, 'image')} could go, {bytes_text(result.frees)}."
    )


def _show_group(screen: Screen, group: Group) -> None:
    if screen.format is Format.JSON:
        screen.json(_record(group))
    elif screen.format is Format.CSV:
        screen.csv(_rows(group))
    elif screen.format is Format.PLAIN:
        for number, role, distance, exact, width, height, size, path, *_ in _rows(group):
            kind = "exact" if exact else "similar"
            screen.line(f"{number}\t{role}\t{distance}\t{kind}\t{width}x{height}\t{size}\t{escaped(path)}")
    else:
        _show_for_people(screen, group)


def _show_for_people(screen: Screen, group: Group) -> None:
    frees = f", {bytes_text(group.frees)} could be freed" if group.frees else ""
    screen.line(f"Group {group.number}: {1 + len(group.members)} images{frees}")
    screen.line(f"  keep  {facts(group.keeper)}  {near(group.keeper.path)}  ({group.why})")
    for member in group.members:
        kind = "exact copy" if member.exact else f"{count(member.distance, 'bit')} away"
        screen.line(f"  copy  {facts(member.image)}  {near(member.image.path)}  ({kind})")


def _record(group: Group) -> dict[str, Any]:
    return {
        "group": group.number,
        "frees": group.frees,
        "keeper": image_record(group.keeper) | {"why": group.why},
        "members": [{"distance": m.distance, "exact": m.exact, **image_record(m.image)} for m in group.members],
    }


def _rows(group: Group) -> Iterator[tuple[Any, ...]]:
    """A row per image, in the order of COLUMNS."""
    keeper = group.keeper
    yield (group.number, "keep", 0, True, keeper.width, keeper.height, keeper.size, keeper.path, group.why, group.frees)
    for m in group.members:
        image = m.image
        facts = (image.width, image.height, image.size, image.path)
        yield (group.number, "copy", m.distance, m.exact, *facts, "", "")
