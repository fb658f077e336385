"""Kills `dsh apply` and `dsh undo` with SIGKILL, and checks that nothing is lost and everything comes back.

python -m tests.benchmarks.kill_apply [--kills 200] [--files 40] [--seed 0]     at random moments
python -m tests.benchmarks.kill_apply --every [--files 3]                       before every change of a file
python -m tests.benchmarks.kill_apply --interrupt 1 [--files 3]                 Ctrl-C at every N-th instruction

Each way of removing but reflinks, and the quarantine on another drive, are tried; quarantine and deleting also with
--merge-metadata, where each copy has a sidecar and every second keeper, too. After each kill every content that there
was must be somewhere, every keeper whole, and the index too; and where a copy is gone, what it said must stand in its
keeper's sidecar. Then the command is given again, or the other one, and at the end `undo` must leave each file with its
bytes, permissions and time, and no other file.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from dshcli.app import app
from dshcli.dedupe import moving, sidecars, ways
from dshcli.library.store import Index
from dshcli.metadata.values import Metadata
from dshcli.metadata.writing import created
from dshcli.metadata.xmp import parse

CHANGES = {  # audit events that Python raises right before the system call
    "os.link", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.utime", "open",
}  # fmt: skip
MOVERS = {moving.__file__, ways.__file__, sidecars.__file__}

State = dict[str, tuple[str, int, int]]  # path: digest, permissions, time


@dataclass(frozen=True)
class Trial:
    """Files to remove by a plan. way: of `dsh apply`; quarantine: its folder; exact: each has its keeper's bytes;
    merging: with sidecars, which are merged."""

    root: Path
    quarantine: Path
    way: str
    files: int
    exact: bool
    merging: bool = False

    @property
    def apply(self) -> list[str]:
        place = ["--dir", str(self.quarantine)] if self.way == "quarantine" else []
        really = ["--really-delete"] if self.way == "delete" else []
        merging = ["--merge-metadata"] if self.merging else []
        return ["apply", str(self.root / "plan.jsonl"), "--yes", "-q", "--to", self.way, *place, *really, *merging]

    @property
    def undo(self) -> list[str]:
        return ["undo", "-q", "--db", str(self.root / "index.db")]

    def make(self) -> None:
        lines: list[dict[str, object]] = [
            {"dsh_plan": 1, "index": str(self.root / "index.db"), "model": "toy", "radius": 0, "verified": True,
             "groups": 0, "files": self.files, "bytes": 0}
        ]  # fmt: skip
        for number in range(self.files):
            keep, copy = self.pair(number)
            lines.append(
                {"group": number, "keep": _write(keep, number), "kind": "", "detail": "", "why": "",
                 "remove": _write(copy, number if self.exact else number + 10**6)}
            )  # fmt: skip
            if self.merging:
                _put(Path(f"{copy}.xmp"), created(Metadata(rating=3, keywords=(f"of {number}",))))
            if self.merging and number % 2 == 0:
                _put(Path(f"{keep}.xmp"), created(Metadata(title="mine", keywords=("kept",))))
        (self.root / "plan.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        Index.open_or_create(self.root / "index.db").__exit__()

    def pair(self, number: int) -> tuple[Path, Path]:
        """A keeper and its copy."""
        photos = self.root / "photos"
        return photos / "kept" / f"{number}.jpg", photos / f"copies-{number % 3}" / f"{number}.jpg"

    def warm_up(self) -> None:
        """Loads what every process needs, before they part."""
        for arguments in (self.apply, self.undo):
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), suppress(SystemExit):
                app(arguments, prog_name="dsh")

    def state(self) -> State:
        return dict(_files(self.root / "photos"))

    def everything(self) -> set[str]:
        """Digests of all pictures, wherever they are."""
        folders = {self.root / "photos", self.quarantine}
        files = (file for folder in folders for file in _files(folder))
        return {facts[0] for path, facts in files if not path.endswith(".xmp")}

    def all_known(self) -> bool:
        """Whether all that a copy said is said by it or by its keeper."""
        return not self.merging or all(
            copy.exists() or self._says(Path(f"{keep}.xmp"), f"of {number}")
            for number in range(self.files)
            for keep, copy in [self.pair(number)]
        )

    @staticmethod
    def _says(path: Path, keyword: str) -> bool:
        if not path.exists():
            return False
        known = parse(path.read_bytes()).metadata()
        own = known.title == "" or "kept" in known.keywords
        return known.rating == 3 and keyword in known.keywords and own


def _write(path: Path, number: int) -> dict[str, object]:
    data = random.Random(number).randbytes(20_000)
    _put(path, data)
    return {"path": str(path), "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o640 if path.parent.name == "kept" else 0o604)
    os.utime(path, ns=(10**18, 10**18 + len(str(path))))


def _files(top: Path) -> Iterator[tuple[str, tuple[str, int, int]]]:
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield path, (digest, facts.st_mode, facts.st_mtime_ns)


# --- processes -------------------------------------------------------------------------------------------------------


def start(arguments: list[str], kill_at: int = 0, interrupt_at: int = 0) -> int:
    """The id of a new process that runs `dsh`; it ends itself by SIGKILL before its kill_at-th change of a file, or
    gets a Ctrl-C at the interrupt_at-th instruction of the modules that move files."""
    process = os.fork()
    if process:
        return process
    code = 70  # something that no command of ours returns
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        _run(arguments, kill_at, interrupt_at)
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _run(arguments: list[str], kill_at: int, interrupt_at: int) -> None:
    seen = 0

    def count(event: str, values: tuple[object, ...]) -> None:
        nonlocal seen
        if event in CHANGES and (event != "open" or _writes(values)):
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    if kill_at:
        sys.addaudithook(count)
    if interrupt_at:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.settrace(Interruption(interrupt_at).enter)
    app(arguments, prog_name="dsh")


class Interruption:
    """A tracer that raises KeyboardInterrupt, as Python does for Ctrl-C between two instructions."""

    def __init__(self, at: int) -> None:
        self.left = at

    def enter(self, frame: FrameType, event: str, value: object) -> "Interruption | None":
        frame.f_trace_opcodes = frame.f_code.co_filename in MOVERS
        return self if frame.f_trace_opcodes else None

    def __call__(self, frame: FrameType, event: str, value: object) -> "Interruption":
        self.left -= event == "opcode"
        if not self.left:
            raise KeyboardInterrupt
        return self


def _writes(values: tuple[object, ...]) -> bool:
    flags = values[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def wait(process: int) -> bool:
    """Whether the process was killed or interrupted. Raises SystemExit if it ended otherwise, and badly."""
    _, status = os.waitpid(process, 0)
    if os.waitstatus_to_exitcode(status) in (-signal.SIGKILL, 130):
        return True
    if status:
        raise SystemExit(f"dsh ended with {os.waitstatus_to_exitcode(status)}")
    return False


def finish(arguments: list[str]) -> None:
    if wait(start(arguments)):
        raise SystemExit("killed by something else")


# --- trials ----------------------------------------------------------------------------------------------------------


class Judge:
    """Knows how a trial began, and compares."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.first = trial.state()
        self.contents = trial.everything()
        self.keepers = {
            path: facts for path, facts in self.first.items() if "/kept/" in path and not path.endswith(".xmp")
        }

    def after_kill(self) -> None:
        now = self.trial.state()
        self._ensure(self.trial.everything() >= self.contents, "a content is lost")
        self._ensure(self.trial.all_known(), "metadata is lost")
        self._ensure(all(now.get(path) == facts for path, facts in self.keepers.items()), "a keeper was touched")
        with closing(sqlite3.connect(self.trial.root / "index.db")) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        self._ensure(verdict == "ok", "the index is damaged")

    def after_apply(self) -> None:
        now = self.trial.state()
        copies = {path: facts for path, facts in now.items() if "/kept/" not in path and not path.endswith(".xmp")}
        self._ensure(self.trial.all_known(), "metadata is lost")
        if self.trial.way == "hardlink":
            links = all(os.stat(path).st_nlink == 2 for path in copies)
            self._ensure(links and now.keys() == self.first.keys(), "not every copy is a hard link")
        else:
            self._ensure(not copies, f"copies or parts are left: {sorted(copies)}")
        self._ensure(self.trial.everything() >= self.contents, "a content is lost")

    def after_undo(self) -> None:
        self._ensure(
            self.trial.state() == self.first, f"not as it was: {self.trial.state().items() ^ self.first.items()}"
        )
        left = [path for path, _ in _files(self.trial.quarantine) if not path.endswith(".trashinfo")]
        self._ensure(not left, f"something is left in the quarantine: {left}")

    def _ensure(self, holds: bool, what: str) -> None:
        if not holds:
            raise SystemExit(f"{self.trial}: {what}")


