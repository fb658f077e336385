"""A toy world for verification, in which a reader can compute every proof, and a `dsh` that proves by it.

A toy photo is a texture with its name in the corner: a block of 8 pixels of the colour (name, edit, 0). The toy prover
looks at the corner alone: another name is a look-alike, another edit `edited`, another size `resized`.
"""

import io
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dshcli.errors import BadImage, TryAgain
from dshcli.proof.kinds import Kind, Proof


def photo(path: Path, name: int, *, edit: int = 0, side: int = 96, level: int = 128, stamp: str = "") -> Path:
    """A toy photo of so many pixels squared. level: the mean gray, which decides the toy model's code; stamp: text that
    goes into the file, for other bytes with the same pixels."""
    rng = np.random.default_rng(level)
    texture = np.kron(rng.integers(level - 40, level + 41, (12, 12)), np.ones((8, 8)))
    pixels = np.repeat(np.clip(texture, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)
    image.paste((name, edit, 0), (0, 0, 8, 8))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, comment=stamp.encode()) if path.suffix == ".gif" else image.save(path, pnginfo=_info(stamp))
    return path


def _info(stamp: str) -> object:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if stamp:
        info.add_text("stamp", stamp)
    return info


@dataclass(frozen=True)
class Corner:
    name: int
    edit: int
    size: tuple[int, int]


class ToyProver:
    """Counts what it does. A photo whose name is 13 cannot be read; seconds: how long a proof takes."""

    def __init__(self, version: int = 1, seconds: float = 0.0) -> None:
        self.version, self.seconds = version, seconds
        self.gathered: list[bytes] = []
        self.proven = 0
        self._lock = threading.Lock()

    def gather(self, data: bytes, digest: bytes, max_pixels: int) -> Corner:
        with self._lock:
            self.gathered.append(digest)
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > max_pixels:
                raise TryAgain("more pixels than the limit")
            name, edit, _ = image.convert("RGB").getpixel((0, 0))
            if name == 13:
                raise BadImage("damaged: unlucky")
            return Corner(name, edit, image.size)

    def prove(self, one: Corner, other: Corner) -> Proof:
        time.sleep(self.seconds)
        with self._lock:
            self.proven += 1
        if one.name != other.name:
            return Proof(Kind.LOOK_ALIKE, "", 1.0, 3)
        if one.edit != other.edit:
            return Proof(Kind.EDITED, f"{abs(one.edit - other.edit)} steps", 0.25, 30)
        return Proof(Kind.SAME_PIXELS if one.size == other.size else Kind.RESIZED)


def main() -> None:
    """`dsh` whose proofs are those of the toy prover, TOY_SECONDS each; listens to Ctrl-C wherever it runs."""
    import signal

    from dshcli import app
    from dshcli.commands import dupes

    signal.signal(signal.SIGINT, signal.default_int_handler)
    dupes.PixelProver = lambda: ToyProver(seconds=float(os.environ["TOY_SECONDS"]))  # type: ignore[assignment,misc]
    app.main()


if __name__ == "__main__":
    main()
