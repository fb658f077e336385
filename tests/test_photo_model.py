"""The built-in model: its folder, what its codes do to copies and strangers, and the script that made it."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file

from dshcli.codes import bits_from_codes, hamming
from dshcli.edits.drawing import EDITS, applied
from dshcli.errors import BadImage
from dshcli.hasher import networks
from dshcli.hasher.builtin import make_photo
from dshcli.hasher.builtin.card import LICENCES, Facts, SourceRow, model_card
from dshcli.hasher.builtin.choices import Choices, LossRow, SizeRow
from dshcli.hasher.copies.calibration import (
    REPEAT_CORRELATION,
    calibrate,
    choose_radius,
    look_alike,
    unrelated_distances,
)
from dshcli.hasher.copies.judging import CopyFigures
from dshcli.hasher.copies.photos import grays_of
from dshcli.hasher.copies.views import Stage
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.export import FromPixels
from dshcli.hasher.models import WEIGHTS, builtin_folder, open_model
from dshcli.images.opening import open_image
from dshcli.progress import Silent

EXAMPLES = Path(__file__).parent.parent / "examples" / "photos"
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(open_model(builtin_folder()))


def code_of(encoder: Encoder, data: bytes | Path) -> np.ndarray:
    codes: np.ndarray = encoder.encode(open_image(data, encoder.spec).pixels[None])[0]
    return codes


def jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


# the folder


def test_the_folder_is_whole_and_small() -> None:
    model = open_model(builtin_folder())
    assert model.builtin
    assert (model.config.name, model.config.bits, model.config.channels) == ("photo", 384, 3)
    assert sum(path.stat().st_size for path in model.folder.iterdir()) <= 16 * MEGABYTE


def test_licences_and_card_travel_along() -> None:
    model = open_model(builtin_folder())
    licence = (model.folder / "LICENSE").read_text()
    assert "Copyright (c) 2020, ML Illustrated" in licence
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in licence
    data = (model.folder / "LICENSE-DATA").read_text()
    for owner in ("Marcus Klasson", "Gary Thung", "Rice University", "Microsoft"):
        assert owner in data
    card = (model.folder / "MODEL_CARD.md").read_text()
    assert f"**{model.config.radius}** bits" in card
    assert all(f"| {edit.name} |" in card for edit in EDITS)


def test_the_card_and_the_config_tell_the_same_recall() -> None:
    model = open_model(builtin_folder())
    card = (model.folder / "MODEL_CARD.md").read_text().splitlines()
    for edit, share in model.config.metrics["recall of copies"].items():
        row = next(line for line in card if line.startswith(f"| {edit} |"))
        at_radius = float(row.split("|")[3].strip(" %")) / 100
        assert at_radius == pytest.approx(share, abs=0.0006)


def test_weights_and_encoder_are_one_network(encoder: Encoder) -> None:
    """Both round the weights to 16 bits, each in its own way: a bit in some hundreds may differ, not more."""
    config = open_model(builtin_folder()).config
    network = networks.build(config.network)
    network.load_state_dict(load_file(builtin_folder() / WEIGHTS))
    pixels = np.stack([open_image(jpeg(picture(seed, (200, 150))), encoder.spec).pixels for seed in range(6)])
    with torch.inference_mode():
        outputs = FromPixels(network, config).eval()(torch.from_numpy(pixels)).numpy()
    assert ((outputs >= 0) != bits_from_codes(encoder.encode(pixels), encoder.bits)).mean() < 0.02


# what the codes do


def examples() -> list[Path]:
    return sorted(EXAMPLES.glob("holiday/*.jpg"))


@pytest.mark.parametrize("name", ["JPEG", "brightness", "resized", "gray", "caption"])
def test_edits_stay_near(encoder: Encoder, name: str) -> None:
    """Within the radius or, as the strength is drawn by chance, not far outside of it."""
    edit = next(edit for edit in EDITS if edit.name == name)
    near = []
    for i, path in enumerate(examples()):
        image = Image.open(path).convert("RGB")
        copy = applied(edit, image, np.random.default_rng(i), 0.3, lambda: picture(9, (200, 150)))
        near.append(hamming(code_of(encoder, path), code_of(encoder, jpeg(copy))) <= encoder.radius + 16)
    assert np.mean(near) >= 0.75


def test_strangers_are_half_the_bits_apart(encoder: Encoder) -> None:
    codes = np.stack([code_of(encoder, jpeg(picture(seed, (120, 90)))) for seed in range(3)])
    photos = np.stack([code_of(encoder, path) for path in examples()])
    distances = hamming(codes[:, None], photos[None, :])
    assert distances.min() > encoder.radius
    assert 0.38 <= distances.mean() / encoder.bits <= 0.62


def test_bits_are_balanced(encoder: Encoder) -> None:
    """Over many different pictures each bit is set in some and clear in some."""
    paths = sorted(EXAMPLES.rglob("*.jpg"))
    readable = [path for path in paths if path.stat().st_size > 5000][:30]
    codes = []
    for path in readable:
        try:
            codes.append(code_of(encoder, path))
        except BadImage:
            continue
    shares = bits_from_codes(np.stack(codes), encoder.bits).mean(axis=0)
    assert 0.4 < shares.mean() < 0.6
    assert (shares > 0).all()
    assert (shares < 1).all()


# calibration


def test_radius_by_hand() -> None:
    """Of a million pairs none within 3, one within 4, five within 5: at one per million the radius is 4."""
    assert choose_radius((0, 0, 0, 0, 1, 5, 1_000_000), 1e-6) == 4
    assert choose_radius((0, 0, 0, 0, 2, 5, 1_000_000), 1e-6) == 3
    assert choose_radius((7, 9, 1_000_000), 1e-6) == 0


def test_the_tail_may_lower_the_radius() -> None:
    """Ten times fewer pairs per bit: 1000, 100, 10 within 9, 8, 7; so the two pairs allowed are expected at 6.3."""
    assert choose_radius((0,) * 7 + (10, 100, 1000, 10_000, 2_000_000), 1e-6) == 6
    assert choose_radius((0,) * 8 + (100, 300, 900, 1_000_000), 1e-6) == 3  # ln(100) / ln(3) = 4.2 below 8


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(4, 20))
def test_calibration_counts_as_a_slow_one_does(seed: int, count: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.packbits(rng.integers(0, 2, (count, bits), dtype=np.uint8), axis=1)
    others = np.packbits(rng.integers(0, 2, (count + 3, bits), dtype=np.uint8), axis=1)
    unknown = rng.random((count, count + 3)) < 0.3
    calibration = calibrate(unrelated_distances(hamming, codes, others, unknown, bits), 0.1)
    pairs = [(i, j) for i in range(count) for j in range(count + 3) if not unknown[i, j]]
    distances = [int(hamming(codes[i], others[j])) for i, j in pairs]
    assert calibration.within == tuple(sum(d <= r for d in distances) for r in range(bits + 1))
    assert calibration.pairs == len(pairs)
    assert calibration.rates[-1] == (1.0 if pairs else 0.0)


def test_look_alikes_are_told_by_their_thumbnails() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (24, 24)).astype(np.uint8)
    brighter = (first // 2 + 100).astype(np.uint8)
    other = rng.integers(0, 256, (24, 24)).astype(np.uint8)
    flat = np.full((24, 24), 90, np.uint8)
    alike = look_alike(grays_of(Image.fromarray(pixels) for pixels in (first, brighter, other, flat)))
    assert alike[0, 1] and alike[1, 0]
    assert not alike[0, 2] and not alike[0, 3] and not alike[3, 3]
    assert 0 < REPEAT_CORRELATION < 1


# the script


def test_photos_are_divided_by_name(tmp_path: Path) -> None:
    for i in range(400):
        path = tmp_path / f"{i % 3}" / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    division = make_photo.divide(tmp_path)
    parts = [set(division.fit), set(division.tuning), set(division.held_out)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 400
    assert 25 <= len(division.tuning) <= 75 and 25 <= len(division.held_out) <= 75
    (tmp_path / "0" / "new.jpg").touch()
    assert set(division.held_out) <= set(make_photo.divide(tmp_path).held_out)


def test_the_script_makes_a_model_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """As small as can be: two steps of four photos. The second call finds the finished checkpoint."""
    rows = ["file\trepository\tcommit\tpath\tlicence"]
    for i in range(60):
        path = tmp_path / "photos" / f"{i % 3}" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(i, (96, 72)).save(path)
        rows.append(f"{i % 3}/{i}.jpg\tsomeone/pictures\tabc\t{i}.jpg\tCC-BY-4.0")
    (tmp_path / "photos" / make_photo.SOURCES).write_text("\n".join(rows) + "\n")
    (tmp_path / "work").mkdir()
    division = make_photo.divide(tmp_path / "photos")
    first = replace(make_photo.FIRST, stages=(Stage(1, 32), Stage(1, 48)), batch=4)
    trainings = (first, replace(first, look_alikes=True), replace(first, seed=2))
    models = [
        make_photo.make_photo(division, tmp_path / "work", tmp_path / f"photo{i}", Silent(), trainings)
        for i in range(2)
    ]
    assert models[0].model_id == models[1].model_id
    config = models[0].config
    assert config.training["photos held out"] == len(division.held_out)
    assert len(config.false_rates) > config.radius
    assert sorted(config.false_rates) == list(config.false_rates)
    assert "someone/pictures" in (tmp_path / "photo0" / make_photo.CARD).read_text()


def test_the_card_counts_what_it_is_given() -> None:
    config = open_model(builtin_folder()).config
    unrelated = np.zeros(config.bits + 1, np.int64)
    unrelated[100] = 780
    distances = np.array([0, config.radius, config.radius + 1, 200], np.uint16)
    figures = CopyFigures(4, {"flip": distances}, unrelated, calibrate(unrelated, 1e-6))
    facts = Facts(
        figures,
        {(256, 32): figures},
        make_photo.TRAININGS,
        Choices(10, 4, "photo-x", (LossRow("nce", 0.5, 0.625),), (SizeRow(96, 70, 0.25, 3.21),)),
        (SourceRow("someone/pictures", "abc", "CC-BY-4.0", 340),),
    )
    card = model_card(config, facts)
    middle = round((2 * config.radius + 1) / 2)
    assert f"| flip | 25.0% | 50.0% | 75.0% | {middle} |" in card
    assert "All 780 pairs" in card
    assert f"| 256 | 32 | no | {figures.calibration.radius} |" in card
    assert "| nce | 50.0% | 62.5% |" in card and "| 96 | 70 | 25.0% | 3.2 |" in card
    assert "| someone/pictures | abc | 340 | CC-BY-4.0 |" in card
    assert LICENCES["CC-BY-4.0"] in card
