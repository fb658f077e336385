"""Indexing: from folders to rows. Walk, read what is new, hash it, write it a batch at a time, and keep a ledger.

Only the main thread writes, in the walk's order, one transaction a batch: a stop at any moment leaves a valid index,
and the next run makes it equal to that of an undisturbed one.
"""

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dshcli.images.opening import MAX_PIXELS
from dshcli.images.walk import Found, Passed, WalkOptions, absolute_root, identities, walk
from dshcli.library.recording import Recorder
from dshcli.library.removals import Removals
from dshcli.library.store import Index, Known
from dshcli.library.workers import Hasher, KnownContents, Worker
from dshcli.progress import Reporter


@dataclass(frozen=True)
class IndexOptions:
    """How to index. jobs: worker threads (0: one a core); prune: drop vanished files; retry: try failed files again."""

    walk: WalkOptions = field(default_factory=WalkOptions)
    max_pixels: int = MAX_PIXELS
    jobs: int = 0
    prune: bool = False
    retry: bool = False


@dataclass(frozen=True)
class Ledger:
    """What became of every file. `others` are files that are no images, by name or content; quarantines: folders into
    which dsh apply moved files, which are not looked into.

    missing: in the index, but the file is gone (removed counts those that `prune` dropped). decode_seconds and
    network_seconds are CPU time over all threads; seconds is wall time.
    """

    model_id: str
    hashed: int
    unchanged: int
    moved: int
    removed: int
    missing: int
    skipped: tuple[tuple[str, str], ...]  # path, reason
    others: int
    symlinks: int
    special: int
    quarantines: int
    seconds: float
    decode_seconds: float
    network_seconds: float

    @property
    def seen(self) -> int:
        """Files that are images, or claim to be."""
        return self.hashed + self.unchanged + self.moved + len(self.skipped)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """How many files were skipped for each reason, most frequent first."""
        return Counter(reason for _, reason in self.skipped).most_common()


def index_folder(
    path: Path, folders: Sequence[str | os.PathLike[str]], hasher: Hasher, options: IndexOptions, reporter: Reporter
) -> Ledger:
    """Hashes every image under `folders` that is new or changed into the index at `path`, and says what it did.

    Raises DshError for a folder that is not there, or an index that cannot be written. A bad file raises nothing: it
    is skipped, with its reason in the ledger. KeyboardInterrupt passes through; all finished batches are saved.
    """
    start = time.monotonic()
    roots = [absolute_root(folder) for folder in folders]
    with Index.open_or_create(path) as index:
        model = index.ensure_model(hasher.model_id, hasher.name, hasher.bits, hasher.radius)
        known = index.known(roots, model)
        passed = Passed(closed=identities(Removals(index).quarantines()))  # what was removed is no copy to be kept
        files = _find(roots, options.walk, passed, reporter)
        recorder = Recorder(index, model, known, _vanished(known, files))
        fresh = [found for found in files if not recorder.settles(found, retry=options.retry)]
        with reporter.task("hashing", total=len(fresh), unit="image") as task, KnownContents(path, model) as contents:
            worker = Worker(hasher, contents, options.max_pixels)
            for batch in worker.read_all(fresh, options.jobs):
                recorder.save(batch)
                task.advance(len(batch.outcomes))
        recorder.finish(prune=options.prune)
    return _ledger(hasher.model_id, recorder, passed, time.monotonic() - start)


def _find(roots: list[str], options: WalkOptions, passed: Passed, reporter: Reporter) -> list[Found]:
    files = []
    with reporter.task("looking for images", total=None, unit="file") as task:
        for found in walk(roots, options, passed):
            files.append(found)
            if len(files) % 1000 == 0:
                task.advance(1000)
    return files


def _vanished(known: dict[str, Known], files: list[Found]) -> set[str]:
    """Images of the index that are surely no longer there: not left out by a glob, not behind a closed folder."""
    present = {found.path for found in files}
    return {path for path in known if path not in present and _is_gone(path)}


def _is_gone(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _ledger(model_id: str, recorder: Recorder, passed: Passed, seconds: float) -> Ledger:
    return Ledger(
        model_id=model_id,
        hashed=recorder.hashed,
        unchanged=recorder.unchanged,
        moved=recorder.moved,
        removed=recorder.removed,
        missing=len(recorder.vanished),
        skipped=tuple(sorted([*recorder.skipped, *passed.unreadable])),
        others=recorder.others,
        symlinks=passed.symlinks,
        special=passed.special,
        quarantines=passed.quarantines,
        seconds=seconds,
        decode_seconds=recorder.decode_seconds,
        network_seconds=recorder.network_seconds,
    )
