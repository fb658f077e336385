"""Times `dsh index` where nothing, or one file, is new among 100,000.

python -m tests.benchmarks.index.make_files tiny PHOTOS FOLDER --count 100000
python -m tests.benchmarks.index.second_run FOLDER [--db FILE]

The index is filled once with codes that stand in for the model's, since what they are does not matter here; the runs
that are timed are `dsh index` as a user starts it, with the built-in model. Of three rounds the least CPU time counts.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, code_bytes
from dshcli.hasher.models import BUILTIN, Model, find_model
from dshcli.images.spec import InputSpec
from dshcli.library.indexing import IndexOptions, index_folder
from dshcli.progress import Terminal
from tests.benchmarks.index.processes import Cost, run
from tests.benchmarks.measuring import machine

BAR, ONE_MORE = 3.0, 0.5  # seconds: of a run with nothing new, and more than that with one new file
ROUNDS = 3


class StandIn:
    """Goes by the name of a model, and hashes without its network."""

    spec = InputSpec(8, 3)

    def __init__(self, model: Model) -> None:
        self.model_id, config = model.model_id, model.config
        self.name, self.bits, self.radius = config.name, config.bits, config.radius

    def encode(self, pixels: npt.NDArray[np.uint8]) -> Codes:
        return np.resize(pixels.reshape(len(pixels), -1)[:, : code_bytes(self.bits)], (len(pixels), self.bits // 8))


def again(folder: Path, db: Path) -> tuple[dict[str, int], Cost]:
    """The ledger and the cost of one more `dsh index` in a process of its own."""
    output, cost = run("-m", "dshcli", "index", folder, "--db", db, "--model", BUILTIN, "--json", "--quiet")
    return json.loads(output), cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--db", type=Path, help="Kept for the next time; else a temporary one.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        db = options.db or Path(scratch) / "index.db"
        index_folder(db, [options.folder], StandIn(find_model(BUILTIN)), IndexOptions(prune=True), Terminal())
        unchanged, added = [], []
        for _ in range(ROUNDS):
            before = hashlib.sha256(db.read_bytes()).digest()
            ledger, cost = again(options.folder, db)
            assert ledger["unchanged"] == ledger["seen"] and not ledger["skipped"], ledger
            assert hashlib.sha256(db.read_bytes()).digest() == before, "something was written"
            unchanged.append(cost)
            new = options.folder / "new.png"
            pixels = np.random.default_rng().integers(0, 256, (32, 32, 3), np.uint8)
            try:
                _save(pixels, new)
                ledger, cost = again(options.folder, db)
            finally:
                new.unlink()
            assert (ledger["hashed"], ledger["unchanged"]) == (1, ledger["seen"] - 1), ledger
            added.append(cost)
            index_folder(db, [options.folder], StandIn(find_model(BUILTIN)), IndexOptions(prune=True), Terminal())
    print(machine("pillow", "numpy", "onnxruntime"))
    first, second = min(unchanged), min(added)
    print(f"nothing new among {ledger['seen'] - 1:,}: {first} (bar {BAR} s)")
    print(f"one file added:  {second}, {second.cpu - first.cpu:.2f} s of CPU more (bar {ONE_MORE} s)")
    sys.exit(0 if first.cpu <= BAR and second.cpu - first.cpu <= ONE_MORE else 1)


def _save(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(path)


if __name__ == "__main__":
    main()
