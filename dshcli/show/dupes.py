"""Groups of duplicate images."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dshcli.commands.dupes import SIMILAR, Dupes, Group, Member
from dshcli.dedupe.by_codes import Verification
from dshcli.search.candidates import BEST, NEAREST
from dshcli.show.screen import Format, Screen, image_record
from dshcli.show.text import bytes_text, count, escaped, facts, near

PROBLEMS_SHOWN = 10
COLUMNS = (
    "group", "role", "distance", "exact", "width", "height", "bytes", "path", "why", "frees", "kind", "detail",
    "verdict",
)  # fmt: skip


def show_dupes(screen: Screen, result: Dupes) -> None:
    """Prints each group when it is ready, then the totals."""
    screen.say(result.warning)
    if screen.format is Format.CSV:
        screen.csv([COLUMNS])
    for group in result.groups:
        _show_group(screen, group)
    for line in dupes_words(result, verbose=screen.verbose):
        screen.say(line)


def show_plan(screen: Screen, plan: Path, result: Dupes) -> None:
    """Says what a plan that was written is for."""
    name = escaped(shlex.quote(str(plan)))
    screen.say(f"Wrote {name}: {count(result.copies, 'file')} to remove. To see what would be done: dsh apply {name}")


def show_report(screen: Screen, report: Path) -> None:
    """Says where the page is."""
    screen.say(f"Wrote {escaped(shlex.quote(str(report)))}: open it in a browser to compare, mark and export a plan.")


def dupes_words(result: Dupes, *, verbose: bool) -> Iterator[str]:
    """What was left out, what was verified, and the totals; once the groups were taken."""
    if result.flat:
        yield (
            f"{count(result.flat, 'blank or flat image')} {'is' if result.flat == 1 else 'are'} left out; "
            "only equal files among them are grouped"
        )
        if verbose:
            yield from (f"  flat {escaped(image.path)}" for image in result.flat_images)
    if result.missing:
        gone = count(result.missing, "image")
        yield f"Left out: {gone} whose file is gone; to drop them from the index: dsh index FOLDER --prune"
    if result.verification:
        yield from _verification(result.verification, verbose=verbose)
    if result.settled:
        yield f"{count(result.settled, 'group')} left out that you decided to keep; --decided shows them"
    if result.marked:
        yield "Only what you marked to be removed" + ("" if result.count else ": nothing; see dsh review")
    within = "candidates within" if result.verification else "radius"
    yield (
        f"{count(result.count, 'group')} among {result.images:,} images ({within} {result.radius} of "
        f"{result.model.bits} bits, {result.model.model_id}): {count(result.copies, 'image')} could go, "
        f"{bytes_text(result.frees)}."
    )


def _verification(done: Verification, *, verbose: bool) -> Iterator[str]:
    tally = done.tally
    problems = [*done.changed, *tally.problems]
    if problems:
        unproven = f" ({count(tally.unproven, 'pair')} of candidates)" if tally.unproven else ""
        images = count(len(problems), "image")
        yield f"Not verified, so not grouped: {images}{unproven}; to read changed ones again: dsh index FOLDER"
        yield from (f"  {escaped(path)}: {why}" for path, why in (problems if verbose else problems[:PROBLEMS_SHOWN]))
        if len(problems) > PROBLEMS_SHOWN and not verbose:
            yield f"  ({count(len(problems) - PROBLEMS_SHOWN, 'more image')}; --verbose lists them all)"
    if done.left_out:
        yield (
            f"Left out: {count(done.left_out, 'candidate pair')} of images with more than {NEAREST + BEST} of them; "
            f"each is compared with the {NEAREST} nearest and the {BEST} best only"
        )
    rate = f", {tally.anew / tally.seconds:,.1f} pairs/s" if tally.anew and tally.seconds else ""
    yield (
        f"Verified {count(tally.anew + tally.known, 'pair')} of {count(done.candidates, 'candidate pair')}: "
        f"{tally.known:,} known from before, {tally.rejected:,} rejected as look-alikes{rate}."
    )


def _show_group(screen: Screen, group: Group) -> None:
    if screen.format is Format.JSON:
        screen.json(_record(group))
    elif screen.format is Format.CSV:
        screen.csv(_rows(group))
    elif screen.format is Format.PLAIN:
        for number, role, distance, exact, width, height, size, path, _, _, kind, detail, _ in _rows(group):
            bytes_are = "exact" if exact else SIMILAR
            image = f"{width}x{height}\t{size}\t{escaped(path)}"
            screen.line(f"{number}\t{role}\t{distance}\t{bytes_are}\t{image}\t{kind}\t{detail}")
    else:
        _show_for_people(screen, group)


def _show_for_people(screen: Screen, group: Group) -> None:
    frees = f", {bytes_text(group.frees)} could be freed" if group.frees else ""
    screen.line(f"Group {group.number}: {1 + len(group.members)} images{frees}")
    screen.line(f"  keep  {facts(group.keeper)}  {near(group.keeper.path)}  ({group.why})")
    for member in group.members:
        screen.line(f"  {_role(member)}  {facts(member.image)}  {near(member.image.path)}  ({_what(member)})")


def _role(member: Member) -> str:
    return "keep" if member.kept else "copy"


def _what(member: Member) -> str:
    """What a member is, for people, why it stays if it does, and what was decided about it."""
    decided = f"decided: {member.verdict}" if member.verdict else ""
    return "; ".join(words for words in (member.stays, _bond(member), decided) if words)


def _bond(member: Member) -> str:
    if member.exact:
        return "exact copy"
    if member.kind == SIMILAR and not member.detail:
        return f"{count(member.distance, 'bit')} away"
    return f"{member.kind}: {member.detail}" if member.detail else member.kind


def _record(group: Group) -> dict[str, Any]:
    return {
        "group": group.number,
        "frees": group.frees,
        "keeper": image_record(group.keeper) | {"why": group.why},
        "members": [_member_record(member) for member in group.members],
    }


def _member_record(member: Member) -> dict[str, Any]:
    kind = {"stays": member.stays, "kind": str(member.kind), "detail": member.detail, "verdict": member.verdict}
    return {"distance": member.distance, "exact": member.exact, **image_record(member.image), **kind}


def _rows(group: Group) -> Iterator[tuple[Any, ...]]:
    """A row per image, in the order of COLUMNS."""
    keeper = group.keeper
    facts = (keeper.width, keeper.height, keeper.size, keeper.path)
    yield (group.number, "keep", 0, True, *facts, group.why, group.frees, "", "", "")
    for m in group.members:
        image = m.image
        facts = (image.width, image.height, image.size, image.path)
        yield (group.number, _role(m), m.distance, m.exact, *facts, m.stays, "", str(m.kind), m.detail, m.verdict)
