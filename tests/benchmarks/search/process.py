"""Commands in processes of their own, and the CPU time that each of them takes."""

import os
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """What a process took: CPU seconds (user and system, all threads), peak memory, and bytes of stdout."""

    cpu: float
    peak_bytes: int
    stdout_bytes: int


def run_dsh(*arguments: object) -> Run:
    """`dsh ARGUMENTS` from a cold start, its output read and dropped. Raises RuntimeError if it fails."""
    command = [sys.executable, "-m", "dshcli", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    size = 0
    while part := process.stdout.read(1 << 20):
        size += len(part)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {errors.decode()}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, size)


def cold_cpu(*arguments: object, rounds: int = 5) -> float:
    """The least CPU seconds of several cold starts; what else runs on the machine can only add to it."""
    return min(run_dsh(*arguments).cpu for _ in range(rounds))
