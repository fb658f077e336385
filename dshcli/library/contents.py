"""What sets contents apart: their digests, which of them hold next to nothing, and where their files are."""

import numpy as np
import numpy.typing as npt

from dshcli.library.store import Image, Index

DIGEST_BYTES = 32


def load_digests(index: Index) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Of all n readable images: ids (n,), ascending, and digests (n, 32)."""
    rows = index.rows("SELECT id, digest FROM images WHERE error IS NULL ORDER BY id")
    ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
    packed = b"".join(row[1] for row in rows)  # type: ignore[misc]
    return ids, np.frombuffer(packed, np.uint8).reshape(-1, DIGEST_BYTES)


def flat_images(index: Index, limit: float) -> npt.NDArray[np.int64]:
    """The ids of the images whose information is known and below the limit."""
    rows = index.rows("SELECT id FROM images WHERE information < ? ORDER BY id", [limit])
    return np.fromiter((row[0] for row in rows), np.int64, len(rows))


def files_of(index: Index, digest: bytes) -> list[Image]:
    """The images of one content, in the order in which they were indexed."""
    ids = [int(row[0]) for row in index.rows("SELECT id FROM images WHERE digest = ? ORDER BY id", [digest])]  # type: ignore[call-overload]
    rows = index.images(ids)
    return [rows[id] for id in ids if id in rows]
