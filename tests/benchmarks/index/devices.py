"""How many bits differ between onnxruntime on the CPU and torch on a device, as `dsh index --device cuda` uses it.

python -m tests.benchmarks.index.devices FOLDER [--device cuda] [--limit N] [--model NAME]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from dshcli.hasher.encoder import Encoder
from dshcli.hasher.models import find_model
from dshcli.hasher.torch_encoder import TorchEncoder
from dshcli.images.opening import open_image
from tests.benchmarks.index.make_files import photos_under
from tests.benchmarks.measuring import machine

BAR = 0.001


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--model", default="photo")
    options = parser.parse_args()
    model = find_model(options.model)
    by_onnx, by_torch = Encoder(model), TorchEncoder(model, options.device)
    pixels = np.stack([open_image(p, by_onnx.spec).pixels for p in photos_under(options.folder)[: options.limit]])
    codes, milliseconds = [], []
    for encoder in (by_onnx, by_torch):
        start = time.monotonic()
        codes.append(encoder.encode(pixels))
        milliseconds.append(1000 * (time.monotonic() - start) / len(pixels))
    differing = np.bitwise_count(codes[0] ^ codes[1]).sum(axis=1, dtype=np.int64)
    share = differing.sum() / (len(pixels) * by_onnx.bits)
    print(machine("onnxruntime", "torch"))
    print(f"{len(pixels)} pictures, {by_onnx.bits} bits: {share:.4%} of the bits differ (bar {BAR:.1%}),")
    print(f"at most {differing.max()} in one code")
    print(f"wall: onnxruntime {milliseconds[0]:.1f} ms an image, torch on {options.device} {milliseconds[1]:.1f} ms")
    sys.exit(0 if share <= BAR else 1)


if __name__ == "__main__":
    main()
