"""`dsh dupes --plan`: the groups, as they pass, are also written into a plan, but for what stays."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dshcli.commands.dupes import Dupes, Group
from dshcli.dedupe.plan import Header, Line, created_plan
from dshcli.library.removals import PlannedFile
from dshcli.library.store import Image, Index


def with_plan(result: Dupes, index: Index, path: Path) -> Dupes:
    """The same groups. Once the last one is taken, the plan is there; or DshError is raised if it cannot be written."""
    header = Header(
        index=str(index.path.absolute()),
        model_id=result.model.model_id,
        radius=result.radius,
        verified=result.verification is not None,
        groups=result.count,
        files=result.copies,
        bytes=result.frees,
        protected=result.protected,
    )
    return replace(result, groups=_written(result.groups, path, header))


def _written(groups: Iterator[Group], path: Path, header: Header) -> Iterator[Group]:
    with created_plan(path, header) as write:
        for group in groups:
            keep = _file(group.keeper)
            for m in (member for member in group.members if not member.kept):
                write(Line(group.number, keep, _file(m.image), str(m.kind), m.detail, group.why))
            yield group


def _file(image: Image) -> PlannedFile:
    return PlannedFile(image.path, image.digest, image.size)
