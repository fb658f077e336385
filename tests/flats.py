"""Flat pictures for the toy model, whose codes a reader can compute: the distance of two is that of their colours."""

import os
import shutil
from pathlib import Path

from PIL import Image


def flat_pictures(folder: Path) -> Path:
    """Flat pictures: the distance of two codes is their colours' distance in steps of 16.

    red (240,0,0)   big.png 80x80, small.png 40x40: the same code;  near.png (208,0,0): 2 bits away
    blue (0,0,240)  blue.png, and a byte-for-byte copy in sub/
    """
    (folder / "sub").mkdir(parents=True)
    for name, colour, side in (
        ("big", (240, 0, 0), 80), ("small", (240, 0, 0), 40), ("near", (208, 0, 0), 40), ("blue", (0, 0, 240), 50)
    ):  # fmt: skip
        Image.new("RGB", (side, side), colour).save(folder / f"{name}.png")
        os.utime(folder / f"{name}.png", ns=(0, 10**18))
    shutil.copy2(folder / "blue.png", folder / "sub" / "copy.png")
    return folder


def draw_flat(path: Path, colour: tuple[int, int, int], side: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), colour).save(path)


def names(paths: list[str]) -> list[str]:
    return [os.path.basename(path) for path in paths]
