"""How much a picture holds: flat ones are told from those that show something, however dark, foggy or small."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from dshcli.images.opening import open_image
from dshcli.images.spec import InputSpec
from dshcli.proof.information import FLAT, information

PHOTO = next((Path(__file__).parents[1] / "examples" / "photos" / "garden").glob("*.jpg"))
SIZE = (640, 480)
Y, X = np.mgrid[: SIZE[1], : SIZE[0]]


def score(path: Path, image: Image.Image, **save: object) -> float:
    image.save(path, **save)
    return information(open_image(path, InputSpec(160, 3)).pixels)


def image_of(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def flat_ones() -> dict[str, Image.Image]:
    noise = np.random.default_rng(0).normal(0, 8, (*Y.shape, 3))
    page = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(page).text((320, 460), "12", fill="black")
    around = 255 - 0.5 * np.hypot(X - 300, Y - 200)
    return {
        "colour": Image.new("RGB", SIZE, "teal"),
        "along a line": image_of(np.stack([X / 3, Y / 2, (X + Y) / 5], axis=2)),
        "around a point": image_of(np.stack([around] * 3, axis=2)),
        "noise": image_of(200 + noise),
        "page number": page,
    }


@pytest.mark.parametrize("name", list(flat_ones()))
@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_flat(tmp_path: Path, name: str, kind: str) -> None:
    assert score(tmp_path / f"flat.{kind}", flat_ones()[name]) < FLAT


def line_drawing() -> Image.Image:
    image = Image.new("L", SIZE, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((160, 200, 480, 400), outline="black", width=3)
    draw.polygon([(140, 200), (320, 80), (500, 200)], outline="black", width=3)
    return image


def full_ones() -> dict[str, Image.Image]:
    photo = Image.open(PHOTO).convert("RGB")
    return {
        "photo": photo,
        "blurred": photo.filter(ImageFilter.GaussianBlur(photo.width / 80)),
        "dark": photo.point(lambda value: value // 8),
        "foggy": photo.point(lambda value: 200 + value // 8),
        "line drawing": line_drawing(),
    }


@pytest.mark.parametrize("name", list(full_ones()))
def test_not_flat(tmp_path: Path, name: str) -> None:
    assert score(tmp_path / "full.jpg", full_ones()[name]) > 1.5 * FLAT


def test_small_gray_pictures() -> None:
    digit = np.zeros((28, 28, 1), np.uint8)
    digit[4:24, 12:16] = 230
    assert information(digit) > FLAT
    assert information(np.full((28, 28, 1), 90, np.uint8)) < 1e-6
    assert information(np.full((1, 1, 3), 90, np.uint8)) == 0.0  # too small to hold anything


def test_gray_in_three_channels_scores_as_gray() -> None:
    gray = np.random.default_rng(1).integers(0, 256, (160, 160, 1), dtype=np.uint8)
    assert information(np.repeat(gray, 3, axis=2)) == pytest.approx(information(gray), abs=1e-4)
