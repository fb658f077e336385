"""Processes killed or interrupted in the middle of apply and undo: no content is lost, and everything comes back.

`DSH_KILLS=200` tries that many random moments instead of a few.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("DSH_KILLS", "8"))

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")


def run(*arguments: object) -> list[int]:
    """Runs tests/benchmarks/kill_apply.py, which stops at the first loss; the numbers of its last line."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "tests.benchmarks.kill_apply", *map(str, arguments)]
    result = subprocess.run(
        command, capture_output=True, text=True, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines][:3] == ["quarantine", "hardlink", "delete"]
    return [int(number) for number in re.findall(r"\d+", lines[-1])]


def test_killed_before_every_change_of_a_file() -> None:
    """Each removal and each return of a file takes several changes; there is a kill before each of them."""
    (kills,) = run("--every", "--files", 1)
    assert kills > 60


def test_ctrl_c_at_any_instruction() -> None:
    """What clears up behind an interrupted step must not clear away the file."""
    (interrupts,) = run("--interrupt", 131, "--files", 1)
    assert interrupts > 20


def test_killed_at_random_moments() -> None:
    kills, tried = run("--kills", KILLS, "--files", 12, "--seed", 1)
    assert tried == KILLS and kills > 0
