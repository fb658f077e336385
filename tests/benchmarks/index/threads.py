"""How to spend the cores: several images at once, each on one thread of the network, or one image on all of them.

python -m tests.benchmarks.index.threads FOLDER [--limit N] [--model NAME]
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from dshcli.hasher.encoder import Encoder
from dshcli.hasher.models import ENCODER, find_model
from dshcli.images.opening import open_image
from dshcli.machine import cores
from tests.benchmarks.index.make_files import photos_under
from tests.benchmarks.measuring import machine


def session(path: Path, threads: int) -> Any:
    """The network, with so many threads for each image."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--model", default="photo")
    options = parser.parse_args()
    model = find_model(options.model)
    spec = Encoder(model).spec
    pixels = np.stack([open_image(p, spec).pixels for p in photos_under(options.folder)[: options.limit]])
    print(machine("onnxruntime", "numpy"))
    for at_once, each in ((1, 1), (cores(), 1), (2 * cores(), 1), (1, cores())):
        network = session(model.folder / ENCODER, each)

        def run(i: int, network: Any = network) -> None:
            network.run(["outputs"], {"pixels": pixels[i : i + 1]})

        run(0)
        wall, cpu = time.monotonic(), time.process_time()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(run, range(len(pixels))))
        wall, cpu = 1000 * (time.monotonic() - wall), 1000 * (time.process_time() - cpu)
        words = f"{at_once} images at once, {each} threads each"
        print(f"{words}: {wall / len(pixels):.2f} ms of wall an image, {cpu / len(pixels):.2f} ms of CPU")


if __name__ == "__main__":
    main()
