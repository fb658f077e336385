"""What decoding JPEGs at reduced scale does to codes, and what it saves.

python -m tests.benchmarks.index.decode_scale FOLDER [--limit N] [--model NAME]

A JPEG is decoded at the smallest of the scales 1, 1/2, 1/4, 1/8 that leaves both sides at least `margin` times the
side of the network's input. For each margin: CPU time of opening a picture, and the share of its bits that differ from
those of the full decode. And what that does to a search: distances, in bits, between a picture and a copy of it at 60 %
of the size and JPEG quality 70, and between it and the next picture, a stranger; both are decoded at that margin.
"""

import argparse
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.models import find_model
from dshcli.images import opening
from tests.benchmarks.index.make_files import photos_under
from tests.benchmarks.measuring import machine

FULL = 1_000_000  # a margin that no picture has
MARGINS = (FULL, 4, 3, 2, 1.5, 1)
COPY_SCALE, COPY_QUALITY = 0.6, 70


@contextmanager
def margin_of(margin: float) -> Iterator[None]:
    """Pictures are opened with that margin meanwhile."""
    before = opening.DRAFT_MARGIN
    opening.DRAFT_MARGIN = margin
    try:
        yield
    finally:
        opening.DRAFT_MARGIN = before


def copy_of(data: bytes) -> bytes:
    """The picture, smaller and compressed once more."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        size = round(image.width * COPY_SCALE), round(image.height * COPY_SCALE)
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=COPY_QUALITY)
    return file.getvalue()


def codes_at(margin: float, files: list[bytes], encoder: Encoder) -> tuple[Codes, float]:
    """Codes of the files at that margin, and CPU milliseconds that opening one takes."""
    with margin_of(margin):
        start = time.process_time()
        pictures = [opening.open_image(data, encoder.spec).pixels for data in files]
        spent = time.process_time() - start
    return encoder.encode(np.stack(pictures)), 1000 * spent / len(files)


def distances(one: Codes, other: Codes) -> npt.NDArray[np.int64]:
    """Hamming distances of codes (n, bytes), row by row."""
    found: npt.NDArray[np.int64] = np.bitwise_count(one ^ other).sum(axis=1, dtype=np.int64)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--model", default="photo")
    options = parser.parse_args()
    encoder = Encoder(find_model(options.model))
    files = [path.read_bytes() for path in photos_under(options.folder)[: options.limit]]
    copies = [copy_of(data) for data in files]
    full, _ = codes_at(FULL, files, encoder)
    print(machine("pillow", "onnxruntime", "numpy"))
    print(f"{len(files)} pictures, {encoder.name}: {encoder.bits} bits of {encoder.spec.size} pixels squared")
    print("margin   ms to open   bits flipped   copy: median, 95 %, mean   stranger: median, 1 %")
    for margin in MARGINS:
        codes, spent = codes_at(margin, files, encoder)
        flipped = distances(codes, full).mean() / encoder.bits
        copied = distances(codes, codes_at(margin, copies, encoder)[0])
        strange = distances(codes, np.roll(codes, 1, axis=0))
        name = "full" if margin == FULL else f"{margin:g}"
        print(
            f"{name:6} {spent:12.2f} {flipped:14.3%} {np.median(copied):12.0f} {np.percentile(copied, 95):6.1f} "
            f"{copied.mean():6.2f} {np.median(strange):16.0f} {np.percentile(strange, 1):6.0f}"
        )


if __name__ == "__main__":
    main()
