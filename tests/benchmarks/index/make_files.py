"""Makes the files that the benchmarks of indexing read: camera-sized JPEGs, screen-sized ones, or very many tiny ones.

python -m tests.benchmarks.index.make_files camera PHOTOS OUT --count 2000     4000 x 3000, 2 to 5 MB each
python -m tests.benchmarks.index.make_files screen PHOTOS OUT --count 5000     640 x 480
python -m tests.benchmarks.index.make_files tiny PHOTOS OUT --count 100000     32 x 32, in folders of 1000

Pictures under the folder PHOTOS are pasted together and enlarged, and get the fine grain that a sensor leaves, so that
files are as large as a camera's and take as long to decode. The same seed makes the same files. All are distinct.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dshcli.progress import Reporter, Terminal

if TYPE_CHECKING:
    from PIL.Image import Image

GRAIN_SIDE = 512  # pixels; the grain is repeated from another corner in each file


@dataclass(frozen=True)
class Kind:
    """Size in pixels, pictures pasted along a row and a column, standard deviation of the grain in gray levels."""

    width: int
    height: int
    pasted: int
    grain: float
    quality: int


KINDS = {
    "camera": Kind(4000, 3000, 4, 5.0, 88),
    "screen": Kind(640, 480, 1, 3.0, 88),
    "tiny": Kind(32, 32, 1, 0.0, 80),
}
A_FOLDER = 1000


def make_files(kind: Kind, photos: list[Path], out: Path, count: int, seed: int, reporter: Reporter) -> None:
    """Writes 00000.jpg ... into folders of `A_FOLDER` below `out`; a number in the file's comment makes it distinct."""
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, kind.grain, (GRAIN_SIDE, GRAIN_SIDE)).astype(np.float32)
    with reporter.task("making files", total=count, unit="file") as task:
        for number in range(count):
            folder = out / f"{number // A_FOLDER:03}"
            folder.mkdir(parents=True, exist_ok=True)
            chosen = [photos[i] for i in rng.integers(0, len(photos), kind.pasted**2)]
            picture = _pasted(chosen, kind)
            if kind.grain:
                picture = _grained(picture, np.roll(grain, rng.integers(0, GRAIN_SIDE, 2), (0, 1)))
            picture.save(folder / f"{number:05}.jpg", quality=kind.quality, comment=f"{seed} {number}")
            task.advance()


def _pasted(photos: list[Path], kind: Kind) -> "Image":
    from PIL import Image

    whole = Image.new("RGB", (kind.width, kind.height))
    part = (kind.width // kind.pasted, kind.height // kind.pasted)
    for place, path in enumerate(photos):
        row, column = divmod(place, kind.pasted)
        with Image.open(path) as photo:
            photo.draft("RGB", part)
            whole.paste(photo.convert("RGB").resize(part, Image.Resampling.BICUBIC), (column * part[0], row * part[1]))
    return whole


def _grained(picture: "Image", grain: npt.NDArray[np.float32]) -> "Image":
    from PIL import Image

    rows, columns = -(-picture.height // GRAIN_SIDE), -(-picture.width // GRAIN_SIDE)
    tiled = np.tile(grain.astype(np.int16), (rows, columns))[: picture.height, : picture.width, None]
    return Image.fromarray(np.clip(np.asarray(picture, np.int16) + tiled, 0, 255).astype(np.uint8))


def photos_under(folder: Path) -> list[Path]:
    """The pictures below a folder that may be pasted, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    photos = photos_under(options.photos)
    make_files(KINDS[options.kind], photos, options.out, options.count, options.seed, Terminal())
    sizes = [path.stat().st_size for path in options.out.rglob("*.jpg")]
    print(f"{len(sizes)} files, {np.mean(sizes) / 1e6:.2f} MB on average, {min(sizes)} to {max(sizes)} bytes")


if __name__ == "__main__":
    main()
