"""Applies a plan, line by line, and takes a run back. Both go on where an earlier process was stopped.

For each line: the checks; the step in the index; the keeper's sidecar, if metadata is merged; the removal; the step's
end in the index. A dry run walks the same way and turns round before the second.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dshcli.dedupe import sidecars
from dshcli.dedupe.checks import Guard
from dshcli.dedupe.merging import Merge, Merger
from dshcli.dedupe.moving import Seen, Unfit, words
from dshcli.dedupe.plan import Line, Plan
from dshcli.dedupe.verdicts import Verdicts
from dshcli.dedupe.ways import WAYS
from dshcli.library.removals import PlannedFile, Removals, Run, State, Step, now
from dshcli.metadata.values import NOTHING, Metadata


class Action(StrEnum):
    """What became of a file."""

    WOULD = "would"  # a dry run
    DONE = "done"
    ALREADY = "already"  # by this run, before
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """A line of a plan or a step that was undone. target: where the file went, would go or still is, or ""; reason: why
    it was skipped, or ""; merged: what the keeper's sidecar got, or would get, from the file; sidecar: its path, if it
    was written to or taken back, or would be; notes: what of the metadata could not be read or merged."""

    group: int
    action: Action
    file: PlannedFile
    keep: PlannedFile
    target: str = ""
    reason: str = ""
    merged: Metadata = NOTHING
    sidecar: str = ""
    notes: tuple[str, ...] = ()


def choose_run(removals: Removals, plan: Plan, way: str, root: Path | None) -> Run:
    """The run that goes on: the last one, if it applied this very plan in this way to this quarantine and was not
    undone since. Else a new one, which is not written before its first step. root: of the quarantine."""
    runs = removals.runs()
    if runs:
        last, undone = runs[-1].run, runs[-1].restored and not runs[-1].removed
        here = root is None or Path(last.folder).parent == root
        if (last.plan_digest, last.way) == (plan.digest, way) and here and not undone:
            return last
    number = runs[-1].run.number + 1 if runs else 1
    folder = "" if root is None else _free(root / f"run-{number}")
    return Run(number, now(), os.path.abspath(plan.path), plan.digest, way, folder)


def _free(path: Path) -> str:
    """The path, with a number at its end if another index's run has it."""
    name, count = str(path), 1
    while os.path.lexists(name):
        count += 1
        name = f"{path}-{count}"
    return name


class Applying:
    """A plan on its way. dry: nothing is changed, and `removals` may be open for reading only; merging: what a file
    says of the picture and its keeper does not goes into the keeper's sidecar."""

    def __init__(
        self, removals: Removals, plan: Plan, run: Run, protected: tuple[str, ...], *, dry: bool, merging: bool = False
    ) -> None:
        self.plan, self.run, self.dry, self.index = plan, run, dry, removals.path
        self._removals, self._way = removals, WAYS[run.way]
        steps = removals.steps(run.number)
        gone = (step.remove.digest for step in steps if step.state is State.DONE)
        self._guard = Guard(plan.lines, protected, Verdicts.load(removals.index), gone)
        self._merger = Merger(self._guard, dry=dry) if merging else None
        self._last = steps[-1].number if steps else 0
        self._removed = {step.remove.path: step for step in steps if step.state is State.DONE}
        self._failed = False

    def outcomes(self) -> Iterator[Outcome]:
        """Applies each line when it is asked for. Raises DshError if the index cannot be written."""
        for line in self.plan.lines:
            before = self._removed.get(line.remove.path)
            try:
                seen = self._guard.check(line, self._way)
            except Unfit as error:
                if before is None or self._is_back(line.remove.path):
                    yield Outcome(line.group, Action.SKIPPED, line.remove, line.keep, reason=str(error))
                    continue
            else:
                if before is None or self._way.shows:
                    yield self._remove(line, seen)
                    continue
            yield Outcome(line.group, Action.ALREADY, line.remove, line.keep, self._shown(before))
        if self._failed and self.run.folder:
            _drop_empty_folders(self.run.folder)

    def _remove(self, line: Line, seen: Seen) -> Outcome:
        try:
            merge = Merge() if self._merger is None else self._merger.merge(line)
        except (OSError, Unfit) as error:
            return Outcome(line.group, Action.SKIPPED, line.remove, line.keep, reason=words(error))
        sidecar = "" if merge.sidecar is None else merge.sidecar.path
        step = Step(
            self._last + 1, line.group, line.keep, line.remove, self._target(line.remove.path), seen.mode, seen.mtime_ns
        )
        self._last = step.number
        if self.dry:
            merged = (merge.added, sidecar, merge.notes)
            return Outcome(line.group, Action.WOULD, line.remove, line.keep, self._shown(step), "", *merged)
        self._removals.begin(self.run, step, merge.sidecar)
        try:
            merge.write()
            if self.run.folder:
                os.makedirs(self.run.folder, mode=0o700, exist_ok=True)  # what was private stays so
            self._way.do(step, seen)
        except (OSError, Unfit) as error:
            if not _close(self._removals, self.run, step):
                self._failed = True
                return Outcome(line.group, Action.SKIPPED, line.remove, line.keep, reason=words(error))
        else:
            self._removals.mark(self.run, step, State.DONE)
        self._removed[line.remove.path] = step
        merged = (merge.added, sidecar, merge.notes)
        return Outcome(line.group, Action.DONE, line.remove, line.keep, self._shown(step), "", *merged)

    def _is_back(self, path: str) -> bool:
        """Whether a file that was moved away or deleted has come again, so that nobody may think it gone."""
        return not self._way.replaces and os.path.lexists(path)

    def _target(self, path: str) -> str:
        """Where the file goes, below the quarantine as it lay below the root of its drive; or the name beside it under
        which its replacement is made."""
        if self._way.replaces:
            return os.path.join(os.path.dirname(path), f".dsh-{secrets.token_hex(8)}.part")
        if not self.run.folder:
            return ""
        drive, rest = os.path.splitdrive(path)
        return _free(Path(self.run.folder, drive.strip(":\\/"), rest.lstrip(os.sep)))

    def _shown(self, step: Step) -> str:
        return "" if self._way.replaces else step.target


