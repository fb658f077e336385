"""How often the rule `sharp` ranks a photo above worse copies of it: enlarged, blurred, compressed, sharpened, noisy.

    python -m tests.benchmarks.sharpness FOLDER --limit 200

Beside it the variance of the Laplacian, the usual measure of sharpness. A row a change: in how many of 100 photos the
photo is above its copy, about equal to it (the next rule decides), or below; then the median ratio of the two.
"""

import argparse
import io
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from dshcli.proof.sharpness import STEP, grade, sharpness
from tests.benchmarks.index.make_files import photos_under

Gray = npt.NDArray[np.uint8]
_BICUBIC, _LANCZOS = Image.Resampling.BICUBIC, Image.Resampling.LANCZOS


def laplacian(gray: Gray) -> float:
    """Variance of the Laplacian, which other tools go by."""
    inner = gray.astype(np.float64)
    return float(
        (inner[:-2, 1:-1] + inner[2:, 1:-1] + inner[1:-1, :-2] + inner[1:-1, 2:] - 4 * inner[1:-1, 1:-1]).var()
    )


MEASURES: dict[str, Callable[[Gray], float]] = {"sharp": sharpness, "laplacian": laplacian}


def scaled(image: Image.Image, by: float, how: Image.Resampling) -> Image.Image:
    return image.resize((max(round(image.width * by), 1), max(round(image.height * by), 1)), how)


def compressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def noisy(image: Image.Image, deviation: float) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, deviation, (image.height, image.width, 1))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).round().astype(np.uint8))


def sharpened(image: Image.Image, radius: float) -> Image.Image:
    return image.filter(ImageFilter.UnsharpMask(radius, 120, 2))


def copies(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """Copies that are worse than the image, or no better."""
    for by in (1.5, 2.0, 3.0, 4.0):
        yield f"enlarged {by} x, bicubic", scaled(image, by, _BICUBIC)
        yield f"enlarged {by} x, lanczos", scaled(image, by, _LANCZOS)
    for by in (1.5, 2.0):
        yield f"enlarged {by} x, sharpened", sharpened(scaled(image, by, _LANCZOS), by)
    yield "enlarged 2 x, JPEG 85", compressed(scaled(image, 2, _BICUBIC), 85)
    yield "enlarged 2 x, noise of 6 levels", noisy(scaled(image, 2, _BICUBIC), 6)
    for deviation in (1, 2, 3):
        yield f"blurred, sigma {deviation}", image.filter(ImageFilter.GaussianBlur(deviation))
    for quality in (60, 70, 80):
        yield f"JPEG {quality}", compressed(image, quality)
    yield "noise of 6 levels", noisy(image, 6)
    for by in (0.75, 0.5):
        small = scaled(image, by, _LANCZOS)
        yield f"scaled to {by}", small
        yield f"scaled to {by} and back, bicubic", small.resize(image.size, _BICUBIC)
        yield f"scaled to {by} and back, lanczos", small.resize(image.size, _LANCZOS)
    small = scaled(image, 0.5, _LANCZOS)
    yield "scaled to 0.5 and back, sharpened", sharpened(small.resize(image.size, _LANCZOS), 2)
    yield "scaled to 0.5 and back, JPEG 80", compressed(small.resize(image.size, _LANCZOS), 80)


def level(measure: str, value: float) -> float:
    """What the rule compares: grades of sharpness; the other measure as it is."""
    return grade(value) if measure == "sharp" else value


def compare(paths: list[Path]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """By change and measure, for each photo its value and its copy's."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for path in paths:
        with Image.open(path) as file:
            photo = file.convert("RGB")
        own = {name: measure(np.asarray(photo.convert("L"))) for name, measure in MEASURES.items()}
        for change, copy in copies(photo):
            gray = np.asarray(copy.convert("L"))
            for name, measure in MEASURES.items():
                found.setdefault(change, {}).setdefault(name, []).append((own[name], measure(gray)))
    return found


def shares(measure: str, pairs: list[tuple[float, float]]) -> tuple[float, float, float]:
    """In how many of 100 the photo is above, equal, below."""
    signs = np.array([np.sign(level(measure, own) - level(measure, copy)) for own, copy in pairs])
    above, equal, below = (float(100 * np.mean(signs == sign)) for sign in (1, 0, -1))
    return above, equal, below


def photos(folders: list[Path], limit: int) -> list[Path]:
    paths = sorted(path for folder in folders for path in photos_under(folder))
    random.Random(0).shuffle(paths)
    return paths[:limit]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=Path)
    parser.add_argument("--limit", type=int, default=200, help="photos, chosen at random")
    options = parser.parse_args()
    paths = photos(options.folders, options.limit)
    print(f"{len(paths)} photos; grades are steps of {STEP}. Above/equal/below in %, median ratio copy : photo")
    print(f"{'copy':<36}  {'sharp':<22}  {'variance of the Laplacian'}")
    for change, by_measure in compare(paths).items():
        cells = []
        for name, pairs in by_measure.items():
            ratio = float(np.median([copy / own for own, copy in pairs if own > 0]))
            cells.append("{:3.0f} /{:3.0f} /{:3.0f}  {:5.2f}".format(*shares(name, pairs), ratio))
        print(f"{change:<36}  {cells[0]:<22}  {cells[1]}")
    large = np.random.default_rng(0).integers(0, 256, (3000, 4000), dtype=np.uint8)
    start = time.thread_time()
    sharpness(large)
    print(f"12 megapixels, once decoded: {1000 * (time.thread_time() - start):.0f} ms of CPU")


if __name__ == "__main__":
    main()
