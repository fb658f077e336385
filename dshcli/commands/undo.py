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
    """A run on its way back: its `outcomes` restore one file each. None if there was no run yet."""

    run: Run | None
    outcomes: Iterator[Outcome]


def list_runs(database: Path) -> list[RunTotals]:
    """All runs, the oldest first. Raises NoIndex, DshError."""
    with Index.open(database) as index:
        return Removals(index).runs()


@contextmanager
def undoing(database: Path, number: int | None, reporter: Reporter) -> Iterator[Undoing]:
    """The run of that number or, without one, the last run. Raises NoIndex, DshError if there is no run of the number.

    The last run is also that which removed nothing: nobody who takes it back means an older one.
    """
    with writable_removals(database, reporter) as removals:
        runs = [totals.run for totals in removals.runs()]
        chosen = [run for run in runs if number in (None, run.number)]
        if number is not None and not chosen:
            raise DshError(f"{database}: there is no run {number} to undo", hint="See which there are: dsh undo --list")
        run = chosen[-1] if chosen else None
        yield Undoing(run, iter(()) if run is None else undo(removals, run))
