"""What becomes of the files of a plan, and the runs that were."""

import os
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from dshcli import paths
from dshcli.commands.undo import Undoing
from dshcli.dedupe.applying import Action, Applying, Outcome
from dshcli.library.removals import RunTotals
from dshcli.progress import Reporter
from dshcli.show.screen import Format, Screen
from dshcli.show.text import bytes_text, count, escaped, near

COLUMNS = ("group", "action", "bytes", "path", "target", "keep", "reason", "merged", "sidecar", "notes")
RUN_COLUMNS = ("run", "started", "way", "removed", "restored", "bytes", "plan", "folder")

_NOTHING = "Nothing was removed by this index."
_DID = {
    "quarantine": "moved into the quarantine",
    "trash": "moved to the trash",
    "hardlink": "made hard links",
    "reflink": "made reflinks",
    "delete": "deleted",
}


def show_applying(screen: Screen, work: Applying, reporter: Reporter) -> int:
    """Applies the plan and prints each outcome, then the totals; returns how many files were skipped."""
    if not work.plan.header.verified:
        screen.say("Warning: this plan goes by codes alone; nobody proved on the pixels that its files are copies.")
    doing = "looking" if work.dry else "applying"
    with reporter.task(doing, total=len(work.plan.lines), unit="file") as task:
        tally = _show(screen, work.outcomes(), task.advance)
    for line in _words_of_applying(work, tally):
        screen.say(line)
    return tally.numbers[Action.SKIPPED]


def show_undoing(screen: Screen, work: Undoing) -> int:
    """Restores the files and prints each outcome, then the totals; returns how many could not be restored."""
    tally = _show(screen, work.outcomes, lambda: None)
    skipped = tally.numbers[Action.SKIPPED]
    if work.run is None:
        screen.say(_NOTHING)
        return skipped
    done = f"Run {work.run.number}: {count(tally.numbers[Action.DONE], 'file')} restored"
    screen.say(f"{done}, {tally.numbers[Action.ALREADY]:,} restored before, {skipped:,} not restored.")
    if tally.sidecars:
        screen.say(f"{count(len(tally.sidecars), 'sidecar')} of kept files taken back.")
    return skipped


def show_runs(screen: Screen, runs: Iterable[RunTotals]) -> None:
    """A line a run, the oldest first."""
    rows = [
        (t.run.number, t.run.started, t.run.way, t.removed, t.restored, t.bytes, t.run.plan, t.run.folder) for t in runs
    ]
    if screen.format is Format.CSV:
        screen.csv([RUN_COLUMNS])
    for row in rows:
        if not screen.row(RUN_COLUMNS, row):
            number, started, way, removed, restored, size, plan, _ = row
            facts = f"{removed:,} removed ({bytes_text(size)}), {restored:,} restored"
            screen.line(f"{number:>4}  {started}  {way:<10}  {facts}  {near(plan)}")
    if not rows:
        screen.say(_NOTHING)


class _Tally:
    """Files by action, and the bytes of those that were, or would be, removed or restored."""

    def __init__(self) -> None:
        self.numbers: Counter[Action] = Counter()
        self.bytes = 0
        self.sidecars = set[str]()


def _show(screen: Screen, outcomes: Iterator[Outcome], advance: Any) -> _Tally:
    tally = _Tally()
    if screen.format is Format.CSV:
        screen.csv([COLUMNS])
    for outcome in outcomes:
        _show_outcome(screen, outcome)
        tally.numbers[outcome.action] += 1
        if outcome.action in (Action.DONE, Action.WOULD):
            tally.bytes += outcome.file.size
        if outcome.sidecar:
            tally.sidecars.add(outcome.sidecar)
        advance()
    return tally


def _show_outcome(screen: Screen, outcome: Outcome) -> None:
    file, merged = outcome.file, outcome.merged.known()
    row = (
        outcome.group, str(outcome.action), file.size, file.path, outcome.target, outcome.keep.path, outcome.reason,
        ", ".join(merged), outcome.sidecar, "; ".join(outcome.notes),
    )  # fmt: skip
    if not screen.row(COLUMNS, row, merged=merged, notes=outcome.notes, sha256=file.digest.hex()):
        reason = f"  ({escaped(outcome.reason)})" if outcome.reason else ""
        screen.line(f"{outcome.action:<8} {bytes_text(file.size):>8}  {near(file.path)}{reason}")
        for words in _words_of_metadata(outcome):
            screen.line(f"{'':19}{words}")


def _words_of_metadata(outcome: Outcome) -> Iterator[str]:
    merged = outcome.merged.known()
    if merged:
        yield f"{', '.join(merged)} -> {near(outcome.sidecar)}"
    elif outcome.sidecar:
        yield f"sidecar as it was before: {near(outcome.sidecar)}"
    for note in outcome.notes:
        yield escaped(note)


def _words_of_applying(work: Applying, tally: _Tally) -> Iterator[str]:
    number = tally.numbers
    files = f"{count(number[Action.WOULD] + number[Action.DONE], 'file')} ({bytes_text(tally.bytes)})"
    rest = f"{number[Action.ALREADY]:,} done before, {number[Action.SKIPPED]:,} skipped"
    where = f" {near(work.run.folder)}" if work.run.folder else ""
    did = _DID[work.run.way]
    if tally.sidecars:
        would = "would get" if work.dry else "got"
        yield f"{count(len(tally.sidecars), 'sidecar')} of kept files {would} what only the other files say."
    if work.dry:
        yield f"Dry run, nothing was changed. With --yes, {files} would be {did}{where}; {rest}."
        return
    yield f"Run {work.run.number}: {files} {did}{where}; {rest}."
    if number[Action.DONE] and work.run.way != "delete":
        yield f"To take it back: dsh undo {work.run.number}{_db(work)}"


def _db(work: Applying) -> str:
    index = work.index
    usual = os.path.abspath(paths.default_index())
    return "" if os.path.abspath(index) == usual else f" --db {escaped(shlex.quote(str(index)))}"
