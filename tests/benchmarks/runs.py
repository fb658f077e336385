"""What the benchmarks of the trainer share: trainings as values, a results file, one process per training.

A work folder holds results.jsonl (a line per finished training), models/ and logs/. A training that is in the results
file already is not done again, so a benchmark that was killed goes on where it was, and two benchmarks that need the
same training share it if they share the work folder. After a change to the trainer, take another work folder.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from dshcli.errors import DshError
from dshcli.hasher.sources import NAMES, open_source
from dshcli.progress import Silent

SEEN, UNSEEN = "seen", "unseen"
POLL = 0.5  # seconds between looks at the processes
Figures = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One training and how it is judged: `seen` trains on all classes, `unseen` on those of split_classes."""

    protocol: str
    data: str
    bits: int
    loss: str
    seed: int
    epochs: int | None = None  # None: the trainer's own choice
    limit: int | None = None  # training images, and so many test images; None: all

    @property
    def name(self) -> str:
        """A file name that no other run has."""
        parts = [Path(self.data).name, f"{zlib.crc32(self.data.encode()):08x}"] if os.sep in self.data else [self.data]
        parts += [str(self.bits), self.loss, self.protocol, f"seed{self.seed}"]
        parts += [f"epochs{self.epochs}"] * (self.epochs is not None) + [f"limit{self.limit}"] * (
            self.limit is not None
        )
        return re.sub(r"[^\w.+-]", "_", "-".join(parts))


@dataclass(frozen=True)
class Bench:
    """Where runs are kept, where data are, and how many runs may go on side by side."""

    work: Path
    data_dirs: dict[str, str]
    jobs: int

    @property
    def results_file(self) -> Path:
        return self.work / "results.jsonl"

    def finish(self, runs: list[Run]) -> dict[Run, Figures]:
        """The figures of all runs; those that are not in the results file yet are done now.

        Exits with an error if data are missing, or after all others are done if a run failed.
        """
        (self.work / "logs").mkdir(parents=True, exist_ok=True)
        runs = list(dict.fromkeys(runs))
        waiting = [run for run in runs if run not in read_results(self.results_file)]
        _say(f"{len(runs)} trainings, {len(waiting)} of them still to do, {self.jobs} at a time; {self.results_file}")
        self._check_data({run.data for run in waiting})
        failed = self._work_off(waiting)
        if failed:
            logs = "\n".join(f"  {self.work / 'logs' / run.name}.log" for run in failed)
            _fail(f"{len(failed)} trainings failed; see\n{logs}\nThe others are kept: run the same command again.")
        found = read_results(self.results_file)
        return {run: found[run] for run in runs}

    def _check_data(self, names: Iterable[str]) -> None:
        """Opens every data set once, before many processes do, and so that a missing one is told at once."""
        for name in sorted(names):
            try:
                open_source(name, self._data_dir(name), Silent())
            except DshError as error:
                _fail(f"Error: {error}\nHint: {error.hint}")

    def _data_dir(self, name: str) -> Path | None:
        return Path(self.data_dirs[name]) if name in self.data_dirs else None

    def _work_off(self, waiting: list[Run]) -> list[Run]:
        """Runs all, a few at a time; which of them failed. Processes end with this one, however it ends."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        queue, failed = list(waiting), []
        going: dict[Run, subprocess.Popen[bytes]] = {}
        try:
            while queue or going:
                while queue and len(going) < self.jobs:
                    run = queue.pop(0)
                    if run not in read_results(self.results_file):  # another benchmark may have done it
                        going[run] = self._start(run)
                time.sleep(POLL)
                for run in [run for run, process in going.items() if process.poll() is not None]:
                    code = going.pop(run).returncode
                    failed += [run] if code else []
                    _say(f"{'FAILED' if code else 'done'}: {run.name} ({len(queue) + len(going)} to go)")
        finally:
            for process in going.values():
                process.terminate()
        return failed

    def _start(self, run: Run) -> subprocess.Popen[bytes]:
        data_dir = self._data_dir(run.data)
        order = {"run": asdict(run), "data_dir": data_dir and str(data_dir), "work": str(self.work)}
        command = [sys.executable, "-m", "tests.benchmarks.one_run", json.dumps(order)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        with open(self.work / "logs" / f"{run.name}.log", "wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


def read_results(path: Path) -> dict[Run, Figures]:
    """All finished runs of a results file. A line that was cut off by a kill counts as not there."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        found[Run(**record["run"])] = record["figures"] | {"machine": record["machine"]}
    return found


def append_line(path: Path, record: Figures) -> None:
    """Adds one line in one write, on a line of its own even if the last one was cut off."""
    whole = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
    text = json.dumps(record, ensure_ascii=False) + "\n"
    with open(path, "ab", buffering=0) as file:
        file.write((text if whole else f"\n{text}").encode())


def add_options(parser: argparse.ArgumentParser, work: str) -> None:
    """The options that all benchmarks of trainings have."""
    parser.add_argument(
        "--data",
        nargs="+",
        default=["mnist", "fashion-mnist"],
        metavar="DATA",
        help="public data sets by name, folders",
    )
    parser.add_argument("--bits", type=int, nargs="+", default=[8, 12, 24, 48], metavar="N", help="code lengths")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="one training each")
    parser.add_argument("--epochs", type=int, metavar="N", help="instead of the trainer's own choice")
    parser.add_argument("--limit", type=int, metavar="N", help="training images, and as many test images, for a try")
    parser.add_argument(
        "--data-dir", nargs="+", default=[], metavar="NAME=DIR", help="where the files of a public data set lie"
    )
    parser.add_argument("--work", type=Path, default=Path(work), metavar="DIR", help=f"work folder (default: {work})")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trainings side by side, one thread each")


def bench_of(options: argparse.Namespace) -> Bench:
    """The bench that the options ask for. Exits if they cannot be understood."""
    pairs = [text.partition("=") for text in options.data_dir]
    for name, _, folder in pairs:
        if name not in NAMES or not folder:
            _fail(f"Error: --data-dir takes NAME=DIR with a NAME of {', '.join(NAMES)}, not {name}={folder}")
    return Bench(options.work.resolve(), {name: folder for name, _, folder in pairs}, max(options.jobs, 1))


def key_of(data: str) -> str:
    """A public data set's name, or a folder's absolute path."""
    return data if data in NAMES else str(Path(data).resolve())


def recipes_of(results: Iterable[Figures]) -> str:
    """Which recipes the trainings had, and where they ran: more than one where the trainer changed in between."""
    results = list(results)
    recipes = sorted({figures["recipe"] for figures in results})
    machines = sorted({figures["machine"] for figures in results})
    return "\n".join([f"recipe: {'; '.join(recipes)}", *(f"machine: {machine}" for machine in machines)])


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _fail(message: str) -> NoReturn:
    _say(message)
    raise SystemExit(1)
