"""`dsh eval MODEL FOLDER --copies` and the radius that it stores: related photos, the command, hostile folders."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import TOY_LEVELS, draw, picture, records, toy_config, write_toy_files
from PIL import Image, ImageOps
from typer.testing import Result

from dshcli.commands import eval_copies
from dshcli.commands.eval_copies import CopiesEvaluation, CopiesOptions, evaluate_copies
from dshcli.hasher.copies import related
from dshcli.hasher.copies.judging import WAYS
from dshcli.hasher.copies.photos import read_photos
from dshcli.hasher.copies.related import may_show_the_same
from dshcli.hasher.models import Model, save_model
from dshcli.hasher.radii import maybe_stored
from dshcli.progress import Silent
from dshcli.proof.evidence import Evidence, gather
from dshcli.show.eval_copies import show_copies
from dshcli.show.screen import Format, Screen

Dsh = Callable[..., Result]
EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"
WIDE, OWN = 128, 5  # bits and radius of a model whose codes of different pictures are far apart
EDITED, ALLOWED = 6, 100.0  # photos, and false pairs per million: with so few photos, one could not be told
FEW = CopiesOptions(photos=EDITED, false_per_million=ALLOWED)
AS_FEW = ("--copies", "--photos", EDITED, "--max-false", ALLOWED)


def photos_in(folder: Path, count: int) -> Path:
    folder.mkdir()
    for seed in range(count):
        textured(picture(seed), seed).save(folder / f"{seed:03}.png")
    return folder


def textured(photo: Image.Image, seed: int) -> Image.Image:
    """With something on it that local features can hold on to."""
    noise = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    return Image.blend(photo.resize((192, 128)), Image.fromarray(noise).resize((192, 128)), 0.5)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty different drawings: enough to tell a radius."""
    return photos_in(tmp_path_factory.mktemp("drawn") / "photos", 60)


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """WIDE bits, each the sign of a random sum of the pixels: different pictures have codes far apart."""
    return save_model(
        tmp_path_factory.mktemp("models") / "wide", toy_config(name="wide", bits=WIDE, radius=OWN), write_random_files
    )


def write_random_files(folder: Path) -> None:
    import onnx
    from onnx import TensorProto, helper
    from safetensors.numpy import save_file

    from dshcli.hasher.models import ENCODER, WEIGHTS

    sums = np.random.default_rng(0).standard_normal((8 * 8 * 3, WIDE)).astype(np.float32)
    sums -= sums.mean(axis=0)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["floats"], ["flat"], axis=1),
            helper.make_node("MatMul", ["flat", "sums"], ["outputs"]),
        ],
        "wide",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 8, 8, 3])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", WIDE])],
        [helper.make_tensor("sums", TensorProto.FLOAT, sums.shape, sums.flatten())],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / ENCODER)
    save_file({"sums": sums}, folder / WEIGHTS)


@pytest.fixture(scope="session")
def found(wide_model: Model, photos: Path) -> CopiesEvaluation:
    return evaluate_copies(f"{wide_model.folder}", str(photos), FEW, Silent())


def evidence(image: Image.Image, tmp_path: Path) -> Evidence:
    image.save(tmp_path / "a.png")
    return gather((tmp_path / "a.png").read_bytes(), b"")


# --- photos that may show the same ------------------------------------------------------------------------------------


