"""A small world of files for plans: made and told in words, so that a test reads as a table.

`a/keep=K q1/b/small=S` tells the files: a/keep holds 1,000 bytes K, b/small lies in the quarantine of run 1. Files that
are hard links to each other have a star: `a/keep=K* a/copy=K*`. A tilde in a name stands for a byte that is no UTF-8,
an underscore for a newline.
"""

import hashlib
import json
import os
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from typer.testing import Result

from dshcli.library.decisions import Choice, Decisions, Said, Verdict
from dshcli.library.store import Index, path_key

START = "a/keep=K a/copy=K b/small=S other=O"
PLAN = "a/keep:a/copy a/keep:b/small"
DIRECT = "q1/a/copy=K q1/b/small=S a/keep=K other=O"  # after a plan was applied without further events
DONE = ["done a/copy", "done b/small"]
UNDONE = ["done b/small", "done a/copy"]
NAMES = ("new_line", "quote'\"s", "caf~", "~~", "-rf", "a\tb\\n", "鳥🙂", "\x1b[31m", "%41", "n" * 255)
SIZE = 1000


def real(name: str) -> str:
    return name.replace("~", "\udce9").replace("_", "\n")


def told(name: str) -> str:
    return name.replace("\udce9", "~").replace("\n", "_")


@dataclass
class World:
    """Pictures in `root`/p, which are never decoded; a quarantine in `root`/q, or wherever it is put."""

    root: Path
    dsh: Callable[..., Result]
    quarantine: Path
    size: int = SIZE

    @property
    def plan(self) -> Path:
        return self.root / "plan.jsonl"

    @property
    def db(self) -> Path:
        return self.root / "index.db"

    def path(self, name: str) -> str:
        """Of a file of the world; in the quarantine it lies as it lay below the root of the drive."""
        name = real(name)
        if name.startswith("q") and name[1:2].isdigit():
            run, _, rest = name[1:].partition("/")
            return os.path.join(self.quarantine, f"run-{run}", str(self.root).lstrip("/"), "p", rest)
        return os.path.join(self.root, "p", name)

    def make(self, files: str, plan: str) -> None:
        Index.open_or_create(self.db).__exit__()
        for word in files.split():
            self.write(*word.split("="))
        self.write_plan(*plan.split())

    def write(self, name: str, letter: str) -> None:
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(letter.encode() * self.size)
        os.utime(path, ns=(10**18, 10**18 + ord(letter)))

    def write_plan(self, *pairs: str) -> None:
        """`keep:remove`, with the files as they are now; groups are numbered by their keepers."""
        header = {
            "dsh_plan": 1, "index": str(self.db), "model": "toy-1", "radius": 2, "verified": True, "groups": 1,
            "files": len(pairs), "bytes": 0,
        }  # fmt: skip
        lines, keepers = [header], list[str]()
        for pair in pairs:
            keep, remove = pair.split(":")
            keepers += [] if keep in keepers else [keep]
            files = {"keep": self._record(keep), "remove": self._record(remove)}
            lines.append({"group": 1 + keepers.index(keep), **files, "kind": "resized", "detail": "", "why": "oldest"})
        self.plan.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def _record(self, name: str) -> dict[str, object]:
        path = self.path(name)
        with open(path, "rb") as file:
            data = file.read()
        return {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}

    def run(self, script: str) -> list[str]:
        """Does what a script says, step by step: `apply --yes; rm a/keep; undo`. Returns the lines of all outcomes, as
        `action name reason`."""
        lines = []
        for step in script.split("; "):
            word, *rest = shlex.split(step)
            if word in ("apply", "undo"):
                lines += self._dsh(word, rest)
            else:
                getattr(self, f"do_{word.replace('-', '_')}")(*rest)
        return lines

    def _dsh(self, word: str, rest: list[str]) -> list[str]:
        code = next((int(option[5:]) for option in rest if option.startswith("exit=")), 0)
        options = [self.path(option[1:]) if option.startswith("@") else option for option in rest if "=" not in option]
        if word == "apply":
            place = [] if "--to" in options else ["--dir", self.quarantine]
            result = self.dsh("apply", self.plan, *place, *options, "--json", exit_code=code)
        else:
            result = self.dsh("undo", *options, "--db", self.db, "--json", exit_code=code)
        if code in (1, 2):
            return [result.stderr]
        outcomes = [json.loads(line) for line in result.stdout.splitlines()]
        return [f"{o['action']} {self._name(o['path'])} {o['reason']}".strip() for o in outcomes]

    def _name(self, path: str) -> str:
        return told(os.path.relpath(path, self.root / "p"))

    # --- the other words of scripts

    def do_rm(self, name: str) -> None:
        os.unlink(self.path(name))

    def do_write(self, name: str, letter: str) -> None:
        self.write(name, letter)

    def do_link(self, name: str, other: str) -> None:
        os.link(self.path(name), self.path(other))

    def do_symlink(self, name: str, other: str) -> None:
        os.symlink(self.path(name), self.path(other))

    def do_rename(self, name: str, other: str) -> None:
        os.rename(self.path(name), self.path(other))

    def do_mkdir(self, name: str) -> None:
        os.mkdir(self.path(name))

    def do_rmdir(self, name: str) -> None:
        os.rmdir(self.path(name))

    def do_fifo(self, name: str) -> None:
        os.mkfifo(self.path(name))

    def do_chmod(self, mode: str, name: str) -> None:
        os.chmod(self.path(name), int(mode, 8))

    def do_plan(self, *pairs: str) -> None:
        self.write_plan(*pairs)

    def do_edit(self, number: str, old: str, new: str) -> None:
        """Replaces text in a line of the plan, the header being 0; all of it if the old text is `*`."""
        lines = self.plan.read_text().splitlines()
        line = lines[int(number)]
        assert old == "*" or old in line
        lines[int(number)] = new if old == "*" else line.replace(old, new)
        self.plan.write_text("\n".join(lines) + "\n")

    def do_decide(self, one: str, other: str, *verdict: str) -> None:
        """The verdict, of equal files with their number at its end."""
        files = int(verdict[-1]) if verdict[-1].isdigit() else 0
        word = Verdict(" ".join(verdict[:-1] if files else verdict))
        with Index.open_or_create(self.db) as index:
            Decisions(index).save([Said(self._digest(one), self._digest(other), word, files)])

    def do_choose(self, name: str) -> None:
        """As if it had been done a day after all that was chosen before."""
        with Index.open_or_create(self.db) as index:
            with index.write() as db:
                db.execute("UPDATE chosen_keepers SET decided = datetime(decided, '-1 day')")
            Decisions(index).save([Choice(self._digest(name))])

    def do_index(self) -> None:
        """Rows of all files, as an index run has them."""
        with Index.open_or_create(self.db) as index, index.write() as db:
            for path in sorted((self.root / "p").rglob("*")):
                if path.is_file():
                    digest = hashlib.sha256(path.read_bytes()).digest()
                    row = [path_key(str(path)), digest]
                    db.execute("INSERT INTO images (path, size, mtime_ns, digest) VALUES (?, 1, 1, ?)", row)

    def _digest(self, name: str) -> bytes:
        return bytes.fromhex(str(self._record(name)["sha256"]))

    # --- what there is

    def files(self) -> str:
        """All files of the pictures and the quarantine, as words; anything else is told by its kind."""
        found = {}
        for top, prefix in ((self.root / "p", ""), (self.quarantine, "q")):
            for folder, _, names in os.walk(top):
                for name in names:
                    path = os.path.join(folder, name)
                    found[self._told(path, prefix)] = self._content(path)
        return " ".join(sorted(f"{name}={content}" for name, content in found.items()))

    def _told(self, path: str, prefix: str) -> str:
        if not prefix:
            return self._name(path)
        run, _, rest = os.path.relpath(path, self.quarantine).removeprefix("run-").partition("/")
        return f"q{run}/" + told(rest.removeprefix(str(self.root).lstrip("/") + "/p/"))

    def _content(self, path: str) -> str:
        facts = os.lstat(path)
        if not stat.S_ISREG(facts.st_mode):
            return "symlink" if stat.S_ISLNK(facts.st_mode) else "special"
        with open(path, "rb") as file:
            data = file.read()
        letter = data[:1].decode()
        assert data == letter.encode() * self.size, f"{path} is not whole"
        return letter + ("*" if facts.st_nlink > 1 else "")


def sorted_words(files: str) -> str:
    return " ".join(sorted(files.split()))


def table_world(root: Path, dsh: Callable[..., Result]) -> World:
    """The files of START and the plan of them."""
    made = World(root, dsh, root / "q")
    made.make(START, PLAN)
    return made


def check(world: World, script: str, files: str, outcomes: list[str]) -> None:
    told = world.run(script)
    assert len(told) == len(outcomes), told
    for line, expected in zip(told, outcomes, strict=True):
        # An outcome is told in full, but for reasons that go on with a path.
        assert line == expected or (len(expected) > len("done a/copy") and expected in line), told
    assert world.files() == sorted_words(files)
