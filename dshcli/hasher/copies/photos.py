"""Photos in memory, small and encoded, so that thousands fit and decoding one takes about a millisecond."""

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.Image import Image as Picture

SIDE = 288  # pixels of the longer side
QUALITY = 95


@dataclass(frozen=True)
class Photos:
    """JPEG files in memory, the long side SIDE pixels at most."""

    files: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.files)

    def picture(self, number: int) -> Picture:
        return Image.open(io.BytesIO(self.files[number])).convert("RGB")

    @cached_property
    def alike(self) -> npt.NDArray[np.bool_]:
        """Pairs (n, n) that may show the same, by small gray copies: as negatives they would teach nonsense."""
        small = np.stack([np.asarray(self.picture(i).convert("L").resize((24, 24))) for i in range(len(self))])
        flat = small.reshape(len(small), -1).astype(np.float32)
        flat -= flat.mean(axis=1, keepdims=True)
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
        alike: npt.NDArray[np.bool_] = flat @ flat.T > ALIKE
        return alike


ALIKE = 0.85  # correlation of two gray copies


def squared(image: Picture, size: int) -> npt.NDArray[np.uint8]:
    """The pixels (size, size, 3) that a hasher sees of an RGB picture."""
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))
