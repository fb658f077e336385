"""`dsh dupes --plan`: the groups, as they pass, are also written into a plan, but for what stays."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dshcli.commands.dupes import Dupes, Group, Member
from dshcli.dedupe.plan import Header, Line, created_plan
from dshcli.library.removals import PlannedFile
from dshcli.library.store import Image, Index


def with_plan(result: Dupes, index: Index, path: Path) -> Dupes:
    """The same groups. Once the last one is taken, the plan is there; or DshError is raised if it cannot be written."""
    return replace(result, groups=_written(result.groups, path, header_of(result, index)))


def header_of(result: Dupes, index: Index) -> Header:
    """The header of a plan by which all copies go."""
    return Header(
        index=str(index.path.absolute()),
        model_id=result.model.model_id,
        radius=result.radius,
        verified=result.verification is not None,
        groups=result.count,
        files=result.copies,
        bytes=result.frees,
        protected=result.protected,
    )


def _written(groups: Iterator[Group], path: Path, header: Header) -> Iterator[Group]:
    with created_plan(path, header) as write:
        for group in groups:
            for member in group.members:
                if not member.kept:
                    write(line_of(group, member))
            yield group


def line_of(group: Group, member: Member) -> Line:
    """The line of a plan by which a member goes, and its group's keeper stays."""
    keep, remove = _file(group.keeper), _file(member.image)
    return Line(group.number, keep, remove, str(member.kind), member.detail, group.why)


def _file(image: Image) -> PlannedFile:
    return PlannedFile(image.path, image.digest, image.size)
