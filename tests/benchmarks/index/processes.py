"""Runs commands in processes of their own and says what they cost."""

import os
import subprocess
import sys
import time
from typing import NamedTuple


class Cost(NamedTuple):
    """Seconds of CPU (user and system, all threads), seconds of wall time, and the most memory held, in bytes."""

    cpu: float
    wall: float
    peak: int

    def __str__(self) -> str:
        return f"{self.cpu:.2f} s CPU, {self.wall:.2f} s wall, {self.peak / 1e6:.0f} MB"


def run(*arguments: object, program: str = sys.executable) -> tuple[str, Cost]:
    """stdout and cost of a command, by default of this Python. Raises CalledProcessError if it fails."""
    command = [program, *map(str, arguments)]
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        output = process.stdout.read().decode(errors="replace")
        _, status, used = os.wait4(process.pid, 0)  # with its children, if it has waited for them
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output, Cost(used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss * 1024)
