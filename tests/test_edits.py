"""Edits: what each does to a picture, that chance decides and seeds repeat it, and that stacks stay pictures."""

import numpy as np
import pytest
from conftest import picture
from PIL import Image

from dshcli.edits import shape, tone
from dshcli.edits.drawing import EDITS, LEAST_SIDE, Edit, any_edits, applied

SIZE = (160, 120)


def filler() -> Image.Image:
    return picture(99, (100, 140))


def by_name(name: str) -> Edit:
    return next(edit for edit in EDITS if edit.name == name)


def difference(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a, float) - np.asarray(b.resize(a.size), float)).mean())


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_each_gives_an_rgb_picture_and_the_seed_repeats_it(edit: Edit) -> None:
    for amount in (0.0, 0.5, 1.0):
        first, second = (applied(edit, picture(1, SIZE), np.random.default_rng(3), amount, filler) for _ in range(2))
        assert first.mode == "RGB" and min(first.size) >= LEAST_SIDE
        assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("size", [(24, 24), (300, 24), (31, 500)])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_small_and_long_pictures_do(edit: Edit, size: tuple[int, int]) -> None:
    for seed in range(3):
        assert applied(edit, picture(seed, size), np.random.default_rng(seed), 1.0, filler).mode == "RGB"


@pytest.mark.parametrize("name", ["JPEG", "WebP", "palette", "brightness", "gamma", "blur", "noise", "vignette"])
def test_more_is_more(name: str) -> None:
    """The mean over some pictures and draws: chance decides the direction, the amount how far."""
    weak, strong = (
        np.mean([
            difference(picture(i, SIZE), applied(by_name(name), picture(i, SIZE), np.random.default_rng(i), a, filler))
            for i in range(6)
        ])
        for a in (0.1, 1.0)
    )  # fmt: skip
    assert weak < strong


def test_a_crop_keeps_its_share_of_the_area() -> None:
    rng = np.random.default_rng(0)
    for amount in (0.0, 0.3, 1.0):
        shares = [np.prod(shape.crop(picture(i, (400, 300)), rng, amount).size) / (400 * 300) for i in range(8)]
        assert np.allclose(shares, 1 - (0.03 + 0.52 * amount), atol=0.02)


def test_gray_is_gray_and_turns_keep_all_pixels() -> None:
    grays = [np.asarray(tone.gray(picture(i, SIZE), np.random.default_rng(i), 1.0), int) for i in range(4)]
    assert all(np.ptp(pixels, axis=2).max() <= 1 for pixels in grays)
    image = picture(5, SIZE)
    for seed in range(8):
        turned = shape.turn(image, np.random.default_rng(seed), 1.0)
        assert sorted(turned.size) == sorted(SIZE)
        assert sorted(turned.convert("L").tobytes()) == sorted(image.convert("L").tobytes())


def test_collages_and_patches_show_the_other_picture() -> None:
    white = Image.new("RGB", SIZE, "white")
    for name in ("collage", "pasted over"):
        shown = np.asarray(applied(by_name(name), white, np.random.default_rng(1), 1.0, filler))
        assert 0.02 < (shown != 255).any(axis=2).mean() < 0.98


def test_stacks_are_seeded_and_differ() -> None:
    image = picture(2, SIZE)
    copies = [any_edits(image, np.random.default_rng(seed), filler) for seed in (*range(30), 0)]
    assert copies[0].tobytes() == copies[-1].tobytes()
    assert len({copy.tobytes() for copy in copies}) >= 29
    assert all(copy.mode == "RGB" and min(copy.size) >= LEAST_SIDE for copy in copies)
    assert difference(image, any_edits(image, np.random.default_rng(1), filler, strength=0.0)) < 90
