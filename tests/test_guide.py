"""The README's way from an index to undo, run as it stands there, by a real shell on a copy of the example photos.

Each line of output in the README is a line of the command's output, in that order; `...` stands for whatever is there.
"""

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.M | re.S)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place to type in, with `dsh` on the PATH and the photos in my-photos."""
    shutil.copytree(ROOT / "examples" / "photos", tmp_path / "my-photos")
    program = tmp_path / "bin" / "dsh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dshcli "$@"\n')
    program.chmod(0o755)
    return tmp_path


def typed(command: str, folder: Path) -> list[str]:
    """What a terminal shows of a command that succeeds, progress bars left out."""
    ours, theirs = pty.openpty()
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PATH": path, "PYTHONPATH": search}
    process = subprocess.Popen(command, shell=True, cwd=folder, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while part := _read(ours):
        shown += part
    os.close(ours)
    assert process.wait() == 0, shown.decode()
    return [line.rsplit("\r", 1)[-1] for line in shown.decode().replace("\r\n", "\n").split("\n")]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


def as_pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, line.split("..."))))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_guide_does_what_it_says(folder: Path) -> None:
    before = tree(folder / "my-photos")
    commands = [part.split("\n") for block in BLOCKS for part in block.split("$ ")[1:]]
    assert [command.split()[1] for command, *_ in commands] == [
        "index", "dupes", "explain", "decide", "dupes", "apply", "apply", "undo",
    ]  # fmt: skip
    for command, *told in commands:
        shown = iter(typed(command, folder))
        for line in filter(None, told):
            if line != "...":
                assert any(as_pattern(line).fullmatch(found) for found in shown), f"{command}: no line {line!r}"
        if command == commands[6][0]:
            assert len(tree(folder / "my-photos")) == len(before) - 22
    assert tree(folder / "my-photos") == before
