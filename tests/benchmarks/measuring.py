"""What the search benchmarks share: the codes they search, the clock they read, the machine they name."""

import os
import platform
import resource
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from dshcli.codes import Codes

CENTRES = 10_000
FLIPS = 0.03  # chance that a bit of a grouped item differs from its centre
SPARSE, DENSE = 0.2, 0.75  # shares of the items that lie around a centre; the others are uniform
IDENTICAL = 50_000  # items of one and the same code, as blank images have


def benchmark_codes(count: int, bits: int, grouped_share: float = SPARSE, seed: int = 0) -> Codes:
    """Codes (count, bits / 8): clusters around centres, one block of identical codes, the rest uniform; shuffled."""
    rng = np.random.default_rng(seed)
    identical = min(IDENTICAL, count // 20)
    grouped = int(grouped_share * count)
    centres = rng.integers(0, 256, (CENTRES, bits // 8), dtype=np.uint8)
    near = centres[rng.integers(0, CENTRES, grouped)]
    for start in range(0, grouped, 100_000):
        part = near[start : start + 100_000]
        part ^= np.packbits(rng.random((len(part), bits), dtype=np.float32) < FLIPS, axis=1)
    same = np.repeat(centres[:1], identical, axis=0)
    uniform = rng.integers(0, 256, (count - grouped - identical, bits // 8), dtype=np.uint8)
    codes = np.concatenate([near, same, uniform])
    rng.shuffle(codes)
    return codes


def cpu_seconds(job: Callable[[], object], rounds: int = 3) -> float:
    """The least CPU time of all threads over several rounds; what else runs on the machine can only add to it."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        job()
        times.append(time.process_time() - start)
    return min(times)


def peak_bytes() -> int:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def machine(*packages: str) -> str:
    """One line: processor, cores, Python, and the versions of the packages."""
    with open("/proc/cpuinfo") as info:
        names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{names[0]}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
