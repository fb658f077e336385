"""Scaling down by strips: the same pixels as when all of the picture is converted first, whatever its mode."""

from collections.abc import Callable

import numpy as np
import pytest
from conftest import picture
from PIL import Image

from dshcli.images import shrinking
from dshcli.images.shrinking import eight_bits, shrunk

SIZE = (16, 16)


def wide(kind: type, factor: float, offset: float = 0) -> Callable[[Image.Image], Image.Image]:
    return lambda drawn: Image.fromarray((np.asarray(drawn.convert("L")).astype(float) * factor + offset).astype(kind))


def with_alpha(drawn: Image.Image) -> Image.Image:
    drawn.putalpha(drawn.convert("L").rotate(180))
    return drawn


def keyed(drawn: Image.Image) -> Image.Image:
    drawn = drawn.quantize(16)
    drawn.info["transparency"] = 3
    return drawn


def holed(drawn: Image.Image) -> Image.Image:
    values = np.asarray(drawn.convert("L")).astype(np.float32) / 7
    values[3, 4], values[8, 2], values[5, 1] = np.nan, np.inf, -np.inf
    return Image.fromarray(values)


MODES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "RGB": lambda drawn: drawn,
    "L": lambda drawn: drawn.convert("L"),
    "LA": lambda drawn: with_alpha(drawn.convert("L")),
    "RGBA": with_alpha,
    "CMYK": lambda drawn: drawn.convert("CMYK"),
    "1": lambda drawn: drawn.convert("1"),
    "P": lambda drawn: drawn.quantize(32),
    "P with a transparent colour": keyed,
    "I;16": wide(np.uint16, 200),
    "I of 8 bits": wide(np.int32, 1),
    "I of 16 bits": wide(np.int32, 200),
    "I of more": wide(np.int32, 30_000, -1000),
    "I below zero": wide(np.int32, 1, -100),
    "F": wide(np.float32, 0.01, -3),
    "F with holes": holed,
    "F of one value": wide(np.float32, 0, 4),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(200, 331), (97, 64), (33, 500), (700, 40), (16, 16), (5, 9)])
def test_strips_give_the_pixels_of_the_whole(mode: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "_STRIP_PIXELS", 3000)  # several strips a picture
    image = MODES[mode](picture(7, size))
    expected = eight_bits(image).resize(SIZE, Image.Resampling.BILINEAR, reducing_gap=2.0)
    found = shrunk(image, SIZE)
    assert (found.mode, found.size) == (expected.mode, SIZE)
    assert np.array_equal(np.asarray(found), np.asarray(expected))


def test_the_strips_of_a_wide_picture_share_one_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "_STRIP_PIXELS", 3000)
    ramp = np.tile(np.linspace(-5, 20, 400, dtype=np.float32)[:, None], (1, 100))
    found = np.asarray(shrunk(Image.fromarray(ramp), SIZE))[:, 0].astype(int)
    assert found[0] < 20 and found[-1] > 235
    assert (np.diff(found) > 0).all()
