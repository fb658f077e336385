"""Do commands start soon? CPU seconds of processes of their own, from a cold start.

python -m tests.benchmarks.search.cold [--count N] [--dupes N]

`dsh --help`; `dsh query` of an image of the index among 1M codes of 64 bits, and of a new picture among 1M codes of the
built-in model, whose network has to run; `dsh dupes --no-verify --json` on 100,000 codes. The least of five runs each.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from dshcli.hasher.models import find_model
from dshcli.search.groups import star_groups
from tests.benchmarks.measuring import benchmark_codes, machine
from tests.benchmarks.search.index_file import image_path, make_files, make_index
from tests.benchmarks.search.process import cold_cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000, help="codes that a query searches")
    parser.add_argument("--dupes", type=int, default=100_000, help="codes that are grouped")
    options = parser.parse_args()
    print(machine("numpy", "typer", "onnxruntime"))
    _report("dsh --help", cold_cpu("--help"), 0.25)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _query_known(folder, options.count)
        _query_new(folder, options.count)
        _dupes(folder, options.dupes)


def _query_known(folder: Path, count: int) -> None:
    db = folder / "narrow.db"
    make_index(db, benchmark_codes(count, 64), 2, folder=str(folder))
    make_files([count // 2], str(folder))
    seconds = cold_cpu("query", image_path(count // 2, str(folder)), "--db", db)
    _report(f"dsh query, {count:,} codes of 64 bits, an image of the index", seconds, 1.0)


def _query_new(folder: Path, count: int) -> None:
    photo, picture = find_model("photo"), folder / "new.jpg"
    Image.effect_mandelbrot((4000, 3000), (-2, -1, 1, 1), 60).convert("RGB").save(picture)
    db = folder / "wide.db"
    make_index(db, benchmark_codes(count, photo.config.bits), photo.config.radius, model_id=photo.model_id)
    seconds = cold_cpu("query", picture, "--db", db)
    _report(f"dsh query, {count:,} codes of {photo.config.bits} bits, a new picture of 12 MP", seconds, 1.0)


def _dupes(folder: Path, count: int) -> None:
    db, codes = folder / "dupes.db", benchmark_codes(count, 64)
    make_index(db, codes, 2, folder=str(folder))
    groups = star_groups(codes, 64, 2, np.arange(count))
    make_files(groups.members.tolist(), str(folder))
    seconds = cold_cpu("dupes", "--db", db, "--no-verify", "--json")
    _report(f"dsh dupes, {count:,} codes of 64 bits, {len(groups):,} groups", seconds, 1.5)


def _report(what: str, seconds: float, bar: float) -> None:
    print(f"{what}: {seconds:.2f} s, bar {bar} s: {'met' if seconds <= bar else 'MISSED'}", flush=True)


if __name__ == "__main__":
    main()
