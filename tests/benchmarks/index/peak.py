"""How much memory does `dsh index` take for the largest pictures that it opens, in each format?

python -m tests.benchmarks.index.peak SCRATCH [--side 14000] [--bar 1000]

Draws a picture of side x side pixels (14,000: 196 million, just below --max-pixels), saves it in each format and mode
below the folder SCRATCH unless it is there, and indexes each file alone into a new index, then all of them at once with
a thread a core. The most memory that the process held is told in MB, the program and its network included.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.index.processes import Cost, run
from tests.benchmarks.measuring import machine

Save = Callable[[Image.Image, Path], None]


def _saved(mode: str, **options: object) -> Save:
    return lambda picture, path: picture.convert(mode).save(path, **options)


def _deep(kind: type, factor: int) -> Save:
    """Gray values of another type."""

    def save(picture: Image.Image, path: Path) -> None:
        Image.fromarray(np.asarray(picture.convert("L")).astype(kind) * kind(factor)).save(path)

    return save


def _palette(**options: object) -> Save:
    return lambda picture, path: picture.quantize(64, method=Image.Quantize.FASTOCTREE).save(path, **options)


FORMATS: dict[str, Save] = {
    "baseline.jpg": _saved("RGB", quality=80),
    "progressive.jpg": _saved("RGB", quality=80, progressive=True),
    "cmyk.jpg": _saved("CMYK", quality=80),
    "rgb.png": _saved("RGB", compress_level=1),
    "rgba.png": _saved("RGBA", compress_level=1),
    "palette.png": _palette(compress_level=1),
    "transparent.png": _palette(compress_level=1, transparency=3),
    "bilevel.png": _saved("1"),
    "gray16.png": _deep(np.uint16, 200),
    "gray16.tif": _deep(np.uint16, 200),
    "gray32.tif": _deep(np.int32, 200),
    "float.tif": _deep(np.float32, 1),
    "deflated.tif": _saved("RGB", compression="tiff_deflate"),
    "rgb.bmp": _saved("RGB"),
    "a.gif": _palette(),
    "lossy.webp": _saved("RGB", quality=30, method=0),
    "a.avif": _saved("RGB", quality=40, speed=10),
    "a.heic": _saved("RGB", quality=40),
}


def drawn(side: int, seed: int = 0) -> Image.Image:
    """Coloured blotches, which compress well."""
    rng = np.random.default_rng(seed)
    spots = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    return Image.fromarray(spots).resize((side, side), Image.Resampling.BICUBIC)


def ensure_files(folder: Path, side: int) -> list[Path]:
    """The files, each made unless it is there. In a process of its own: what a process held when it starts another one
    counts as memory of that one, too."""
    maker = get_context("spawn").Process(target=_make_files, args=(folder, side))
    maker.start()
    maker.join()
    return [path for name in FORMATS if (path := folder / f"{side}-{name}").exists()]


def _make_files(folder: Path, side: int) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None
    folder.mkdir(parents=True, exist_ok=True)
    picture: Image.Image | None = None
    for name, save in FORMATS.items():
        path = folder / f"{side}-{name}"
        if not path.exists():
            picture = picture or drawn(side)
            try:
                save(picture, path)
            except Exception as error:  # each encoder has limits and errors of its own
                path.unlink(missing_ok=True)
                print(f"{name}: not made ({error})", flush=True)


def indexed(files: list[Path]) -> tuple[Cost, list[str]]:
    """What indexing the files costs, and why any was skipped."""
    with tempfile.TemporaryDirectory() as scratch:
        output, cost = run("-m", "dshcli", "index", *files, "--db", Path(scratch) / "index.db", "--json", "-q")
    return cost, [reason for _, reason in json.loads(output)["skipped"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=14_000)
    parser.add_argument("--bar", type=int, default=1000, metavar="MB")
    options = parser.parse_args()
    print(machine("pillow", "pillow-heif", "onnxruntime"))
    files = ensure_files(options.folder, options.side)
    worst = 0
    for chosen in [[path] for path in files] + [files]:
        cost, skipped = indexed(chosen)
        worst = max(worst, cost.peak)
        name = chosen[0].name if len(chosen) == 1 else f"all {len(chosen)} at once"
        print(f"{name:24} {cost.peak / 1e6:6.0f} MB  {cost.cpu:6.1f} s CPU  {'; '.join(skipped)}", flush=True)
    met = worst <= options.bar * 1e6
    print(f"at most {worst / 1e6:.0f} MB (bar {options.bar}): {'met' if met else 'MISSED'}")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
