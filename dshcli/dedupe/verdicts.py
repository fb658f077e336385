"""What people decided, as grouping asks for it: by digests of contents, and by the numbers that contents have in it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dshcli.dedupe.collection import Collection
from dshcli.library.decisions import Decisions, Verdict
from dshcli.library.store import Index
from dshcli.search.groups import Grouping
from dshcli.search.words import Positions

SAID_SO = "you said so"  # the detail of a member of which nothing else is known
CHOICE = "your choice"  # why a chosen keeper is kept

Pair = tuple[int, int]


@dataclass(frozen=True)
class Marks:
    """Verdicts by numbers of contents. said: pairs that are one picture, sorted; different: of each content those that
    it is different from; chosen: contents to be kept."""

    said: list[Pair] = field(default_factory=list)
    different: dict[int, set[int]] = field(default_factory=dict)
    chosen: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.said or self.different or self.chosen)

    @property
    def marked(self) -> list[int]:
        """All contents of pairs."""
        return sorted({content for pair in self.said for content in pair} | set(self.different))


@dataclass(frozen=True)
class Verdicts:
    """pairs: verdicts by digests, the lesser first; one of a content with itself only while it holds. lapsed: contents
    with more files now than the so many that once were kept all. chosen: contents to be kept before others, and when
    each was chosen: of several of one group, the latest is kept."""

    pairs: dict[tuple[bytes, bytes], Verdict] = field(default_factory=dict)
    lapsed: dict[bytes, int] = field(default_factory=dict)
    chosen: Mapping[bytes, str] = field(default_factory=dict)

    @classmethod
    def load(cls, index: Index) -> "Verdicts":
        """All verdicts of an index."""
        decisions, pairs, lapsed = Decisions(index), dict[tuple[bytes, bytes], Verdict](), dict[bytes, int]()
        found = decisions.all()
        counts = _files(index) if any(each.one == each.other for each in found) else {}
        for each in found:
            equal = each.one == each.other and each.verdict is Verdict.BOTH
            # Rows of files that are gone do not make it more files: they may have moved where no other run looked.
            if equal and counts.get(each.one, 0) > each.files < len(decisions.present(each.one)):
                lapsed[each.one] = each.files
            else:
                pairs[each.one, each.other] = each.verdict
        return cls(pairs, lapsed, decisions.choices())

    def __bool__(self) -> bool:
        return bool(self.pairs or self.lapsed or self.chosen)

    def between(self, one: bytes, other: bytes) -> Verdict | None:
        """What was decided about two contents, in whatever order."""
        return self.pairs.get((min(one, other), max(one, other)))

    def later_choice(self, one: bytes, other: bytes) -> bool:
        """Whether a content was chosen to be kept and the other one was not, or was before it."""
        return self.chosen.get(one, "") > self.chosen.get(other, "")

    def told(self, keeper: bytes, content: bytes, group: Counter[bytes]) -> Verdict | None:
        """What was decided about a member of a group: with its keeper or else, if it was to stay beside another one of
        the group (contents, and their files), that."""
        if not self.pairs:
            return None
        direct = self.between(keeper, content)
        if direct is not None or content == keeper:
            return direct
        beside = self._both.get(content, frozenset[bytes]())
        stays = not beside.isdisjoint(group) or (group[content] > 1 and self.between(content, content) is Verdict.BOTH)
        return Verdict.BOTH if stays else None

    def settles(self, group: Counter[bytes]) -> bool:
        """Whether all of a group, contents and the numbers of their files, was decided to be kept."""
        if any(files > 1 and self.between(each, each) is not Verdict.BOTH for each, files in group.items()):
            return False
        first = next(iter(group))
        reached, fresh = {first}, [first]
        while fresh:
            beside = self._both.get(fresh.pop(), frozenset())
            more = [each for each in beside if each in group and each not in reached]
            reached.update(more)
            fresh += more
        return len(reached) == len(group)

    @cached_property
    def _both(self) -> dict[bytes, frozenset[bytes]]:
        """Of each content those others that it stays beside."""
        beside: dict[bytes, set[bytes]] = {}
        for (one, other), verdict in self.pairs.items():
            if verdict is Verdict.BOTH and one != other:
                beside.setdefault(one, set()).add(other)
                beside.setdefault(other, set()).add(one)
        return {content: frozenset(others) for content, others in beside.items()}

    @cached_property
    def _digests(self) -> frozenset[bytes]:
        return frozenset(digest for pair in self.pairs for digest in pair)

    def marks(self, digests: Sequence[bytes]) -> Marks:
        """The verdicts among contents of these digests, by their places."""
        marks = Marks()
        if not self:
            return marks
        wanted = self._digests | self.chosen.keys()
        places = {digest: place for place, digest in enumerate(digests) if digest in wanted}
        for (one, other), verdict in self.pairs.items():
            if one == other or one not in places or other not in places:
                continue
            low, high = sorted((places[one], places[other]))
            if verdict is Verdict.DIFFERENT:
                marks.different.setdefault(low, set()).add(high)
                marks.different.setdefault(high, set()).add(low)
            else:
                marks.said.append((low, high))
        marks.said.sort()
        marks.chosen.extend(sorted(places[digest] for digest in self.chosen if digest in places))
        return marks

    def roles(self, images: Collection, grouping: Grouping) -> "Roles":
        """What the verdicts make of groups. Groups that they do not touch cost next to nothing."""
        kept, same = np.zeros((2, len(grouping.members)), np.bool_)
        settled = np.zeros(len(grouping), np.bool_)
        if not self.pairs:
            return Roles(kept, same, settled)
        digests = [digest.tobytes() for digest in images.digests[grouping.members]]
        for number, (start, stop) in enumerate(zip(grouping.starts[:-1], grouping.starts[1:], strict=True)):
            members = digests[start:stop]
            if self._digests.isdisjoint(members):
                continue
            group = Counter(members)
            settled[number] = self.settles(group)
            for place, content in enumerate(members[1:], start=start + 1):
                told = self.told(members[0], content, group)
                kept[place], same[place] = told is Verdict.BOTH, told is Verdict.SAME
        return Roles(kept, same, settled)


@dataclass(frozen=True)
class Roles:
    """kept, same (grouped images,): members that were decided to stay, beside their keeper, and those that may go;
    settled (groups,): those of which nothing is left to decide."""

    kept: npt.NDArray[np.bool_]
    same: npt.NDArray[np.bool_]
    settled: npt.NDArray[np.bool_]


def groups_where(grouping: Grouping, wanted: npt.NDArray[np.bool_]) -> Grouping:
    """Some of the groups, in their order."""
    sizes = np.diff(grouping.starts)
    members = np.repeat(wanted, sizes)
    starts: Positions = np.concatenate([[0], np.cumsum(sizes[wanted])])
    return Grouping(starts, grouping.members[members], grouping.distances[members])


def members_where(grouping: Grouping, wanted: npt.NDArray[np.bool_]) -> Grouping:
    """The groups of some of the members (grouped images,), each with its keeper; without those of which no other member
    is wanted."""
    wanted = wanted.copy()
    wanted[grouping.starts[:-1]] = True
    sizes = np.diff(np.concatenate([[0], np.cumsum(wanted)])[grouping.starts])
    wanted &= np.repeat(sizes > 1, np.diff(grouping.starts))
    starts: Positions = np.concatenate([[0], np.cumsum(sizes[sizes > 1])])
    return Grouping(starts, grouping.members[wanted], grouping.distances[wanted])


def _files(index: Index) -> dict[bytes, int]:
    """How many files of the contents there are of which a verdict is about equal files."""
    sql = """
        SELECT digest, count(*) FROM decisions JOIN images ON digest = digest_a WHERE digest_a = digest_b
        GROUP BY digest
    """
    return {digest: files for digest, files in index.rows(sql)}  # type: ignore[misc]


def components(pairs: Iterable[Pair]) -> dict[int, int]:
    """Of all that stand in pairs, the least of those that they hang together with."""
    parent: dict[int, int] = {}

    def root(content: int) -> int:
        while parent.setdefault(content, content) != content:
            parent[content] = content = parent[parent[content]]
        return content

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return {content: root(content) for content in list(parent)}
