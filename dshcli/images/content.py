"""Digests of what an image shows, whatever else its file holds (metadata, another compression without loss)."""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_DIGEST_BYTES = 16
_SKIPPED = (0xFE, *(marker for marker in range(0xE0, 0xF0) if marker != 0xEE))  # of a JPEG: comments, APPn;
# APP14 stays, since it says how colours are stored


def pixel_digest(image: "Image") -> bytes:
    """Of the size and each pixel of an upright RGB image."""
    digest = hashlib.blake2b(f"{image.size}".encode(), digest_size=_DIGEST_BYTES)
    digest.update(image.tobytes())
    return digest.digest()


def stream_digest(jpeg: bytes, turn: int) -> bytes:
    """Of all that a JPEG file's pixels are made from, and of its EXIF orientation: no metadata."""
    digest = hashlib.blake2b(f"{turn}".encode(), digest_size=_DIGEST_BYTES)
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:  # until the scan starts
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] not in _SKIPPED:
            digest.update(jpeg[at:end])
        at = end
    digest.update(memoryview(jpeg)[at:])
    return digest.digest()
