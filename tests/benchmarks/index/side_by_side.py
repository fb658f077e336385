"""CPU and wall time of `dsh index` and of other tools that read the same folder.

python -m tests.benchmarks.index.side_by_side FOLDER [--limit N] [--peers PYTHON]

Every tool runs as a process of its own, with its own start, on hard links to the first N pictures, which the page
cache holds by then. Where a tool can, it only makes its codes and compares nothing, as `dsh index` does. --peers is a
Python that has difPy and duplicate-images, if this one has not; what is not there is said and left out. imagededup's
CNN is not here: its weights come from a server when it is first used.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.index.make_files import photos_under
from tests.benchmarks.index.processes import run
from tests.benchmarks.measuring import machine

_LOOP = """
import sys
from pathlib import Path
from PIL import Image
{imports}
count = 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    with Image.open(path) as image:
        {hash}
    count += 1
print(count)
"""


class Tool(NamedTuple):
    """How a tool is started on a folder, and what it does there; `peer`: by the other Python."""

    name: str
    does: str
    package: str
    script: str
    peer: bool = False


TOOLS = (
    Tool(
        "imagehash", "64-bit pHash, one thread", "imagehash",
        _LOOP.format(imports="import imagehash", hash="imagehash.phash(image)"),
    ),
    Tool(
        "pdqhash", "256-bit PDQ, one thread", "pdqhash",
        _LOOP.format(
            imports="import numpy, pdqhash", hash="pdqhash.compute(numpy.asarray(image.convert('RGB')))"
        ),
    ),
    Tool(
        "imagededup", "64-bit pHash, a process a core", "imagededup",
        "import sys\nfrom imagededup.methods import PHash\n"
        "if __name__ == '__main__': print(len(PHash(verbose=False).encode_images(sys.argv[1])))",
    ),
    Tool(
        "difPy", "build: pictures of 50 x 50 pixels, no search", "difPy",
        "import sys, difPy\nif __name__ == '__main__': difPy.build(sys.argv[1], show_progress=False)", peer=True,
    ),
    Tool(
        "duplicate-images", "64-bit pHash, and compares them", "duplicate_images",
        "import sys\nfrom duplicate_images.duplicate import main\n"
        "sys.argv = ['find-dups', sys.argv[1], '--algorithm', 'phash', '--on-equal', 'none', '--quiet']\n"
        "if __name__ == '__main__': main()", peer=True,
    ),
)  # fmt: skip


def version_of(python: str, package: str) -> str | None:
    """The version of a package for another Python; None if that has not got it."""
    code = (
        "import sys; from importlib.metadata import packages_distributions as p, version; "
        "print(version(p()[sys.argv[1]][0]))"
    )
    done = subprocess.run([python, "-c", code, package], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def linked(photos: list[Path], folder: Path) -> Path:
    """A folder with hard links to the photos (copies, where the disk is another), whose content is in memory then."""
    folder.mkdir()
    for number, path in enumerate(photos):
        target = folder / f"{number:05}{path.suffix.lower()}"
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)
        target.read_bytes()
    return folder


def compare(folder: Path, scratch: Path, peers: str) -> None:
    """Runs every tool that is there and prints a line for each."""

    def row(name: str, does: str, *arguments: object, program: str = sys.executable) -> None:
        try:
            _, cost = run(*arguments, program=program)
            print(f"| {name} | {does} | {cost.wall:.1f} s | {cost.cpu:.1f} s |", flush=True)
        except subprocess.CalledProcessError as error:
            print(f"{name} failed: exit code {error.returncode}", flush=True)

    print("| tool | what it does | wall | CPU |\n|---|---|---|---|")
    for jobs in (0, 1):
        threads = "one thread" if jobs else "a thread a core"
        db = scratch / f"{jobs}.db"
        row(
            "`dsh index`",
            f"the current model's code, {threads}",
            "-m",
            "dshcli",
            "index",
            folder,
            "--db",
            db,
            "-j",
            jobs,
            "-q",
        )
    for tool in TOOLS:
        python = peers if tool.peer else sys.executable
        found = version_of(python, tool.package)
        if found is None:
            print(f"{tool.name} is not here")
            continue
        row(f"{tool.name} {found}", tool.does, "-c", tool.script, folder, program=python)
    perl = shutil.which("findimagedupes")
    if perl is None:
        print("findimagedupes is not here")
    else:
        row(
            "findimagedupes",
            "256-bit thumbnail, no search",
            "-n",
            "-f",
            scratch / "perl.db",
            "-R",
            folder,
            program=perl,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON")
    options = parser.parse_args()
    photos = photos_under(options.folder)[: options.limit]
    print(machine("pillow", "onnxruntime", "numpy"))
    print(
        f"{len(photos)} pictures, {sum(path.stat().st_size for path in photos) / len(photos) / 1e3:.0f} kB on average"
    )
    # beside the photos, where hard links can be
    with tempfile.TemporaryDirectory(dir=options.folder.parent) as scratch:
        compare(linked(photos, Path(scratch) / "photos"), Path(scratch), options.peers)


if __name__ == "__main__":
    main()
