"""Sharpness as detail that is really there: not fooled by more pixels, noise or compression."""

import io
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import draw
from PIL import Image, ImageFilter

from dshcli.errors import BadImage, TryAgain
from dshcli.images.captured import captured
from dshcli.images.gray import open_gray
from dshcli.proof.sharpness import _places, grade, sharpness

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"
NAMES = ("holiday/pagoda.jpg", "home/fig.jpg", "garden/gravel.jpg", "home/coffee.jpg", "downloads/astronaut.jpg")


def gray(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"))


@pytest.fixture(params=NAMES)
def photo(request: pytest.FixtureRequest) -> Image.Image:
    """At half its size, at which it is sharp whatever its camera was."""
    with Image.open(PHOTOS / request.param) as file:
        return file.convert("RGB").resize((file.width // 2, file.height // 2), Image.Resampling.LANCZOS)


@pytest.mark.parametrize("how", [Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
@pytest.mark.parametrize("times", [1.5, 2, 3])
def test_an_enlarged_copy_is_less_sharp(photo: Image.Image, how: Image.Resampling, times: float) -> None:
    size = (round(photo.width * times), round(photo.height * times))
    assert grade(sharpness(gray(photo.resize(size, how)))) < grade(sharpness(gray(photo)))


@pytest.mark.parametrize("deviation", [1, 2, 3])
def test_a_blurred_copy_is_less_sharp(photo: Image.Image, deviation: int) -> None:
    values = [sharpness(gray(photo.filter(ImageFilter.GaussianBlur(d)))) for d in (0, deviation, deviation + 1)]
    assert grade(values[0]) > grade(values[1]) > grade(values[2])


def test_a_small_copy_is_less_sharp_and_enlarging_it_does_not_help(photo: Image.Image) -> None:
    own = sharpness(gray(photo))
    small = photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.LANCZOS)
    assert grade(sharpness(gray(small))) < grade(own)
    assert grade(sharpness(gray(small.resize(photo.size, Image.Resampling.LANCZOS)))) < grade(own)


def test_a_plane_wave_is_as_sharp_as_it_is_fine() -> None:
    """Waves of f cycles a pixel along rows: with it detail ends, so the value is f * side * sqrt(2 f)."""
    for frequency in (0.125, 0.25, 0.375):
        rows = 128 + 100 * np.sin(2 * np.pi * frequency * np.arange(512))
        value = sharpness(np.repeat(rows[None].round().astype(np.uint8), 256, axis=0))
        assert value == pytest.approx(frequency * 512 * math.sqrt(2 * frequency), rel=0.2)


def test_turning_a_picture_changes_nothing(photo: Image.Image) -> None:
    assert sharpness(gray(photo.rotate(90, expand=True))) == pytest.approx(sharpness(gray(photo)), rel=0.02)


def test_pictures_without_detail() -> None:
    assert sharpness(np.full((64, 64), 9, np.uint8)) == 0
    assert sharpness(np.zeros((15, 4000), np.uint8)) == 0
    assert grade(0.0) < grade(0.001) < grade(1.0)


def test_grades_are_steps_of_a_ratio() -> None:
    assert grade(100.0) == grade(101.0) and grade(106.1) == grade(100.0) + 1 and grade(50.0) < grade(60.0)


def test_tiles_reach_all_edges_and_are_not_too_many() -> None:
    assert _places(256, 256, 256) == [(0, 0)]
    assert _places(256, 300, 256) == [(0, 0), (0, 44)]
    many = _places(3000, 4000, 256)
    assert len(many) == 64 and many[0] == (0, 0) and many[-1] == (2744, 3744)


# --- what is read of a file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1", "I;16", "CMYK"])
def test_any_mode_becomes_gray_at_full_size(mode: str) -> None:
    file = io.BytesIO()
    level = 255 if mode == "1" else 200
    image = Image.new("L", (40, 30), level).convert(mode) if mode != "I;16" else Image.new("I;16", (40, 30), 51200)
    image.save(file, "TIFF" if mode == "CMYK" else "PNG")
    pixels = open_gray(file.getvalue())
    assert pixels.shape == (30, 40) and pixels.dtype == np.uint8
    assert np.all(abs(pixels.astype(int) - level) <= 1)


def test_a_jpeg_is_decoded_at_full_size_and_bad_ones_are_refused(tmp_path: Path) -> None:
    data = draw(tmp_path / "a.jpg", 1, (300, 200)).read_bytes()
    assert open_gray(data).shape == (200, 300)
    with pytest.raises(TryAgain):
        open_gray(data, max_pixels=100)
    with pytest.raises(BadImage):
        open_gray(data[: len(data) // 2])
    with pytest.raises(BadImage):
        captured(b"no picture at all, only words that go on")


def with_exif(tags: dict[int, str], inner: dict[int, object]) -> bytes:
    exif = Image.Exif()
    exif.update(tags)
    exif.get_ifd(0x8769).update(inner)
    file = io.BytesIO()
    Image.new("RGB", (20, 20)).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    ("tags", "inner", "told"),
    [
        ({}, {}, ""),
        ({}, {0x9003: "2014:05:01 12:30:00"}, "2014-05-01 12:30:00"),
        ({0x010F: "NIKON", 0x0110: "D70"}, {0x9003: "2014:05:01 12:30:00"}, "2014-05-01 12:30:00"),
        ({0x010F: "NIKON", 0x0110: " D70 \0"}, {0x9003: "0000:00:00 00:00:00"}, "NIKON D70"),
        ({0x0110: "D70"}, {0x9003: "    :  :     :  :  "}, "D70"),
        ({0x0131: "An editor 1.2", 0x0132: "2020:01:01 00:00:00"}, {}, ""),  # when and by what it was saved again
    ],
)
def test_what_the_camera_wrote(tags: dict[int, str], inner: dict[int, object], told: str) -> None:
    assert captured(with_exif(tags, inner)) == told


def test_the_benchmark_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.benchmarks import sharpness as benchmark

    shutil.copy(PHOTOS / NAMES[0], tmp_path / "one.jpg")
    monkeypatch.setattr("sys.argv", ["sharpness", str(tmp_path)])
    benchmark.main()
    lines = capsys.readouterr().out.splitlines()
    assert "1 photos" in lines[0] and any(line.startswith("blurred, sigma 3") for line in lines)
    assert benchmark.shares("laplacian", [(1, 2), (2, 2), (3, 2), (4, 2)]) == (50, 25, 25)
