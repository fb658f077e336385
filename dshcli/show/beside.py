"""The files that `dsh dupes` writes beside its output: a plan, a report, both or none."""

from dataclasses import dataclass
from pathlib import Path

from dshcli.commands.dupes import Dupes, DupesOptions
from dshcli.commands.planning import with_plan
from dshcli.dedupe.plan import ensure_plan_place
from dshcli.library.store import Index
from dshcli.progress import Reporter, Silent
from dshcli.show.dupes import show_plan, show_report
from dshcli.show.page.review.report import ensure_report_place
from dshcli.show.page.review.reporting import with_report
from dshcli.show.screen import Format, Screen


@dataclass(frozen=True)
class Beside:
    """Where they go; None: not wanted."""

    plan: Path | None
    report: Path | None

    def ensure_places(self) -> None:
        """Raises UsageError unless both may be written where they are to go."""
        if self.plan is not None:
            ensure_plan_place(self.plan)
        if self.report is not None:
            ensure_report_place(self.report)

    def written(self, result: Dupes, index: Index, options: DupesOptions, screen: Screen, reporter: Reporter) -> Dupes:
        """The same groups. Once the last one is taken, the files are there; or DshError is raised."""
        groups = result
        if self.plan is not None:
            groups = with_plan(groups, index, self.plan)
        if self.report is not None:
            told = Silent() if screen.format is Format.TABLE else reporter  # no bar among the groups
            groups = with_report(groups, index, self.report, told, options)
        return groups

    def tell(self, screen: Screen, result: Dupes) -> None:
        """Says what the files are for."""
        if self.plan is not None:
            show_plan(screen, self.plan, result)
        if self.report is not None:
            show_report(screen, self.report)
