"""The built-in model: its folder, what its codes do to copies and strangers, and the script that made it."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import picture
from dshcli.hasher.builtin.calibration import REPEAT_CORRELATION, calibrate, choose_radius, look_alike
from dshcli.hasher.builtin.copies import EDITS, edited
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file

from dshcli.codes import bits_from_codes, code_bytes, hamming
from dshcli.errors import BadImage
from dshcli.hasher import itq, lite0, networks
from dshcli.hasher.builtin import make_photo
from dshcli.hasher.builtin.card import LICENCES, Facts, SourceRow, model_card
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.export import FromPixels
from dshcli.hasher.models import WEIGHTS, builtin_folder, open_model
from dshcli.images.opening import open_image

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
    assert (model.config.name, model.config.bits, model.config.channels) == ("photo", 128, 3)
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
    assert all(edit in card for edit in EDITS)


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
    assert ((outputs >= 0) != bits_from_codes(encoder.encode(pixels), 128)).mean() < 0.02


# what the codes do


def examples() -> list[Path]:
    return sorted(EXAMPLES.glob("holiday/*.jpg"))


@pytest.mark.parametrize("edit", ["JPEG quality 70", "darker (x 0.7)", "half the size"])
def test_light_edits_stay_within_the_radius(encoder: Encoder, edit: str) -> None:
    found = 0
    for path in examples():
        data = path.read_bytes()
        found += hamming(code_of(encoder, data), code_of(encoder, edited(data, path.name, edit))) <= encoder.radius
    assert found >= 0.75 * len(examples())


def test_strangers_are_half_the_bits_apart(encoder: Encoder) -> None:
    codes = np.stack([code_of(encoder, jpeg(picture(seed, (120, 90)))) for seed in range(3)])
    photos = np.stack([code_of(encoder, path) for path in examples()])
    distances = hamming(codes[:, None], photos[None, :])
    assert distances.min() > encoder.radius
    assert 50 <= distances.mean() <= 78


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
    shares = bits_from_codes(np.stack(codes), 128).mean(axis=0)
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
    unknown = rng.random((count, count)) < 0.3
    unknown |= unknown.T
    calibration = calibrate(codes, unknown, bits, 0.1)
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count) if not unknown[i, j]]
    distances = [int(hamming(codes[i], codes[j])) for i, j in pairs]
    assert calibration.within == tuple(sum(d <= r for d in distances) for r in range(bits + 1))
    assert calibration.pairs == len(pairs)


def test_look_alikes_are_told_by_their_thumbnails() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (24, 24)).astype(np.uint8)
    brighter = (first // 2 + 100).astype(np.uint8)
    other = rng.integers(0, 256, (24, 24)).astype(np.uint8)
    flat = np.full((24, 24), 90, np.uint8)
    alike = look_alike(np.stack([first, brighter, other, flat]))
    assert alike[0, 1] and alike[1, 0]
    assert not alike[0, 2] and not alike[0, 3] and not alike[3, 3]
    assert 0 < REPEAT_CORRELATION < 1


# copies


@pytest.mark.parametrize(
    ("edit", "size"),
    [
        ("JPEG quality 30", (200, 100)), ("half the size", (100, 50)), ("a quarter of the size", (50, 25)),
        ("gray", (200, 100)), ("crop 10 %", (180, 90)), ("crop 20 %", (160, 80)), ("flip", (200, 100)),
        ("rotation by 3 to 6 degrees", (200, 100)), ("caption bar", (200, 112)),
    ],
)  # fmt: skip
def test_sizes_of_copies(edit: str, size: tuple[int, int]) -> None:
    copy = Image.open(io.BytesIO(edited(jpeg(picture(0, (200, 100))), "a.jpg", edit)))
    assert copy.size == size
    assert copy.format == "JPEG"


def test_copies_are_the_same_each_time_and_depend_on_the_name() -> None:
    data = jpeg(picture(0, (200, 100)))
    for edit in EDITS:
        assert edited(data, "a.jpg", edit) == edited(data, "a.jpg", edit)
    assert edited(data, "a.jpg", "crop 20 %") != edited(data, "b.jpg", "crop 20 %")


def test_a_flip_is_a_flip_and_gray_is_gray() -> None:
    data = jpeg(picture(3, (64, 64)))
    image = np.asarray(Image.open(io.BytesIO(data)), float)
    flipped = np.asarray(Image.open(io.BytesIO(edited(data, "a", "flip"))), float)
    assert np.abs(flipped - image[:, ::-1]).mean() < 6 < np.abs(flipped - image).mean()
    assert Image.open(io.BytesIO(edited(data, "a", "gray"))).mode == "L"


def test_a_file_that_is_no_image_is_told_so() -> None:
    with pytest.raises(BadImage):
        edited(b"nothing", "a", "flip")


# the script


def test_a_quarter_is_held_out_by_name(tmp_path: Path) -> None:
    for i in range(200):
        path = tmp_path / f"{i % 3}" / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    photos = make_photo.divide(tmp_path)
    assert len(photos.fit) + len(photos.held_out) == 200
    assert not set(photos.fit) & set(photos.held_out)
    assert 30 <= len(photos.held_out) <= 70
    (tmp_path / "0" / "new.jpg").touch()
    assert set(photos.held_out) <= set(make_photo.divide(tmp_path).held_out)


def test_the_last_layer_is_the_projection() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((lite0.FEATURES, 128))
    projection = itq.Projection(rng.random(lite0.FEATURES), matrix)
    torch.manual_seed(0)
    network = make_photo.projected(lite0.Lite0(), projection)
    assert not network.training
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        features = network.body(x).numpy()
        np.testing.assert_allclose(network(x).numpy(), projection(features), rtol=1e-3, atol=1e-2)


def test_pairs_seen_to_be_repeats_are_unknown(tmp_path: Path) -> None:
    first, second = "grocery/00529.jpg", "grocery/00530.jpg"
    for seed, name in enumerate((first, second, "grocery/1.jpg")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(seed, (96, 64)).save(tmp_path / name)
    unknown = make_photo.unknown_pairs(make_photo.Photos(tmp_path, (), (first, second, "grocery/1.jpg")))
    assert unknown[0, 1] and unknown[1, 0]
    assert not unknown[0, 2] and not unknown[1, 2]


def test_the_card_counts_what_it_is_given() -> None:
    config = open_model(builtin_folder()).config
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (40, code_bytes(128)), dtype=np.uint8)
    facts = Facts(
        photos=(300, 40),
        calibration=calibrate(codes, np.zeros((40, 40), bool), 128, 1e-6),
        copies={"flip": np.array([0, config.radius, config.radius + 1, 100], np.uint16)},
        sources=(SourceRow("someone/pictures", "abc", "CC-BY-4.0", 340),),
        elsewhere=np.array([[10, 60, 70]], np.uint16),
    )
    card = model_card(config, facts)
    assert "| flip | 25.0% | 50.0% | 75.0% | 26 |" in card
    assert "All 780 pairs" in card
    assert "1 of 3 pairs" in card
    assert "| someone/pictures | abc | 340 | CC-BY-4.0 |" in card
    assert LICENCES["CC-BY-4.0"] in card
