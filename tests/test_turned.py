"""Turned and mirrored pictures: their bits follow from those of the picture, and `dsh dupes` finds all eight."""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from conftest import records
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import Result

from dshcli.codes import Codes, codes_from_outputs, hamming
from dshcli.hasher.networks import Waves
from dshcli.hasher.waves import FAR, Turns, longest
from dshcli.search.blocks import joined
from dshcli.search.turned import nearest_of_each, turned_pairs

PHOTOS = Path(__file__).parents[1] / "examples" / "photos" / "holiday"
SIZE = 40
TURNS = Turns(bits=48, waves=24, size=SIZE)
Dsh = Callable[..., Result]


def pictures(count: int) -> npt.NDArray[np.float32]:
    """(n, 3, SIZE, SIZE)"""
    return np.random.default_rng(0).normal(size=(count, 3, SIZE, SIZE)).astype(np.float32)


def turned_pixels(pixels: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """In the order of Turns.orientations: over the diagonal, then mirrored from left to right and top to bottom."""
    turned = []
    for swapped, x, y in product((0, 1), repeat=3):
        square = pixels.swapaxes(2, 3) if swapped else pixels
        turned.append(square[:, :, :: -1 if y else 1, :: -1 if x else 1].copy())
    return turned


def wave_codes(pixels: npt.NDArray[np.float32], learned: npt.NDArray[np.bool_]) -> Codes:
    """24 given bits, then 24 waves."""
    outputs = Waves(TURNS.waves, SIZE)(torch.from_numpy(pixels)).numpy()
    return codes_from_outputs(np.concatenate([np.where(learned, 1.0, -1.0), outputs], axis=1))


def test_bits_of_turned_pictures_follow_from_those_of_the_picture() -> None:
    pixels = pictures(20)
    learned = np.zeros((20, 24), np.bool_)
    told = TURNS.orientations(wave_codes(pixels, learned))
    seen = [TURNS.orientations(wave_codes(turned, learned))[0] for turned in turned_pixels(pixels)]
    assert len(told) == len(seen) == 8
    for by_bits, by_pixels in zip(told, seen, strict=True):
        assert (by_bits == by_pixels).all()
    assert len({codes.tobytes() for codes in told}) == 8


def test_waves_without_a_twin_over_the_diagonal_are_left_out() -> None:
    waves = longest(TURNS.waves, SIZE)
    alone = [(x, y) for x, y in waves if (y, x) not in waves]
    everything = np.full((1, 6), 255, np.uint8)
    assert np.bitwise_count(TURNS.upright(everything)).sum() == TURNS.waves - len(alone) < TURNS.waves


def test_waves_may_start_within_a_byte() -> None:
    odd = Turns(bits=50, waves=16, size=SIZE)
    learned, waves = np.random.default_rng(3).integers(0, 2, (2, 5, 34)).astype(np.uint8)
    codes = np.packbits(np.concatenate([learned, waves[:, :16]], axis=1), axis=1)
    others = np.packbits(np.concatenate([1 - learned, waves[:, :16]], axis=1), axis=1)
    for ours, theirs in zip(odd.orientations(codes), odd.orientations(others), strict=True):
        assert (ours == theirs).all()
    assert np.bitwise_count(odd.upright(np.full((1, 7), 255, np.uint8))).sum() == len(odd._kept)


def test_a_picture_is_at_no_distance_from_itself_turned() -> None:
    pixels = pictures(8)
    rng = np.random.default_rng(1)
    codes = wave_codes(pixels, rng.random((8, 24)) < 0.5)
    for turned in turned_pixels(pixels)[1:]:
        others = wave_codes(turned, rng.random((8, 24)) < 0.5)
        assert (TURNS.distances(codes, others) == 0).all()
        assert (hamming(codes, others) > 0).all()


def test_the_distance_is_that_of_all_bits_or_of_the_waves_alone() -> None:
    codes = np.random.default_rng(2).integers(0, 256, (50, 48), dtype=np.uint8)
    wide = Turns(bits=384, waves=128, size=160)
    near = codes.copy()
    near[:, 0] ^= 0b11
    near[:, 40] ^= 0b1
    assert (wide.distances(codes, near) == 3).all()
    near[:, 1:32] ^= 0b11111111
    assert (wide.distances(codes, near) == wide.scale).all()
    strangers = wide.distances(codes, np.roll(codes, 1, axis=0))
    assert (strangers == hamming(codes, np.roll(codes, 1, axis=0))).all()
    assert wide.within(10_000) == FAR and wide.within(10) == 3


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 40), radius=st.integers(0, 16), few=st.booleans())
def test_turned_pairs_are_those_of_a_slow_search(seed: int, count: int, radius: int, few: bool) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2 if few else 256, (count, 6), dtype=np.uint8)
    orientations = TURNS.orientations(codes)
    slow = {}
    for i, j in product(range(count), repeat=2):
        apart = min(int(hamming(turned[i], orientations[0][j])) for turned in orientations[1:])
        if i != j and apart <= radius:
            key = (min(i, j), max(i, j))
            slow[key] = min(slow.get(key, 99), apart)
    pairs = nearest_of_each(joined([*turned_pairs(orientations, TURNS.width, radius)]))
    found = list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.distances.tolist(), strict=True))
    assert {(i, j): apart for i, j, apart in found} == slow
    assert found == sorted(found, key=lambda pair: (pair[1], pair[0])) and len(found) == len(slow)


@pytest.mark.parametrize("options", [(), ("--radius", "12"), ("--link", "single")])
def test_dupes_finds_all_turns_and_mirrors_of_photos(dsh: Dsh, tmp_path: Path, options: tuple[str, ...]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("pagoda", "sunset", "rocket_at_dusk"):
        with Image.open(PHOTOS / f"{name}.jpg") as photo:
            photo.save(folder / f"{name}.png")
            for turn in Image.Transpose:
                photo.transpose(turn).save(folder / f"{name}-{turn.name}.jpg", quality=70)
    dsh("index", folder)
    groups = records(dsh("dupes", "--json", *options))
    names = [{Path(file["path"]).name.split("-")[0].split(".")[0] for file in group["members"]} for group in groups]
    assert sorted(map(sorted, names)) == [["pagoda"], ["rocket_at_dusk"], ["sunset"]]
    members = [member for group in groups for member in group["members"]]
    assert len(members) == 21
    assert {member["kind"] for member in members} == {"flipped", "rotated"}
    if "--radius" in options:
        assert max(member["distance"] for member in members) <= 12, json.dumps(members)


@pytest.mark.parametrize("options", [("-r", "12"), ("-k", "8"), ()])
def test_query_finds_all_turns_and_mirrors_of_a_photo(dsh: Dsh, tmp_path: Path, options: tuple[str, ...]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    with Image.open(PHOTOS / "pagoda.jpg") as photo:
        photo.save(tmp_path / "new.png")
        photo.save(folder / "upright.png")
        for turn in Image.Transpose:
            photo.transpose(turn).save(folder / f"{turn.name}.jpg", quality=70)
    with Image.open(PHOTOS / "sunset.jpg") as other:
        other.save(folder / "other.jpg")
    dsh("index", folder)
    (answer,) = records(dsh("query", tmp_path / "new.png", "--json", *options))
    found = {Path(neighbour["path"]).stem: neighbour["distance"] for neighbour in answer["neighbours"]}
    assert found.keys() == {"upright", *(turn.name for turn in Image.Transpose)}
    assert found["upright"] == 0 and max(found.values()) <= 12
