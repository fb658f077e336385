"""Sets the CPU time of `dsh index` against what cannot be saved: decoding alone, and the network alone.

python -m tests.benchmarks.index.make_files camera PHOTOS FOLDER --count 2000
python -m tests.benchmarks.index.throughput FOLDER [--model NAME] [--jobs N] [--rounds N]

Decoding alone is Pillow at the scale that `dsh index` decodes at; the network alone takes as many squares of pixels,
made beforehand, one after the other. Both run on one thread, and the time that Python and libraries take to start is
left out; that of `dsh index` counts in full. Parts and whole take turns, and of each the least CPU time counts.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dshcli.hasher.encoder import Encoder
from dshcli.hasher.models import find_model
from dshcli.images.opening import draft_side, open_image, pillow_ready
from tests.benchmarks.index.make_files import photos_under
from tests.benchmarks.index.processes import Cost, run
from tests.benchmarks.measuring import machine

BAR, PEAK_BAR = 1.25, 1_000_000_000
DISTINCT = 64  # squares that the network is given in turn


def decode_alone(paths: list[Path], model: str) -> float:
    """CPU seconds of reading and decoding, nothing else."""
    spec, pillow = find_model(model).config.spec, pillow_ready()
    start = time.process_time()
    for path in paths:
        with pillow.open(path) as image:
            image.draft(None, (draft_side(spec), draft_side(spec)))
            image.load()
    return time.process_time() - start


def network_alone(paths: list[Path], model: str) -> float:
    """CPU seconds of the network for as many images as there are paths."""
    encoder = Encoder(find_model(model))
    squares = np.stack([open_image(path, encoder.spec).pixels for path in paths[:DISTINCT]])
    encoder.outputs(squares[:1])
    start = time.process_time()
    for at in range(len(paths)):
        encoder.outputs(squares[at % len(squares)][None])
    return time.process_time() - start


def whole(folder: Path, model: str, jobs: int) -> Cost:
    """What `dsh index` into a new index costs."""
    with tempfile.TemporaryDirectory() as scratch:
        db = Path(scratch) / "index.db"
        output, cost = run("-m", "dshcli", "index", folder, "--db", db, "-m", model, "-j", jobs, "--json", "-q")
    ledger = json.loads(output)
    assert ledger["hashed"] == ledger["seen"], ledger
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    paths = photos_under(options.folder)
    decodes, networks, costs = [], [], []
    for _ in range(options.rounds):
        decodes.append(decode_alone(paths, options.model))
        costs.append(whole(options.folder, options.model, options.jobs))
        networks.append(network_alone(paths, options.model))
    decode, network, cost = min(decodes), min(networks), min(costs)
    ratio, each = cost.cpu / (decode + network), 1000 / len(paths)
    print(machine("pillow", "onnxruntime", "numpy"))
    print(f"{len(paths)} files, {sum(path.stat().st_size for path in paths) / len(paths) / 1e6:.2f} MB on average")
    print(f"decoding alone: {decode:.1f} s CPU, {decode * each:.2f} ms an image")
    print(f"network alone:  {network:.1f} s CPU, {network * each:.2f} ms an image")
    print(f"dsh index:      {cost}, {cost.cpu * each:.2f} ms of CPU an image, {len(paths) / cost.wall:.0f} images/s")
    print(f"ratio {ratio:.2f} (bar {BAR}); peak {cost.peak / 1e6:.0f} MB (bar {PEAK_BAR / 1e6:.0f})")
    sys.exit(0 if ratio <= BAR and cost.peak <= PEAK_BAR else 1)


if __name__ == "__main__":
    main()