def go_on(trial: Trial, judge: Judge, undoing: bool, *, again: bool) -> None:
    """From a killed command to the end. again: by the same command, else by the other one."""
    if trial.way == "delete":
        finish(trial.apply)
        judge.after_apply()
        shutil.rmtree(trial.root / "photos")
        (trial.root / "index.db").unlink()
        trial.make()
        return
    if undoing != again:
        finish(trial.apply)
        judge.after_apply()
    finish(trial.undo)
    judge.after_undo()


def every_moment(trial: Trial, judge: Judge, interrupt: int) -> int:
    """Kills before each change of a file, in apply and in undo, and goes on in one way and the other by turns; the
    number of kills. interrupt: if not 0, Ctrl-C instead, each trial so many instructions after the one before."""
    kills = 0
    for undoing in (False,) if trial.way == "delete" else (False, True):
        at, killed = interrupt or 1, True
        while killed:
            if undoing:
                finish(trial.apply)
            moment = {"interrupt_at" if interrupt else "kill_at": at}
            killed = wait(start(trial.undo if undoing else trial.apply, **moment))
            judge.after_kill()
            go_on(trial, judge, undoing, again=bool(kills % 2) or not killed)
            kills, at = kills + killed, at + (interrupt or 1)
    return kills


def random_moments(trial: Trial, judge: Judge, kills: int, moments: random.Random) -> int:
    """Kills that many processes after a random time each; how many of them had not ended by then."""
    begin = time.monotonic()
    finish(trial.apply)
    longest, hit = time.monotonic() - begin, 0
    go_on(trial, judge, True, again=True)
    for _ in range(kills):
        undoing = trial.way != "delete" and moments.random() < 0.5
        if undoing:
            finish(trial.apply)
        process = start(trial.undo if undoing else trial.apply)
        time.sleep(moments.uniform(0.0, longest))
        os.kill(process, signal.SIGKILL)
        hit += wait(process)
        judge.after_kill()
        go_on(trial, judge, undoing, again=moments.random() < 0.5)
    return hit


