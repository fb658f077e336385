"""Opening images: every type and mode ends as the same small square, upright once; what is damaged says why."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from conftest import picture
from PIL import Image

from dshcli.errors import BadImage, TryAgain
from dshcli.images.opening import open_image
from dshcli.images.spec import InputSpec

pillow_heif.register_heif_opener()
SPEC = InputSpec(32, 3)
QUARTERS = np.zeros((120, 200, 3), np.uint8)
QUARTERS[:60, :100], QUARTERS[60:, 100:], QUARTERS[:60, 100:] = (255, 0, 0), (0, 0, 255), (0, 255, 0)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_every_type_gives_the_same_picture(format: str) -> None:
    opened = open_image(encoded(Image.fromarray(QUARTERS), format), SPEC)
    reference = open_image(encoded(Image.fromarray(QUARTERS), "PNG"), SPEC)
    assert (opened.width, opened.height, opened.format) == (200, 120, format)
    assert opened.pixels.shape == (32, 32, 3) and opened.pixels.dtype == np.uint8
    assert difference(opened.pixels, reference.pixels) < 2


TURNED = {  # what a camera stores for each orientation: the inverse of what a viewer must do
    1: (),
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_90,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_270,),
}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_exactly_once(format: str, orientation: int) -> None:
    stored = Image.fromarray(QUARTERS)
    for operation in TURNED[orientation]:
        stored = stored.transpose(operation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_image(encoded(stored, format, exif=exif), SPEC)
    upright = open_image(encoded(Image.fromarray(QUARTERS), "PNG"), SPEC)
    assert (opened.width, opened.height) == (200, 120)
    assert difference(opened.pixels, upright.pixels) < 2


def test_heic_turns_by_its_container_alone() -> None:
    """In HEIC the container's own turns count and EXIF's must be ignored, or iPhone pictures would be turned twice."""
    exif = Image.Exif()
    exif[0x0112] = 6
    opened = open_image(encoded(Image.fromarray(QUARTERS), "HEIF", exif=exif), SPEC)
    upright = open_image(encoded(Image.fromarray(QUARTERS), "PNG"), SPEC)
    assert (opened.width, opened.height) == (200, 120)
    assert difference(opened.pixels, upright.pixels) < 2


def flat(mode: str, value: object) -> Image.Image:
    return Image.new(mode, (40, 30), value)


@pytest.mark.parametrize(
    ("image", "format", "colour"),
    [
        (flat("L", 100), "PNG", (100, 100, 100)),
        (flat("1", 1), "PNG", (255, 255, 255)),
        (flat("P", 0), "PNG", (0, 0, 0)),
        (flat("LA", (100, 255)), "PNG", (100, 100, 100)),
        (flat("LA", (100, 0)), "PNG", (255, 255, 255)),
        (flat("RGBA", (200, 0, 0, 255)), "PNG", (200, 0, 0)),
        (flat("RGBA", (200, 0, 0, 0)), "PNG", (255, 255, 255)),
        (flat("RGBA", (0, 0, 0, 128)), "PNG", (127, 127, 127)),
        (flat("CMYK", (0, 255, 255, 0)), "JPEG", (254, 0, 0)),
        (flat("CMYK", (255, 0, 0, 0)), "TIFF", (0, 255, 255)),
        (flat("LAB", (255, 128, 128)), "TIFF", (255, 255, 255)),
        (Image.fromarray(np.full((30, 40), 0x8000, np.uint16)), "PNG", (128, 128, 128)),
        (Image.fromarray(np.full((30, 40), 0x8000, np.uint16)), "TIFF", (128, 128, 128)),
        (Image.fromarray(np.full((30, 40), 0x4000, np.int32)), "TIFF", (64, 64, 64)),
        (Image.fromarray(np.linspace(-3, 5, 1200, dtype=np.float32).reshape(30, 40)), "TIFF", (127, 127, 127)),
    ],
)
def test_modes(image: Image.Image, format: str, colour: tuple[int, int, int]) -> None:
    pixels = open_image(encoded(image, format), SPEC).pixels
    assert np.allclose(pixels.mean(axis=(0, 1)), colour, atol=2.5)


def test_palette_transparency_is_white() -> None:
    image = Image.new("P", (40, 30), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    assert open_image(encoded(image, "PNG", transparency=1), SPEC).pixels.min() == 255
    assert open_image(encoded(image, "GIF", transparency=1), SPEC).pixels.min() == 255
    assert tuple(open_image(encoded(image, "PNG"), SPEC).pixels[5, 5]) == (200, 0, 0)


def test_sixteen_bits_are_not_clipped() -> None:
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (48, 1))
    pixels = open_image(encoded(Image.fromarray(ramp), "PNG"), InputSpec(32, 1)).pixels
    assert pixels[0, 0, 0] < 8 and pixels[0, -1, 0] > 247
    assert (np.diff(pixels[10, :, 0].astype(int)) >= 0).all()


def test_gray_input() -> None:
    pixels = open_image(encoded(Image.fromarray(QUARTERS), "JPEG"), InputSpec(28, 1)).pixels
    assert pixels.shape == (28, 28, 1)
    assert abs(int(pixels[3, 3, 0]) - 76) < 4  # the luma of pure red


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "blue")]
    for format in ("GIF", "WEBP", "TIFF"):
        data = encoded(frames[0], format, save_all=True, append_images=frames[1:])
        pixels = open_image(data, SPEC).pixels
        assert pixels[..., 0].mean() > 240 and pixels[..., 2].mean() < 10


def test_reduced_decoding_keeps_the_picture() -> None:
    large = picture(3, (3000, 2000))
    reduced = open_image(encoded(large, "JPEG", quality=95), SPEC)
    exact = open_image(encoded(large, "PNG"), SPEC)
    assert (reduced.width, reduced.height) == (3000, 2000)
    assert difference(reduced.pixels, exact.pixels) < 2


def test_tiny_and_extreme_shapes() -> None:
    for size in ((1, 1), (1, 500), (500, 1)):
        assert open_image(encoded(Image.new("RGB", size, "red"), "PNG"), SPEC).pixels[0, 0].tolist() == [255, 0, 0]


def wrong_crc(data: bytes) -> bytes:
    at = data.index(b"IDAT") + 4 + struct.unpack(">I", data[data.index(b"IDAT") - 4 : data.index(b"IDAT")])[0]
    return data[:at] + struct.pack(">I", zlib.crc32(b"other")) + data[at + 4 :]


PNG = encoded(picture(1), "PNG")
LARGE_PNG = encoded(Image.effect_noise((90, 90), 60), "PNG")
JPEG = encoded(picture(1, (400, 300)), "JPEG")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"Dear diary, " * 9, "not an image"),
        (JPEG[: len(JPEG) // 2], "truncated"),
        (JPEG[:100], "damaged|truncated"),
        (LARGE_PNG[: len(LARGE_PNG) // 2], "truncated"),
        (wrong_crc(PNG), "damaged: wrong checksum in PNG chunk"),
        (PNG[:8] + b"\0" * 400, "damaged"),
        (b"GIF89a" + b"\xff" * 40, "damaged|truncated"),
        (b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 30, "damaged|truncated"),
        (b"\0\0\0\x18ftypheic\0\0\0\0" + b"\0" * 30, "damaged|truncated"),
        (b"\0\0\0\x18ftypavif\0\0\0\0" + b"\0" * 30, "damaged|truncated"),
        (b"II*\0" + b"\xff" * 40, "damaged|truncated"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(BadImage, match=reason) as caught:
        open_image(data, SPEC)
    assert not isinstance(caught.value, TryAgain)
    assert len(str(caught.value)) < 160 and "\n" not in str(caught.value)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    """A PNG of a few hundred bytes that announces 40 gigapixels."""
    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = PNG[:8] + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + PNG[33:]
    with pytest.raises(TryAgain, match="more than the limit of 200000000"):
        open_image(bomb, SPEC)
    with pytest.raises(TryAgain, match="more than the limit of 100"):
        open_image(PNG, SPEC, max_pixels=100)
    assert open_image(PNG, SPEC, max_pixels=96 * 64).width == 96


def test_any_damage_is_a_reason_and_nothing_else(tmp_path: Path) -> None:
    """Bytes flipped all over real files: either a picture comes out, or BadImage with a reason; never another error."""
    rng = np.random.default_rng(7)
    outcomes = {"opened": 0, "refused": 0}
    for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"):
        data = np.frombuffer(encoded(picture(5), format), np.uint8)
        for _ in range(12):
            damaged = data.copy()
            damaged[rng.integers(0, len(data), 20)] = rng.integers(0, 256, 20)
            try:
                open_image(damaged.tobytes(), SPEC, max_pixels=10_000_000)
                outcomes["opened"] += 1
            except BadImage as error:
                assert str(error)
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 0


def read_path(make: Callable[[Path], object], tmp_path: Path) -> str:
    path = tmp_path / "x.jpg"
    make(path)
    with pytest.raises(TryAgain) as caught:
        open_image(path, SPEC)
    return str(caught.value)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    import os

    assert read_path(lambda path: None, tmp_path) == "no such file"
    assert read_path(lambda path: os.mkfifo(path), tmp_path) == "not a regular file"
