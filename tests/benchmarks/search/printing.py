"""How long does `dsh dupes` take to print 200,000 groups among a million images, and does it hold them all?

python -m tests.benchmarks.search.printing [--count N] [--groups N] [--dir DIR]

CPU seconds and peak memory of whole processes: `dsh dupes --no-verify` to JSON, to CSV, and within radius 0, where no
group is left, so that the difference is that of looking at the files of the groups and of printing them. The files are
empty and lie in DIR (a file system in memory makes them sooner). Bar: printing takes seconds.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from dshcli.codes import Codes
from tests.benchmarks.measuring import machine
from tests.benchmarks.search.index_file import make_files, make_index
from tests.benchmarks.search.process import run_dsh


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=200_000)
    parser.add_argument("--dir", type=Path)
    options = parser.parse_args()
    print(machine("numpy"))
    with tempfile.TemporaryDirectory(dir=options.dir) as scratch:
        codes, members = grouped_codes(options.count, options.groups)
        db = Path(scratch) / "index.db"
        make_index(db, codes, 2, folder=scratch)
        make_files(members.tolist(), scratch)
        print(f"{len(codes):,} images, {options.groups:,} groups of {len(members):,}", flush=True)
        dupes = ("dupes", "--db", db, "--no-verify", "--quiet")
        nothing = run_dsh(*dupes, "--radius", 0)
        assert nothing.stdout_bytes == 0
        print(f"no group: {nothing.cpu:.2f} s, {nothing.peak_bytes / 1e6:.0f} MB of memory", flush=True)
        for form in ("--json", "--csv"):
            run = run_dsh(*dupes, form)
            printing = run.cpu - nothing.cpu
            print(
                f"{form}: {run.cpu:.2f} s, {run.peak_bytes / 1e6:.0f} MB; groups alone {printing:.2f} s, "
                f"{1e6 * printing / len(members):.1f} us an image, {run.stdout_bytes / 1e6:.0f} MB of output",
                flush=True,
            )


def grouped_codes(count: int, groups: int) -> tuple[Codes, np.ndarray]:
    """Codes (count, 8) in which groups of two and of three by turns differ by a bit or two; the positions of those."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (count, 8), dtype=np.uint8)
    members = rng.permutation(count)[: groups * 5 // 2]
    of_group = np.repeat(np.arange(groups), np.arange(groups) % 2 + 2)[: len(members)]
    firsts = np.unique(of_group, return_index=True)[1][of_group]
    codes[members] = codes[members[firsts]]
    codes[members, 0] ^= (1 << (np.arange(len(members)) - firsts)).astype(np.uint8)
    return codes, members


if __name__ == "__main__":
    main()
