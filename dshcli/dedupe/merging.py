"""What a file that is about to go knows of the picture and its keeper does not: into a sidecar of the keeper.

The keeper's file is never written to, and what it or its sidecars say counts before all else. A copy stays where it is
if what it alone knows cannot be written.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass

from dshcli.dedupe import sidecars
from dshcli.dedupe.checks import Guard, ensure_writable
from dshcli.dedupe.moving import Seen, Unfit
from dshcli.dedupe.plan import Line
from dshcli.library.removals import Sidecar
from dshcli.metadata.values import NOTHING, Metadata
from dshcli.metadata.writing import created, extended
from dshcli.metadata.xmp import BadMetadata


@dataclass(frozen=True)
class Merge:
    """What a step writes beside the keeper: nothing, if `sidecar` is None. added: the values; data, seen: the bytes of
    the sidecar, and the file that they replace, if there is one; notes: what else people may want to know."""

    added: Metadata = NOTHING
    sidecar: Sidecar | None = None
    data: bytes = b""
    seen: Seen | None = None
    notes: tuple[str, ...] = ()

    def write(self) -> None:
        """Writes the sidecar, if there is something to write. Raises OSError, Unfit."""
        if self.sidecar is not None:
            sidecars.write(self.sidecar, self.data, self.seen)


class Merger:
    """Looks at the lines of a plan in their order. dry: what earlier lines would have added counts as written."""

    def __init__(self, guard: Guard, *, dry: bool) -> None:
        self._guard, self._dry = guard, dry
        self._would = dict[str, Metadata]()

    def merge(self, line: Line) -> Merge:
        """What removing this file would lose. Raises OSError; Unfit if that cannot be written beside the keeper."""
        keep, remove = line.keep.path, line.remove.path
        lost_sidecars = list(sidecars.find(remove))
        if line.keep.digest == line.remove.digest and not lost_sidecars:
            return Merge()
        own_sidecars = list(sidecars.find(keep))
        own, own_notes = _known(keep, own_sidecars)
        own = own.over(self._would.get(keep, NOTHING))
        lost, lost_notes = _known(remove, lost_sidecars)
        added, differing = own.lacking(lost), own.contradicted(lost)
        notes = [f"its {note}" for note in lost_notes] + [f"the keeper's {note}" for note in own_notes]
        if differing:
            notes.append(f"not merged, since the keeper has its own: {', '.join(differing)}")
        notes += [f"its sidecar stays: {os.path.basename(found.path)}" for found in lost_sidecars]
        if not added:
            return Merge(notes=tuple(notes))
        try:
            merge = self._written(line, own, added, own_sidecars, tuple(notes))
        except (BadMetadata, Unfit) as error:
            raise Unfit(f"its {', '.join(added.known())} would be lost: {error}") from error
        if self._dry:
            self._would[keep] = self._would.get(keep, NOTHING).over(added)
        return merge

    def _written(
        self, line: Line, own: Metadata, added: Metadata, found: list[sidecars.Found], notes: tuple[str, ...]
    ) -> Merge:
        keep = line.keep.path
        protector = self._guard.maybe_protector(keep)
        if protector is not None:
            raise Unfit(f"the keeper is protected by {protector}")
        ensure_writable(os.path.dirname(keep), "the keeper's")
        if not found or sidecars.is_shared(found[0].path, keep, line.remove.path):
            data = created(Metadata(keywords=own.over(added).keywords if added.keywords else ()).over(added))
            mode = os.lstat(keep).st_mode & 0o666  # what was private stays so
            sidecar = Sidecar(sidecars.new_name(keep), None, mode, 0, hashlib.sha256(data).digest())
            return Merge(added, sidecar, data, None, notes)
        first = found[0]
        if first.seen is None or first.packet is None:
            raise Unfit(f"{os.path.basename(first.path)} cannot be added to ({first.reason})")
        data = extended(first.data, added, own.over(added).keywords)
        sidecar = Sidecar(first.path, first.data, first.seen.mode, first.seen.mtime_ns, hashlib.sha256(data).digest())
        return Merge(added, sidecar, data, first.seen, notes)


def _known(picture: str, found: Iterable[sidecars.Found]) -> tuple[Metadata, tuple[str, ...]]:
    """What sidecars and the file say, the former before the latter; and what of that cannot be read."""
    from dshcli.metadata.files import read_file

    known, notes = NOTHING, list[str]()
    for sidecar in found:
        if sidecar.packet is None:
            notes.append(f"{os.path.basename(sidecar.path)} cannot be read ({sidecar.reason})")
        else:
            known = known.over(sidecar.packet.metadata())
    values, more = read_file(picture)
    return known.over(values), (*notes, *more)
