"""`dsh index` and `dsh dupes` as anyone would run them, on all files at once, and what their groups are worth."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dshcli.images
import dshcli.library
from dshcli.errors import DshError
from dshcli.progress import Reporter
from tests.benchmarks.copies.files import COPY, File, lay_out, version_of
from tests.benchmarks.copies.groups import Groups, judge
from tests.benchmarks.copies.methods import Method
from tests.benchmarks.copies.pairs import Mask

LOG = "dsh.log"  # in the work folder
PROGRESS = re.compile(r"^[\w ]+: \d+(/\d+)? \w+, [\d.]+/s")


@dataclass(frozen=True)
class Shipped:
    """Groups judged; the kinds that `dupes` gave to members (empty if it names none), by role or edit; its time.

    hashed: files that `index` did not know yet, on which its time depends.
    """

    method: str
    groups: Groups
    kinds: dict[str, dict[str, int]]
    hashed: int
    index_cpu_seconds: float
    dupes_cpu_seconds: float
    dupes_seconds: float
    last_words: str


def run(
    method: Method, files: Sequence[File], unknown: Mask, work: Path, extra: Sequence[str], reporter: Reporter
) -> Shipped:
    """Raises DshError if a command fails. extra: further options of `dupes`.

    The index is kept in the work folder, for as long as the code that writes it stays the same, and `dupes` is run on
    a copy of it: what it learns of pairs is forgotten, so that its time is that of a first run.
    """
    reporter.say(f"{method.name}: dsh index, dsh dupes on {len(files):,} files; what they say: {work / LOG}")
    numbers = lay_out(files, work / "set")
    kept = work / "indexes" / f"{method.key}-{version_of(dshcli.library, dshcli.images)}-{len(files)}.db"
    kept.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        commands = _Commands(Path(scratch), work / LOG)
        db = shutil.copy(kept, scratch) if kept.exists() else Path(scratch) / kept.name
        index = commands.run("index", work / "set", "--db", db, "--model", _as_argument(str(method.model)), "--json")
        shutil.copy(db, kept)
        dupes = commands.run("dupes", "--db", db, "--json", *extra)
    records = [json.loads(line) for line in dupes.output.splitlines()]
    members = [_members(record, numbers) for record in records if "keeper" in record]
    return Shipped(
        method.name,
        judge(files, [[number for number, _ in group] for group in members], unknown),
        _kinds(files, members),
        json.loads(index.output)["hashed"],
        index.cpu,
        dupes.cpu,
        dupes.wall,
        dupes.words,
    )


@dataclass(frozen=True)
class _Ran:
    output: str
    words: str
    cpu: float
    wall: float


@dataclass(frozen=True)
class _Commands:
    """Runs commands with a home of their own; what they say on stderr can be read in `log` while they run."""

    home: Path
    log: Path

    def run(self, *arguments: object) -> _Ran:
        """A command in a process of its own, on one thread as far as libraries can be told."""
        environment = os.environ | {"DSH_HOME": str(self.home), "OMP_NUM_THREADS": "1"}
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        command = [sys.executable, "-m", "dshcli", *map(str, arguments)]
        with open(self.log, "wb") as log:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        words = [line for line in self.log.read_text().splitlines() if not PROGRESS.search(line)]
        if done.returncode:
            raise DshError(f"dsh {arguments[0]}: {' '.join(words[-2:])}", hint=f"All that it said: {self.log}")
        wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return _Ran(done.stdout, " ".join(words), cpu, wall)


def _as_argument(model: str) -> str:
    return str(Path(model).resolve()) if os.sep in model else model


def _members(record: dict[str, Any], numbers: dict[str, int]) -> list[tuple[int, str]]:
    """The files of a group, keeper first, with the kind that the command gave to each."""
    return [(numbers[one["path"]], str(one.get("kind", ""))) for one in (record["keeper"], *record["members"])]


def _kinds(files: Sequence[File], groups: list[list[tuple[int, str]]]) -> dict[str, dict[str, int]]:
    counted: dict[str, Counter[str]] = {}
    for group in groups:
        for number, kind in group[1:]:
            if kind:
                what = files[number].detail if files[number].role == COPY else files[number].role
                counted.setdefault(what, Counter())[kind] += 1
    return {what: dict(kinds.most_common()) for what, kinds in counted.items()}
