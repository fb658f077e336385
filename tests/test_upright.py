"""Images opened in their own shape: bounds, turns, and what two files of the same pixels have in common."""

from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image

from dshcli.images.content import stream_digest
from dshcli.images.upright import open_upright

SIZE = (1600, 1000)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_scaled_down_within_bounds_and_never_up(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"picture.{kind}"
    picture(1, SIZE).save(path, quality=95)
    small = open_upright(path.read_bytes(), 448)
    assert (small.width, small.height, small.pixels.shape) == (1600, 1000, (280, 448, 3))
    expected = np.asarray(picture(1, SIZE).resize((448, 280), Image.Resampling.BOX), float)
    assert np.abs(small.pixels - expected).mean() < 4
    assert open_upright(path.read_bytes(), 5000).pixels.shape == (1000, 1600, 3)


@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_once_at_any_scale(tmp_path: Path, turn: int) -> None:
    back = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
    }
    upright, exif = picture(2, SIZE), Image.Exif()
    stored = upright.transpose(Image.Transpose[back.get(turn, "ROTATE_270")]) if turn > 1 else upright
    exif[0x0112] = turn
    stored.save(tmp_path / "turned.png", exif=exif)
    upright.save(tmp_path / "upright.png")
    found, expected = (open_upright((tmp_path / f"{name}.png").read_bytes(), 300) for name in ("turned", "upright"))
    assert (found.width, found.height, found.content) == (expected.width, expected.height, expected.content)
    assert np.abs(found.pixels.astype(int) - expected.pixels).max() <= 2


def test_content_of_a_large_jpeg_is_its_stream_without_metadata(tmp_path: Path) -> None:
    one, other = tmp_path / "one.jpg", tmp_path / "other.jpg"
    picture(3, SIZE).save(one, quality=80)
    picture(3, SIZE).save(other, quality=80, comment=b"words", dpi=(300, 300))
    assert one.read_bytes() != other.read_bytes()
    contents = [open_upright(path.read_bytes(), 448).content for path in (one, other)]
    assert contents == [stream_digest(path.read_bytes(), 1) for path in (one, other)]
    assert contents[0] == contents[1]
    picture(3, SIZE).save(other, quality=81)
    assert open_upright(other.read_bytes(), 448).content != contents[0]


def test_content_of_sixteen_bits_is_not_told(tmp_path: Path) -> None:
    levels = (np.arange(100 * 80, dtype=np.uint16) * 7).reshape(80, 100)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    deep = open_upright((tmp_path / "deep.png").read_bytes(), 448)
    assert deep.content is None
    assert deep.pixels.shape == (80, 100, 3)