def trials(scratch: Path, other: Path | None, files: int) -> Iterator[Trial]:
    for name, way, exact in (
        ("quarantine", "quarantine", False), ("hardlink", "hardlink", True), ("delete", "delete", True)
    ):  # fmt: skip
        (scratch / name).mkdir()
        yield Trial(scratch / name, scratch / name / "quarantine", way, files, exact)
    os.environ |= {"HOME": str(scratch), "XDG_DATA_HOME": str(scratch / "data")}
    (scratch / "trash").mkdir()
    yield Trial(scratch / "trash", scratch / "data" / "Trash", "trash", files, False)
    for way, exact in (("quarantine", False), ("delete", True)):
        root = scratch / f"merging-{way}"
        root.mkdir()
        yield Trial(root, root / "quarantine", way, files, exact, merging=True)
    if other is not None:
        (scratch / "other").mkdir()
        yield Trial(scratch / "other", other / "quarantine", "quarantine", files, False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--files", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--interrupt", type=int, default=0, metavar="N")
    options = parser.parse_args()
    moments, counts = random.Random(options.seed), Counter[str]()
    every = options.every or options.interrupt
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    # In memory, where nothing waits for a disk: what SIGKILL leaves behind is the same.
    with tempfile.TemporaryDirectory(dir=memory) as scratch, tempfile.TemporaryDirectory() as disk:
        other = Path(disk) if os.stat(disk).st_dev != os.stat(scratch).st_dev else None
        chosen = [*trials(Path(scratch), other, options.files or (3 if every else 40))]
        for number, trial in enumerate(chosen):
            trial.make()
            if not number:
                trial.warm_up()
            judge = Judge(trial)
            if every:
                counts["kills"] += every_moment(trial, judge, options.interrupt)
            else:
                share = options.kills * (number + 1) // len(chosen) - options.kills * number // len(chosen)
                counts["kills"] += random_moments(trial, judge, share, moments)
                counts["tried"] += share
            print(f"{trial.root.name}: nothing lost; {dict(counts)}", flush=True)


if __name__ == "__main__":
    main()
