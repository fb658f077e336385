"""Leaks between splits, and conflicts of labels."""

from collections.abc import Iterator
from typing import Any

from dshcli.commands.leaks import Leaks, Total
from dshcli.search.candidates import BEST, NEAREST
from dshcli.sets.leaks import Leak, Spot
from dshcli.show.screen import Format, Screen
from dshcli.show.text import count, escaped, near

PROBLEMS_SHOWN = 10
COLUMNS = (
    "what", "kind", "detail", "distance", "split", "label", "path", "in_split", "in_label", "in_path", "more",
)  # fmt: skip
LEAK, CONFLICT = "leak", "conflict"


def show_leaks(screen: Screen, result: Leaks) -> None:
    """Each leak, then each conflict; with JSON also a record for each pair of splits. The totals in words."""
    for line in _words_before(result):
        screen.say(line)
    if screen.format is Format.CSV:
        screen.csv([COLUMNS])
    for what, leaks in ((LEAK, result.leaks), (CONFLICT, result.conflicts)):
        for leak in leaks:
            _show(screen, what, leak, result)
    if screen.format is Format.JSON:
        for total in result.totals:
            screen.json(_total_record(total, result))
    for line in words(result):
        screen.say(line)


def row(what: str, leak: Leak, result: Leaks) -> tuple[Any, ...]:
    """Values in the order of COLUMNS."""
    return (
        what,
        leak.kind,
        leak.detail,
        leak.distance,
        *_spot(leak.image, result),
        *_spot(leak.copy, result),
        leak.more,
    )


def kind_text(leak: Leak) -> str:
    """What the image is to its copy, for people."""
    if leak.detail:
        return f"{leak.kind}: {leak.detail}"
    return f"{leak.kind}, {count(leak.distance, 'bit')} away" if leak.kind == "similar" else leak.kind


def words(result: Leaks) -> Iterator[str]:
    """The totals, for people."""
    for total in result.totals:
        yield total_text(total, result)
    leaked = {leak.image.path for leak in result.leaks}
    in_conflict = {leak.image.path for leak in result.conflicts}
    within = "candidates within" if result.found.tally is not None else "radius"
    yield (
        f"{count(len(leaked), 'image')} leaked, {len(in_conflict):,} in conflict of labels, {result.affected:,} in all "
        f"({within} {result.radius} of {result.model.bits} bits, {result.model.model_id})."
    )


def total_text(total: Total, result: Leaks) -> str:
    """`val in train: 3 of 120 images (2.5 %), 1 of them under another label`."""
    name, within = (escaped(result.splits[number].name) for number in (total.split, total.within))
    of = result.images[total.split]
    if total.split == total.within:
        return f"{name}: {total.conflicts:,} of {count(of, 'image')} in conflict of labels within it"
    under = f", {total.conflicts:,} in conflict of labels" if total.conflicts else ""
    return f"{name} in {within}: {total.leaks:,} of {count(of, 'image')} ({_share(total.leaks, of)}){under}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _words_before(result: Leaks) -> Iterator[str]:
    """What was not compared, and why."""
    yield result.warning
    problems = [problem for ledger in result.ledgers for problem in ledger.skipped]
    problems += result.found.changed
    tally = result.found.tally
    if tally is not None:
        problems += tally.problems
    if problems:
        yield f"Not compared: {count(len(problems), 'file')}"
        yield from (f"  {escaped(path)}: {why}" for path, why in problems[:PROBLEMS_SHOWN])
        if len(problems) > PROBLEMS_SHOWN:
            yield f"  (and {len(problems) - PROBLEMS_SHOWN:,} more; dsh index FOLDER --retry --verbose lists them)"
    if result.flat:
        yield f"{count(result.flat, 'blank or flat image')}: only equal files among them count"
    if result.found.left_out:
        yield (
            f"Left out: {count(result.found.left_out, 'candidate pair')} of images with more than {NEAREST + BEST} of "
            f"them; each is compared with the {NEAREST} nearest and the first {BEST} only"
        )
    if tally is not None:
        yield (
            f"Verified {count(tally.anew + tally.known, 'pair')}: {tally.known:,} known from before, "
            f"{tally.rejected:,} rejected as look-alikes."
        )


def _spot(spot: Spot, result: Leaks) -> tuple[str, str, str]:
    return result.splits[spot.split].name, spot.label, spot.path


def _show(screen: Screen, what: str, leak: Leak, result: Leaks) -> None:
    values = row(what, leak, result)
    if not screen.row(COLUMNS, values, conflict=leak.conflict):
        more = f"  and {leak.more:,} more there" if leak.more else ""
        screen.line(f"{what}  {kind_text(leak)}{more}")
        for spot in (leak.image, leak.copy):
            label = f"  [{escaped(spot.label)}]" if spot.label else ""
            screen.line(f"  {escaped(result.splits[spot.split].name):<10}  {near(spot.path)}{label}")


def _total_record(total: Total, result: Leaks) -> dict[str, Any]:
    return {
        "what": "total",
        "split": result.splits[total.split].name,
        "in_split": result.splits[total.within].name,
        "images": result.images[total.split],
        "leaks": total.leaks,
        "conflicts": total.conflicts,
    }
