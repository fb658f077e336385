"""Binary codes: from real outputs to packed bytes, Hamming distance, and how far chance reaches.

A code of k bits is ceil(k / 8) bytes, most significant bit first; the unused low bits of the last byte are 0.
"""

from math import comb

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]

MIN_BITS, MAX_BITS = 4, 512


def code_bytes(bits: int) -> int:
    """Bytes that one packed code of `bits` bits takes."""
    return (bits + 7) // 8


def codes_from_outputs(outputs: npt.NDArray[np.floating]) -> Codes:
    """Packed codes (n, ceil(k/8)) of real outputs (n, k): a bit is 1 where the output is >= 0.

    The one place where outputs become bits. Raises ValueError if an output is not a number, since its sign would
    be arbitrary.
    """
    if np.isnan(outputs).any():
        raise ValueError("a network output is not a number")
    return np.packbits(outputs >= 0, axis=1)


def bits_from_codes(codes: Codes, bits: int) -> npt.NDArray[np.uint8]:
    """The bits (n, k), each 0 or 1, of packed codes (n, ceil(k/8))."""
    return np.unpackbits(codes, axis=1, count=bits)


def hamming(a: Codes, b: Codes) -> npt.NDArray[np.uint16]:
    """Hamming distance between packed codes; `a` and `b` broadcast over all but the last axis.

    `np.bitwise_count` is uint8 and would wrap at 256, so the sum is taken in uint16.
    """
    distances: npt.NDArray[np.uint16] = np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.uint16)
    return distances


def chance_pairs(images: int, bits: int, radius: int) -> float:
    """Expected pairs of unrelated images within `radius`, were all bits fair and independent.

    E = N(N-1)/2 * 2^-k * sum_{i<=r} C(k, i). Real bits depend on each other, so this is a lower bound.
    """
    share: float = sum(comb(bits, i) for i in range(min(radius, bits) + 1)) / 2**bits
    return images * (images - 1) / 2 * share
