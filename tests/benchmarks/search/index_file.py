"""An index of any size, without its pictures: rows and codes as `dsh index` would write them."""

import os
from collections.abc import Iterable
from pathlib import Path

from dshcli.codes import Codes
from dshcli.library.chunks import pack_chunks
from dshcli.library.store import Index

FOLDER = "/photos/of/a/benchmark"  # where the pictures would be
TIME = 10**18  # ns: when they were taken
FOLDER_FILES = 1000  # paths in a folder, as in a camera's


def make_index(path: Path, codes: Codes, radius: int, *, model_id: str = "bench-1", folder: str = FOLDER) -> None:
    """An index file with an image for each of the codes (n, bytes), as if that model had made them. The files that its
    rows name need not exist."""
    packed, width = codes.tobytes(), codes.shape[1]
    with Index.open_or_create(path) as index:
        model = index.ensure_model(model_id, model_id.rpartition("-")[0], 8 * width, radius)
        with index.write() as db:
            db.executemany(
                """
                INSERT INTO images (id, path, size, mtime_ns, digest, width, height, format, information)
                VALUES (?, ?, ?, ?, ?, 4000, 3000, 'JPEG', 0.9)
                """,
                ((n + 1, image_path(n, folder), _size(n), TIME, n.to_bytes(32)) for n in range(len(codes))),
            )
            db.executemany(
                "INSERT INTO codes VALUES (?, ?, ?)",
                ((model, n + 1, packed[n * width : (n + 1) * width]) for n in range(len(codes))),
            )
        pack_chunks(index)


def image_path(number: int, folder: str = FOLDER) -> str:
    """Where image `number` of an index lies."""
    return f"{folder}/{number // FOLDER_FILES:05}/IMG_{number:08}.jpg"


def make_files(numbers: Iterable[int], folder: str) -> None:
    """Files for some images of an index, of the size and time that it has of them, and without content."""
    for number in numbers:
        path = image_path(number, folder)
        if not os.path.exists(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        file = os.open(path, os.O_CREAT | os.O_WRONLY)
        os.ftruncate(file, _size(number))
        os.utime(file, ns=(TIME, TIME))
        os.close(file)


def _size(number: int) -> int:
    return 1_000_000 + number % 4_000_000
