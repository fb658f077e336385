"""`dsh index` and `dsh dupes` as anyone would run them, on all files at once, and what their groups are worth."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dshcli.errors import DshError
from dshcli.progress import Reporter
from tests.benchmarks.copies.files import COPY, File, lay_out
from tests.benchmarks.copies.groups import Groups, judge
from tests.benchmarks.copies.methods import Method
from tests.benchmarks.copies.pairs import Mask


@dataclass(frozen=True)
class Shipped:
    """Groups judged; the kinds that `dupes` gave to members (empty if it names none), by role or edit; its time."""

    method: str
    groups: Groups
    kinds: dict[str, dict[str, int]]
    index_cpu_seconds: float
    dupes_cpu_seconds: float
    dupes_seconds: float
    last_words: str


def run(
    method: Method, files: Sequence[File], unknown: Mask, work: Path, extra: Sequence[str], reporter: Reporter
) -> Shipped:
    """Raises DshError if a command fails. extra: further options of `dupes`."""
    reporter.say(f"{method.name}: dsh index, dsh dupes on {len(files):,} files")
    numbers = lay_out(files, work / "set")
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        home, db = Path(scratch), Path(scratch) / "index.db"
        model = _as_argument(str(method.model))
        index = _dsh(home, "index", work / "set", "--db", db, "--model", model, "--json", "--quiet")
        dupes = _dsh(home, "dupes", "--db", db, "--json", *extra)
    records = [json.loads(line) for line in dupes.output.splitlines()]
    members = [_members(record, numbers) for record in records if "keeper" in record]
    return Shipped(
        method.name,
        judge(files, [[number for number, _ in group] for group in members], unknown),
        _kinds(files, members),
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


def _dsh(home: Path, *arguments: object) -> _Ran:
    """A command in a process of its own, on one thread as far as libraries can be told, with a home of its own."""
    environment = os.environ | {"DSH_HOME": str(home), "OMP_NUM_THREADS": "1"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "dshcli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise DshError(f"dsh {arguments[0]} failed: {done.stderr.strip()}", hint="What it said stands above.")
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Ran(done.stdout, done.stderr.strip(), cpu, wall)


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