def settle_open_steps(removals: Removals) -> int:
    """Brings the steps of stopped processes to an end, or takes them back; their number."""
    steps = removals.open_steps()
    for run, step in steps:
        if step.state is State.BEGUN:
            _close(removals, run, step)
        else:
            _undo(removals, run, step)
    return len(steps)


def _close(removals: Removals, run: Run, step: Step) -> bool:
    """Brings a step that was begun to an end: done or, without a trace, failed. Whether its file is removed."""
    happened = _settled(run, step)
    sidecar = removals.maybe_sidecar(run, step)
    if sidecar is not None and not happened:
        with suppress(OSError, Unfit):  # what it gained stays, then: a keeper that knows more
            sidecars.take_back(sidecar)
    removals.mark(run, step, State.DONE if happened else State.FAILED)
    return happened


def _settled(run: Run, step: Step) -> bool:
    try:
        return WAYS[run.way].settle(step)
    except OSError:  # a folder that cannot be read or written: what can be seen is where the file is
        return not os.path.lexists(step.remove.path)


def undo(removals: Removals, run: Run) -> Iterator[Outcome]:
    """Puts the files of a run back, the last one first, each when it is asked for."""
    for step in reversed(removals.steps(run.number)):
        if step.state is State.UNDONE:
            yield Outcome(step.group, Action.ALREADY, step.remove, step.keep)
        elif step.state is State.DONE:
            removals.mark(run, step, State.UNDOING)
            yield _undo(removals, run, step)
    if run.folder:
        _drop_empty_folders(run.folder)


def _undo(removals: Removals, run: Run, step: Step) -> Outcome:
    """Restores a file and then, since the file has all that it gave again, takes the keeper's sidecar back."""
    target = "" if WAYS[run.way].replaces else step.target
    try:
        WAYS[run.way].restore(step)
    except (OSError, Unfit) as error:
        removals.mark(run, step, State.DONE)
        return Outcome(step.group, Action.SKIPPED, step.remove, step.keep, target, words(error))
    sidecar, path, notes = removals.maybe_sidecar(run, step), "", tuple[str, ...]()
    try:
        if sidecar is not None and sidecars.take_back(sidecar):
            path = sidecar.path
    except Unfit as error:
        notes = (f"the keeper's sidecar: {error}",)
    except OSError as error:  # which another undo may find mended
        removals.mark(run, step, State.DONE)
        reason = f"restored, but not the keeper's sidecar: {words(error)}"
        return Outcome(step.group, Action.SKIPPED, step.remove, step.keep, "", reason)
    removals.mark(run, step, State.UNDONE)
    return Outcome(step.group, Action.DONE, step.remove, step.keep, sidecar=path, notes=notes)


def _drop_empty_folders(folder: str) -> None:
    for path, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            os.rmdir(path)
