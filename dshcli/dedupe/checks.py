"""What must hold right before a file is removed. Both files are read again; a plan's word is not enough."""

import os
from collections.abc import Iterable

from dshcli.dedupe.moving import Seen, Unfit, read_digest
from dshcli.dedupe.places import Folders, Places
from dshcli.dedupe.plan import Line
from dshcli.dedupe.verdicts import CHOICE, Verdicts
from dshcli.dedupe.ways import Way
from dshcli.errors import system_reason
from dshcli.library.decisions import Verdict
from dshcli.library.removals import PlannedFile


class Guard:
    """Knows the keepers of a whole plan, the protected folders and what people decided, maybe after the plan was made,
    and looks at one line at a time."""

    def __init__(
        self, lines: Iterable[Line], protected: Iterable[str], verdicts: Verdicts, removed: Iterable[bytes] = ()
    ) -> None:
        """protected: absolute paths of folders; removed: digests of the files that went before, by the same plan."""
        self._places = Places()
        self._keepers = {self._places.real(line.keep.path): line.group for line in lines}
        self._taken: dict[str, int] = {}
        self._verdicts, self._removed = verdicts, frozenset(removed)
        self._protected = Folders(protected, self._places)

    def check(self, line: Line, way: Way) -> Seen:
        """The file to remove, as it is now. Raises Unfit with the reason why it must stay."""
        path, place = line.remove.path, self._places.real(line.remove.path)
        protector = self.maybe_protector(path)
        if protector is not None:
            raise Unfit(f"protected by {protector}")
        if place in self._keepers:
            raise Unfit(f"it is the keeper of group {self._keepers[place]}")
        if place in self._taken:
            raise Unfit(f"listed before, in group {self._taken[place]}")
        if way.needs_equal_bytes and line.keep.digest != line.remove.digest:
            raise Unfit("its bytes are not the keeper's")
        self._ensure_undecided(line.keep.digest, line.remove.digest)
        seen = _ensure_as_planned(line.remove, "")
        keeper = _ensure_as_planned(line.keep, "the keeper is ")
        if seen.same_file(keeper):
            raise Unfit("it is the keeper's own file by another name")
        ensure_writable(os.path.dirname(path))
        self._taken[place] = line.group
        return seen

    def _ensure_undecided(self, keep: bytes, remove: bytes) -> None:
        """Raises Unfit if people decided that the file stays: a plan does not know what was decided later."""
        if keep == remove and remove in self._removed:
            return  # when this plan began it was more files than they kept; now, after some of them went, no longer
        verdict = self._verdicts.between(keep, remove)
        if verdict in (Verdict.BOTH, Verdict.DIFFERENT):
            raise Unfit(f"decided: {verdict}")
        if keep != remove and self._verdicts.later_choice(remove, keep):
            raise Unfit(f"{CHOICE} to keep it")

    def maybe_protector(self, path: str) -> str | None:
        """The protected folder that a path lies below, by whatever way."""
        return self._protected.holder(path) or None


def _ensure_as_planned(file: PlannedFile, whose: str) -> Seen:
    try:
        digest, seen = read_digest(file.path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Unfit(f"{whose}gone") from error
    except OSError as error:
        raise Unfit(f"{whose}unreadable: {system_reason(error)}") from error
    except Unfit as error:
        raise Unfit(f"{whose}{error}") from error
    if digest != file.digest:
        raise Unfit(f"{whose}changed since it was planned")
    return seen


def ensure_writable(folder: str, whose: str = "its") -> None:
    """Raises Unfit. A first look, so that a dry run tells it too; the system has the last word."""
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise Unfit(f"{whose} folder cannot be written")
