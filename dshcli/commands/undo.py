"""`dsh undo`: puts the files of a run back where they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dshcli.commands.apply import writable_removals
from dshcli.dedupe.applying import Outcome, undo
from dshcli.errors import DshError
from dshcli.library.removals import Removals, Run, RunTotals
from dshcli.library.store import Index
from dshcli.progress import Reporter


@dataclass(frozen=True)
class Undoing:
    """A run on its way back: its `outcomes` restore one file each."""

    run: Run
    outcomes: Iterator[Outcome]


def list_runs(database: Path) -> list[RunTotals]:
    """All runs, the oldest first. Raises NoIndex, DshError."""
    with Index.open(database) as index:
        return Removals(index).runs()


@contextmanager
def undoing(database: Path, number: int | None, reporter: Reporter) -> Iterator[Undoing]:
    """The run of that number or, without one, the last that removed anything. Raises NoIndex, DshError."""
    with writable_removals(database, reporter) as removals:
        run = _choose(database, removals.runs(), number)
        yield Undoing(run, undo(removals, run))


def _choose(database: Path, runs: list[RunTotals], number: int | None) -> Run:
    told = [totals.run for totals in runs if totals.removed or totals.restored]
    chosen = [run for run in told if number in (None, run.number)]
    if chosen:
        return chosen[-1]
    if number is None or not told:
        raise DshError(f"{database}: nothing was removed by this index", hint="See what was: dsh undo --list")
    raise DshError(f"{database}: there is no run {number} to undo", hint="See which there are: dsh undo --list")
