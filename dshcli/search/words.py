"""Packed codes as 64-bit words: the form in which they are compared.

Many codes are held as columns (words, n), uint64: word k of all codes lies together, so that a comparison runs over
long contiguous rows whatever the width of the code. Codes whose bytes do not fill the last word are padded with zeros,
which no distance can see.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, code_bytes

Columns = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Distances = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_BYTE_SUMS = 3  # words whose set bits, 192 at most, still fit in one byte


def word_columns(codes: Codes) -> Columns:
    """Codes (n, bytes) as columns (words, n); shares memory with `codes` where it can, so never write to it."""
    count, width = codes.shape
    words = -(-width // 8)
    if width % 8:
        padded = np.zeros((count, words * 8), dtype=np.uint8)
        padded[:, :width] = codes
        codes = padded
    return np.ascontiguousarray(np.ascontiguousarray(codes).view(np.uint64).reshape(count, words).T)


def word_rows(columns: Columns, words: int | None = None) -> Codes:
    """Columns back as packed codes (n, 8 * words); `words` beyond those of the columns are zeros."""
    rows = np.zeros((columns.shape[1], words or len(columns)), dtype=np.uint64)
    rows[:, : len(columns)] = columns.T
    return rows.view(np.uint8)


def columns_at(columns: Columns, positions: Positions) -> Columns:
    """The codes at the positions, as columns (words, positions); word by word, which is much faster than indexing both
    axes at once."""
    return np.stack([column.take(positions) for column in columns])


def distances_between(left: Columns, right: Columns) -> Distances:
    """Hamming distances between columns that broadcast over all but the first axis.

    uint8 up to 192 bits and uint16 beyond, since `np.bitwise_count` is uint8 and sums of it would wrap at 256.
    """
    return _bits_set((mine ^ other for mine, other in zip(left, right, strict=True)), len(left))


def distances_at(columns: Columns, left: Positions, right: Positions) -> Distances:
    """Hamming distances (pairs,) of the codes at `left` from those at `right`, of the type of `distances_between`."""
    return _bits_set((column.take(left) ^ column.take(right) for column in columns), len(columns))


def _bits_set(differences: Iterator[npt.NDArray[np.uint64]], words: int) -> Distances:
    total: Distances = np.bitwise_count(next(differences))
    if words > _BYTE_SUMS:
        total = total.astype(np.uint16)
    for word in differences:
        np.add(total, np.bitwise_count(word), out=total)
    return total


def check_codes(codes: Codes, bits: int, radius: int) -> None:
    """Raises ValueError unless `codes` are packed codes of `bits` bits, (n, bytes) uint8, and the radius is >= 0."""
    if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] != code_bytes(bits):
        raise ValueError(f"expected codes (n, {code_bytes(bits)}) uint8, got {codes.shape} {codes.dtype}")
    check_radius(radius)


def check_radius(radius: int) -> None:
    """Raises ValueError if the radius is negative."""
    if radius < 0:
        raise ValueError(f"a radius cannot be negative: {radius}")
