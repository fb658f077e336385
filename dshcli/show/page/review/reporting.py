"""`dsh dupes --report`: the groups, as they pass, are also written into a page for people to review."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dshcli.commands.dupes import Dupes, DupesOptions, Group
from dshcli.commands.planning import header_of
from dshcli.dedupe.plan import plan_text
from dshcli.library.decisions import Decisions
from dshcli.library.store import Index
from dshcli.progress import Reporter
from dshcli.show.page.review.report import Heading, created_report


def with_report(result: Dupes, index: Index, path: Path, reporter: Reporter, options: DupesOptions) -> Dupes:
    """The same groups. Once the last one is taken, the report is there; or DshError is raised if it cannot be
    written."""
    heading = Heading(
        title="Duplicates",
        header=json.loads(next(plan_text(header_of(result, index), ()))),
        groups=result.count,
        images=result.count + result.copies,
        max_pixels=options.max_pixels,
        jobs=options.jobs,
        chosen=Decisions(index).chosen(),
    )
    return replace(result, groups=_written(result.groups, path, heading, reporter))


def _written(groups: Iterator[Group], path: Path, heading: Heading, reporter: Reporter) -> Iterator[Group]:
    with created_report(path, heading, reporter) as add:
        for group in groups:
            add(group)
            yield group
