"""Packed codes: all codes of a model in a few large BLOBs, since a row per code takes a hundred times longer to load.

A chunk holds the codes of 65,536 consecutive image ids. Triggers empty the chunk of whatever code changes, in the
same transaction; here full chunks are read as they are and empty ones from their rows.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, code_bytes
from dshcli.library.connection import translated
from dshcli.library.store import Index, IndexedModel

CHUNK_IDS = 1 << 16


@dataclass(frozen=True)
class IndexedCodes:
    """The codes (n, bytes) of a model, and the image ids (n,) that they belong to, ascending."""

    ids: npt.NDArray[np.int64]
    codes: Codes


def load_codes(index: Index, model: IndexedModel) -> IndexedCodes:
    """Every code of a model, ordered by image id."""
    width = code_bytes(model.bits)
    parts = [(np.empty(0, np.int64), np.empty((0, width), np.uint8))]
    with translated(index.path):
        db = index.connection
        db.execute("BEGIN")  # one snapshot, so that a writer cannot come between the chunks and the rows
        try:
            chunks = db.execute(
                "SELECT chunk, offsets, codes FROM code_chunks WHERE model = ? ORDER BY chunk", [model.key]
            ).fetchall()
            for chunk, offsets, codes in chunks:
                if codes is None:
                    offsets, codes = _pack(index, model.key, chunk)
                ids = np.frombuffer(offsets, "<u2").astype(np.int64) + chunk * CHUNK_IDS
                parts.append((ids, np.frombuffer(codes, np.uint8).reshape(-1, width)))
        finally:
            db.execute("COMMIT")
    return IndexedCodes(np.concatenate([ids for ids, _ in parts]), np.concatenate([codes for _, codes in parts]))


def pack_chunks(index: Index) -> None:
    """Fills every empty chunk from its rows; a chunk without rows goes."""
    with index.write() as db:
        for model, chunk in db.execute("SELECT model, chunk FROM code_chunks WHERE codes IS NULL").fetchall():
            offsets, codes = _pack(index, model, chunk)
            if offsets:
                db.execute(
                    "UPDATE code_chunks SET offsets = ?, codes = ? WHERE model = ? AND chunk = ?",
                    [offsets, codes, model, chunk],
                )
            else:
                db.execute("DELETE FROM code_chunks WHERE model = ? AND chunk = ?", [model, chunk])


def _pack(index: Index, model: int, chunk: int) -> tuple[bytes, bytes]:
    """Offsets of the ids inside the chunk (little-endian uint16) and their codes, both packed."""
    rows = index.connection.execute(
        "SELECT image - ?, code FROM codes WHERE model = ? AND image >= ? AND image < ? ORDER BY image",
        [chunk * CHUNK_IDS, model, chunk * CHUNK_IDS, (chunk + 1) * CHUNK_IDS],
    ).fetchall()
    offsets = np.fromiter((offset for offset, _ in rows), "<u2", len(rows))
    return offsets.tobytes(), b"".join(code for _, code in rows)
