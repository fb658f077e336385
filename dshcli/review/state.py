"""All that the server knows: the groups, the index in which decisions are, and what was decided since it began."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from dshcli.commands.dupes import Group
from dshcli.commands.planning import line_of
from dshcli.dedupe.plan import Header, Line, plan_text
from dshcli.library.decisions import Choice, Decisions, Said, Verdict
from dshcli.library.store import Index
from dshcli.review.connections import Connection, Saving
from dshcli.review.marks import Marks, Pair
from dshcli.review.pictures import Pictures
from dshcli.review.standing import Ground, Grounds
from dshcli.review.table import GroupTable

T = TypeVar("T")


@dataclass
class Decided:
    """What this run of the server saved: the last verdict on each pair, None where it was taken back; the number of
    keepers that were chosen."""

    marks: Marks = field(default_factory=dict)
    keepers: set[bytes] = field(default_factory=set)

    @property
    def verdicts(self) -> Counter[Verdict]:
        return Counter(verdict for verdict in self.marks.values() if verdict is not None)


@dataclass(frozen=True)
class State:
    """header: of a plan by which all copies go."""

    table: GroupTable
    header: Header
    grounds: Grounds
    reading: Connection
    saving: Saving
    pictures: Pictures
    decided: Decided = field(default_factory=Decided)

    async def standings(self, start: int, count: int, told: Callable[[Ground, list[Group]], T]) -> T:
        """What is told of the groups from a position on, as they stand now. Raises DshError."""
        positions = range(start, min(start + count, len(self.table)))

        def read(index: Index) -> T:
            ground = self.grounds.now(index, anew=start == 0)
            return told(ground, [ground.standing(self.table.group(position)) for position in positions])

        return await self.reading.run(read)

    async def save_marks(self, marks: Marks) -> None:
        """They are on disk when this returns. Raises DshError."""
        words = [Said(one, other, verdict) for (one, other), verdict in marks.items()]
        await self.saving.run(lambda index: Decisions(index).save(words))
        self.decided.marks.update(marks)

    async def save_keeper(self, keeper: Choice) -> None:
        """It is on disk when this returns. Raises DshError."""
        await self.saving.run(lambda index: Decisions(index).save([keeper]))
        self.decided.keepers.difference_update(keeper.among, [keeper.digest])
        if keeper.chosen:
            self.decided.keepers.add(keeper.digest)

    async def plan(self) -> bytes:
        """A plan by which all members go that are marked `same`, of all groups that are shown. Raises DshError."""
        return await self.reading.run(self._plan)

    def _plan(self, index: Index) -> bytes:
        ground, lines = self.grounds.now(index, anew=True), list[Line]()
        same = ground.pairs(Verdict.SAME)
        for position in sorted({position for pair in same for position in self._having(pair)}):
            group = ground.standing(self.table.group(position))
            lines += (line_of(group, m) for m in group.members if m.verdict == Verdict.SAME and not m.kept)
        return "".join(plan_text(_with_totals(self.header, lines), lines)).encode()

    def _having(self, pair: Pair) -> set[int]:
        return self.table.having(pair[0]) & self.table.having(pair[1])


def _with_totals(header: Header, lines: list[Line]) -> Header:
    return replace(header, groups=len({line.group for line in lines}), files=len(lines), bytes=_freed(lines))


def _freed(lines: list[Line]) -> int:
    """Bytes of the files that go, without those of hard links to a file that stays or was counted."""
    seen: set[tuple[int, int]] = set()
    freed = 0
    for line in lines:
        links = {identity for path in (line.keep.path, line.remove.path) if (identity := _linked(path))}
        mine = _linked(line.remove.path)
        if mine is None or (mine not in seen and mine != _linked(line.keep.path)):
            freed += line.remove.size
        seen |= links
    return freed


def _linked(path: str) -> tuple[int, int] | None:
    """What a file is known by that has other names, too; else None."""
    try:
        file = os.lstat(path)
    except OSError:
        return None
    return (file.st_dev, file.st_ino) if file.st_nlink > 1 else None
