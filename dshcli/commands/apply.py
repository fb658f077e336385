"""`dsh apply`: does what a plan says or, without --yes, says what it would do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dshcli import paths
from dshcli.dedupe.applying import Applying, choose_run, settle_open_steps
from dshcli.dedupe.plan import load_plan
from dshcli.errors import UsageError
from dshcli.images.walk import absolute_root
from dshcli.library.removals import Removals, lock_removals
from dshcli.library.store import Index
from dshcli.progress import Reporter

QUARANTINE = "quarantine"


@dataclass(frozen=True)
class ApplyOptions:
    """way: a key of ways.WAYS; folder: of the quarantine (None: in the user's data folder); protect: folders in which
    nothing is removed; db: the index that keeps the journal (None: the one that the plan names); merge_metadata: what
    only the removed files say goes into sidecars of the kept ones."""

    way: str = QUARANTINE
    folder: Path | None = None
    protect: tuple[str, ...] = ()
    db: Path | None = None
    yes: bool = False
    really_delete: bool = False
    merge_metadata: bool = False


@contextmanager
def applying(path: Path, options: ApplyOptions, reporter: Reporter) -> Iterator[Applying]:
    """A plan, ready to be applied: its `outcomes` do it. Raises UsageError, NoIndex, DshError."""
    _ensure_consistent(options)
    plan = load_plan(path)
    protected = tuple(absolute_root(folder) for folder in options.protect)
    root = (options.folder or paths.quarantine_folder()).absolute() if options.way == QUARANTINE else None
    database = options.db or Path(plan.header.index)
    if not options.yes:
        with Index.open(database) as index:
            removals = Removals(index)
            run = choose_run(removals, plan, options.way, root)
            yield Applying(removals, plan, run, protected, dry=True, merging=options.merge_metadata)
        return
    with writable_removals(database, reporter) as removals:
        run = choose_run(removals, plan, options.way, root)
        yield Applying(removals, plan, run, protected, dry=False, merging=options.merge_metadata)


@contextmanager
def writable_removals(database: Path, reporter: Reporter) -> Iterator[Removals]:
    """The rows of an index, for one process at a time, with no step left open. Raises NoIndex, DshError."""
    with Index.open(database):
        pass  # one that is not there is not made
    with lock_removals(database), Index.open_or_create(database) as index:
        removals = Removals(index)
        removals.keep_safe()
        settled = settle_open_steps(removals)
        if settled:
            reporter.say(f"Steps that were interrupted the last time and are settled now: {settled}")
        yield removals


def _ensure_consistent(options: ApplyOptions) -> None:
    if options.way == "delete" and not options.really_delete:
        raise UsageError(
            "--to delete cannot be undone, so it must be confirmed",
            hint="Add --really-delete; or leave out --to delete: then files go into a quarantine, and undo works.",
        )
    if options.really_delete and options.way != "delete":
        raise UsageError("--really-delete needs --to delete", hint="Leave it out.")
    if options.folder is not None and options.way != QUARANTINE:
        raise UsageError("--dir is the quarantine's folder", hint=f"Leave out --dir, or --to {options.way}.")