def test_copies_can_be_laid_over_their_photos_and_strangers_cannot(tmp_path: Path) -> None:
    names = ("pagoda", "dahlia")
    photos = [
        Image.open(next(path for path in EXAMPLES.rglob("*") if path.stem == name)).convert("RGB") for name in names
    ]
    for number, photo in enumerate(photos):
        own = evidence(photo, tmp_path)
        width, height = photo.size
        for copy in (
            photo.crop((width // 5, height // 5, width, height)), ImageOps.mirror(photo), photo.rotate(90, expand=True),
            photo.resize((width // 2, height // 2)), photo.convert("L").convert("RGB"), photo.rotate(8),
        ):  # fmt: skip
            assert may_show_the_same(own, evidence(copy, tmp_path))
            assert may_show_the_same(evidence(copy, tmp_path), own)
        for other in photos[number + 1 :]:
            assert not may_show_the_same(own, evidence(other, tmp_path))


def test_copies_that_a_folder_holds_are_no_unrelated_pairs(
    wide_model: Model, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty copies among sixty photos hardly move the radius; if they counted as unrelated, they would."""
    mixed = Path(shutil.copytree(photos, tmp_path / "mixed"))
    for number in range(30):
        photo = Image.open(photos / f"{2 * number:03}.png")
        copy = (photo, photo.crop((8, 4, 190, 126)), photo.resize((150, 100)))[number % 3]
        copy.save(mixed / f"{2 * number:03}.jpg", quality=80)

    def measured(folder: Path) -> CopiesEvaluation:
        return evaluate_copies(str(wide_model.folder), str(folder), FEW, Silent())

    alone, both = measured(photos), measured(mixed)
    assert alone.related.pairs <= 2 and 28 <= both.related.pairs <= 33 and both.photos == 90
    assert alone.wanted_radius is not None and both.wanted_radius is not None
    assert abs(alone.wanted_radius - both.wanted_radius) <= 4
    monkeypatch.setattr(related, "may_show_the_same", lambda a, b: False)
    assert measured(mixed).figures.calibration.radius < both.wanted_radius - 5


def test_the_search_ends_at_its_bound_and_says_so(
    wide_model: Model, photos: Path, dsh: Dsh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(related, "may_show_the_same", lambda a, b: True)
    monkeypatch.setattr(related, "MOST", 250)
    result = dsh("eval", wide_model.folder, photos, "--copies", "--photos", 1, "--json")
    (record,) = records(result)
    assert record["pairs_looked_at"] == 250 and record["pairs_left_out"] == 250
    assert record["pairs_all_looked_at"] is False and "the radius may be too small" in " ".join(result.stderr.split())


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_record_tells_what_was_found(wide_model: Model, photos: Path, found: CopiesEvaluation, dsh: Dsh) -> None:
    result = dsh("eval", wide_model.folder, photos, *AS_FEW, "--json")
    (record,) = records(result)
    assert dsh("eval", wide_model.folder, photos, "--copies", "--photos", 1, "--json", "--quiet").stderr == ""
    assert (record["model"], record["photos"], record["photos_edited"]) == (wide_model.model_id, 60, EDITED)
    assert record["own_radius"] == 5 and record["folder_radius"] == found.wanted_radius
    assert 0 < record["folder_radius"] < WIDE / 2
    assert [edit["edit"] for edit in record["edits"]] == list(WAYS)
    recall = found.figures.recall(found.wanted_radius or 0)
    assert {edit["edit"]: edit["folder_recall"] for edit in record["edits"]} == recall
    assert record["mean"]["folder_recall"] == pytest.approx(np.mean(list(recall.values())))
    histogram = record["unrelated_by_distance"]
    assert len(histogram) == WIDE + 1 and sum(histogram) == record["unrelated_pairs"]
    of_photos = 60 * 59 // 2 - record["pairs_left_out"]
    assert record["unrelated_pairs_of_photos"] == of_photos
    assert of_photos + EDITED * len(WAYS) * 50 < record["unrelated_pairs"] <= of_photos + EDITED * len(WAYS) * 59
    own, folders = record["radii"]
    assert (own["radius"], folders["radius"]) == (5, record["folder_radius"])
    assert folders["false_per_million"] <= ALLOWED
    assert folders["false_pairs"] == pytest.approx(folders["false_per_million"] / 1e6 * 60 * 59 / 2)
    assert "each edited in 33 ways (seed 0)" in result.stderr
    assert f"This folder wants radius {found.wanted_radius} (the model's own is 5)" in result.stderr
    assert "--write-radius stores it" in result.stderr and maybe_stored(wide_model.model_id) is None


def test_csv_plain_and_table_tell_the_same(found: CopiesEvaluation, capsys: pytest.CaptureFixture[str]) -> None:
    recall = found.figures.recall(OWN)
    show_copies(Screen(Format.CSV, quiet=True), found)
    header, *rows = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert header[:4] == ["edit", "copies", "radius", "recall"] and len(rows) == len(WAYS) + 1
    assert {row[0]: float(row[3]) for row in rows[:-1]} == recall
    show_copies(Screen(Format.PLAIN, quiet=True), found)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {line[1]: float(line[4]) for line in lines if line[0] == "edit"}.items() >= {
        (edit, float(f"{share:.4g}")) for edit, share in recall.items()
    }
    distances = [line for line in lines if line[0] == "distance"]
    assert sum(int(line[3]) for line in distances) == found.figures.calibration.pairs
    assert [int(line[2]) + 1 for line in distances[:-1]] == [int(line[1]) for line in distances[1:]]
    assert (distances[0][1], distances[-1][2]) == ("0", f"{WIDE}")
    show_copies(Screen(Format.TABLE, quiet=True), found)
    table, words = capsys.readouterr()
    assert f"radius {OWN}" in table and f"radius {found.wanted_radius}" in table and "the model's" in table
    assert f"{recall['JPEG']:.1%}" in next(line for line in table.splitlines() if line.startswith("JPEG"))
    assert words == ""


def test_equal_seeds_give_equal_figures_whatever_the_threads(
    wide_model: Model, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(threads: int, seed: int) -> CopiesEvaluation:
        monkeypatch.setattr(eval_copies, "cores", lambda: threads)
        return evaluate_copies(str(wide_model.folder), str(photos), CopiesOptions(photos=2, seed=seed), Silent())

    one, four, other = measured(1, 0), measured(4, 0), measured(1, 1)
    assert one.figures.unrelated.tolist() == four.figures.unrelated.tolist()
    assert all((one.figures.copies[way] == four.figures.copies[way]).all() for way in WAYS)
    assert other.figures.unrelated.tolist() != one.figures.unrelated.tolist()


def test_more_false_pairs_allow_a_wider_radius(wide_model: Model, photos: Path, found: CopiesEvaluation) -> None:
    generous = evaluate_copies(str(wide_model.folder), str(photos), replace(FEW, false_per_million=1e4), Silent())
    assert generous.wanted_radius is not None and found.wanted_radius is not None
    assert generous.wanted_radius > found.wanted_radius
    within = generous.figures.calibration.within
    assert within[generous.wanted_radius] <= 0.01 * within[-1] < within[generous.wanted_radius + 1]


def test_a_large_folder_is_sampled_by_the_seed(
    wide_model: Model, photos: Path, dsh: Dsh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eval_copies, "MOST_FILES", 55)
    monkeypatch.setattr("dshcli.show.eval_copies.MOST_FILES", 55)
    result = dsh("eval", wide_model.folder, photos, "--copies", "--photos", 1, "--json")
    (record,) = records(result)
    assert (record["files"], record["photos"]) == (60, 55)
    assert "55 of the folder's 60 files were looked at, chosen by the seed" in result.stderr
    names = {seed: read_photos([str(photos)], Silent(), at_most=55, seed=seed).photos.names for seed in (0, 0, 1)}
    assert len(set(names.values())) == 2


def test_the_written_radius_is_used_shown_and_taken_back(
    wide_model: Model, photos: Path, found: CopiesEvaluation, tmp_path: Path, dsh: Dsh
) -> None:
    wanted = found.wanted_radius
    dsh("models", "use", wide_model.folder)
    dsh("index", photos)
    assert f"radius 5 of {WIDE}" in dsh("dupes").stderr
    arguments = ("eval", wide_model.folder, photos, *AS_FEW, "--write-radius")
    said = dsh(*arguments).stderr
    assert f"This folder wants radius {wanted}" in said and "Stored: query and dupes use it" in said
    assert f"radius {wanted} of {WIDE}" in dsh("dupes").stderr
    assert f"within {wanted} of {WIDE} bits" in dsh("query", photos / "000.png").stderr
    assert f"radius 3 of {WIDE}" in dsh("dupes", "-r", 3).stderr
    shown = json.loads(dsh("models", "show", wide_model.folder).stdout)
    assert (shown["radius"], shown["own_radius"], shown["config"]["radius"]) == (wanted, 5, 5)
    assert f"measured on 60 photos of {photos}" in shown["radius_from"]
    asked = dsh("models", "radius", wide_model.folder)
    assert asked.stdout == f"{wanted}\n" and "the model's own radius is 5" in asked.stderr
    assert dsh("models", "radius", wide_model.folder, "--reset").stdout == "5\n"
    assert f"radius 5 of {WIDE}" in dsh("dupes").stderr
    assert json.loads(dsh("models", "show", wide_model.folder).stdout)["radius_from"] == ""


# --- hostile folders --------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_listed_and_passed_by(wide_model: Model, tmp_path: Path, dsh: Dsh) -> None:
    folder = photos_in(tmp_path / "mixed", 52)
    whole = draw(tmp_path / "whole.jpg", 99).read_bytes()
    (folder / "cut\n.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("no picture")
    (folder / "copy.png").write_bytes((folder / "000.png").read_bytes())
    Image.new("RGB", (40, 40), "white").save(folder / "blank.png")
    Image.new("RGB", (50, 40), "white").save(folder / "blank2.png")
    result = dsh("eval", wide_model.folder, folder, "--copies", "--photos", 2, "--json")
    (record,) = records(result)
    reasons = {os.path.basename(row["path"]): row["reason"] for row in record["skipped"]}
    assert reasons == {"cut\n.jpg": "truncated", "empty.jpg": "empty file"}
    assert "cut\\n.jpg: truncated" in result.stderr
    assert (record["photos"], record["blank"]) == (52, 2) and "2 pictures with next to nothing" in result.stderr


def test_a_gray_model_sees_gray(tmp_path: Path, photos: Path, dsh: Dsh) -> None:
    config = toy_config(name="gray", bits=TOY_LEVELS, channels=1, mean=(0.0,), std=(1.0,))
    model = save_model(tmp_path / "gray", config, partial(write_toy_files, channels=1))
    (record,) = records(dsh("eval", model.folder, photos, "--copies", "--photos", 3, "--json"))
    shares = {edit["edit"]: edit["recall"] for edit in record["edits"]}
    assert shares["gray"] == 1 and shares["turned or flipped"] == 1  # the mean brightness stays as it is


def test_tiny_pictures(wide_model: Model, tmp_path: Path, dsh: Dsh) -> None:
    rng = np.random.default_rng(0)
    for number, (rows, columns) in enumerate([(1, 1), (1, 40), (40, 1), (2, 3), (9, 9), (12, 12), (13, 11), (20, 20)]):
        pixels = rng.integers(0, 256, (rows, columns, 3), dtype=np.uint8)
        (tmp_path / "tiny").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "tiny" / f"{number}.png")
    (record,) = records(dsh("eval", wide_model.folder, tmp_path / "tiny", "--copies", "--json"))
    assert record["photos"] + record["blank"] == 8 and record["photos"] >= 2


@pytest.mark.parametrize("count", [2, 3, 20])
def test_few_photos_tell_no_radius(wide_model: Model, tmp_path: Path, dsh: Dsh, count: int) -> None:
    folder = photos_in(tmp_path / "few", count)
    result = dsh("eval", wide_model.folder, folder, "--copies", "--photos", 2, "--json", "--write-radius", exit_code=1)
    (record,) = records(result)
    pairs = count * (count - 1) // 2 - record["pairs_left_out"]
    assert record["folder_radius"] is None and record["unrelated_pairs_of_photos"] == pairs
    assert f"from {pairs} unrelated pair" in result.stderr and "Give 50 photos or more" in result.stderr
    assert "none was stored" in result.stderr and maybe_stored(wide_model.model_id) is None
    plain = dsh("eval", wide_model.folder, folder, "--copies", "--photos", 2)
    assert plain.stdout.splitlines()[0].split("\t")[5] == "-"


def test_one_photo_and_none(wide_model: Model, tmp_path: Path, dsh: Dsh) -> None:
    folder = photos_in(tmp_path / "one", 1)
    assert "only one photo" in dsh("eval", wide_model.folder, folder, "--copies", exit_code=1).stderr
    Image.new("RGB", (40, 40), "white").save(folder / "000.png")
    assert "no photo that shows" in dsh("eval", wide_model.folder, folder, "--copies", exit_code=1).stderr
    (folder / "000.png").unlink()
    assert "no photo could be read" in dsh("eval", wide_model.folder, folder, "--copies", exit_code=1).stderr
    assert "nowhere" in dsh("eval", wide_model.folder, tmp_path / "nowhere", "--copies", exit_code=1).stderr
    assert "--copies needs photos" in dsh("eval", wide_model.folder, "--copies", exit_code=2).stderr


def test_a_model_that_joins_strangers_at_any_radius(toy_model: Model, tmp_path: Path, dsh: Dsh) -> None:
    """The toy model sees the mean colour alone, and these pictures all have the same."""
    tiles = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    (tmp_path / "same").mkdir()
    for number in range(50):
        shuffled = np.random.default_rng(number).permutation(tiles.reshape(-1, 3)).reshape(tiles.shape)
        Image.fromarray(shuffled).resize((128, 128), Image.Resampling.NEAREST).save(tmp_path / f"same/{number}.png")
    arguments = ("eval", toy_model.folder, tmp_path / "same", "--copies", "--photos", 2)
    result = dsh(*arguments, "--write-radius", exit_code=1)
    assert "Even radius 0 is expected to join" in result.stderr and "none was stored" in result.stderr
    assert f"dsh models radius {toy_model.folder} BITS" in result.stderr


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        ("--seeds", 2), ("--unseen",), ("--references",), ("--report", "x.html"), ("--protocol", "train"), ("--at", 5),
        ("--data-dir", "."),
    ],
)  # fmt: skip
def test_options_of_labels_exclude_copies(option: tuple[object, ...], photos: Path, dsh: Dsh) -> None:
    result = dsh("eval", "photo", photos, "--copies", *option, exit_code=2)
    assert f"--copies and {option[0]} exclude each other" in result.stderr


@pytest.mark.parametrize("option", [("--photos", 9), ("--max-false", 1), ("--seed", 0), ("--write-radius",)])
def test_options_of_copies_need_copies(option: tuple[object, ...], photos: Path, dsh: Dsh) -> None:
    assert f"{option[0]} needs --copies" in dsh("eval", "photo", photos, *option, exit_code=2).stderr


@pytest.mark.parametrize("number", ["0", "-1", "nan", "2000000"])
def test_a_rate_that_cannot_be(number: str, photos: Path, dsh: Dsh) -> None:
    assert "--max-false" in dsh("eval", "photo", photos, "--copies", "--max-false", number, exit_code=2).stderr


def test_torch_is_not_imported(wide_model: Model, photos: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from dshcli.app import app\n"
        f"try: app(['eval', {str(wide_model.folder)!r}, {str(photos)!r}, '--copies', '--photos', '1', '--quiet'])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
