"""Times the main job on a folder of photos: index it, index it again, query one new image from a cold start.

python -m tests.benchmarks.index.index_and_query FOLDER [--model NAME]

Prints images per second and the shares of decoding and network of the first run, the second run's time against its
bar (1 s plus 20 us a file), and the CPU time of five cold queries in processes of their own, with what they import.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image


def run(*arguments: object) -> tuple[str, float, float]:
    """stdout, wall seconds and CPU seconds (user and system) of a command in a process of its own."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, *map(str, arguments)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return output, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="photo")
    options = parser.parse_args()
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as scratch:
        db = Path(scratch) / "index.db"
        index = ("-m", "dshcli", "index", options.folder, "--db", db, "--model", options.model, "--json", "--quiet")
        output, wall, cpu = run(*index)
        ledger = json.loads(output)
        hashed, decode, network = ledger["hashed"], ledger["decode_cpu_seconds"], ledger["network_cpu_seconds"]
        print(f"first run:  {hashed} images, {wall:.1f} s wall, {cpu:.1f} s CPU, {hashed / wall:.0f} images/s")
        shares = f"decoding {decode:.1f} s ({decode / cpu:.0%}), network {network:.1f} s ({network / cpu:.0%})"
        print(f"            CPU: {shares}")
        print(
            f"            per image: decoding {1000 * decode / hashed:.1f} ms, network {1000 * network / hashed:.1f} ms"
        )
        output, wall, cpu = run(*index)
        seen = json.loads(output)["seen"]
        print(f"second run: {seen} files, {wall:.2f} s wall, {cpu:.2f} s CPU; bar {1 + 20e-6 * seen:.2f} s")
        new = Path(scratch) / "new.jpg"
        Image.effect_mandelbrot((1200, 900), (-2, -1, 1, 1), 60).convert("RGB").save(new)
        walls, cpus = zip(
            *(run("-m", "dshcli", "query", new, "--db", db, "-k", 3, "-q")[1:] for _ in range(5)), strict=True
        )
        print(f"cold query: median of 5: {statistics.median(walls):.2f} s wall, {statistics.median(cpus):.2f} s CPU")
        print(f"            imports: {imports('query', new, '--db', db, '-k', 3, '-q')}")


def imports(*arguments: object) -> str:
    """Which of the heavy packages a command has loaded when it ends."""
    script = (
        "import sys\nfrom dshcli.app import app\n"
        "try: app(sys.argv[1:])\nexcept SystemExit: pass\n"
        "heavy = ('torch', 'torchvision', 'faiss', 'onnx', 'onnxruntime', 'numpy', 'PIL', 'sqlite_utils', 'rich')\n"
        "print('\\n' + ', '.join(f'{m} {\"yes\" if m in sys.modules else \"no\"}' for m in heavy))"
    )
    return run("-c", script, *arguments)[0].splitlines()[-1]


if __name__ == "__main__":
    main()
