"""`dsh mislabels` on real files: planted errors are found, ranked and told; what cannot be judged says so."""

import csv
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import draw, records, shapes, toy_config, write_toy_files
from PIL import Image
from typer.testing import Result

from dshcli.errors import UsageError
from dshcli.hasher.crossing import folds_of
from dshcli.hasher.models import Model, save_model
from dshcli.sets.mislabels import doubts, probabilities

Dsh = Callable[..., Result]

KINDS = ("lying", "standing")
WRONG = {"lying": "standing/000.png", "standing": "lying/001.png"}  # by the class that fits


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Flat pictures, 8 red ones and 8 blue ones, in a folder each; one red one lies in the blue folder."""
    for number in range(16):
        colour = (200 + number, 20, 20) if number % 2 else (20, 20, 200 + number)
        folder = "red" if number % 2 and number != 5 else "blue"
        (tmp_path / "set" / folder).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), colour).save(tmp_path / "set" / folder / f"{number:02}.png")
    return tmp_path / "set"


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """The toy model, whose code is the mean colour, as if it had been trained on red and blue."""
    return save_model(tmp_path / "colours", toy_config(name="colours", classes=("blue", "red")), write_toy_files)


@pytest.fixture
def drawings(tmp_path: Path, dsh: Dsh, one_thread: None) -> Path:
    """Drawings of bars that lie and that stand, 40 of each, of which one of each is in the other's folder; and the
    model that was trained on them is the current one."""
    folder = shapes(tmp_path / "bars", 40, kinds=KINDS)
    names = sorted(path.name for path in (folder / "lying").iterdir())
    (folder / "lying" / names[0]).rename(folder / "standing" / "000.png")
    other = sorted(path.name for path in (folder / "standing").iterdir())[1]
    (folder / "standing" / other).rename(folder / "lying" / "001.png")
    dsh("train", folder, "--bits", 8, "--epochs", 3, "--backbone", "small", "--device", "cpu", "-q")
    return folder


def names(result: Result) -> list[str]:
    return ["/".join(Path(str(record["path"])).parts[-2:]) for record in records(result)]


# --- what is found -------------------------------------------------------------------------------------------------


def test_models_that_never_saw_an_image_find_its_wrong_label(drawings: Path, dsh: Dsh, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = dsh("mislabels", drawings, "--folds", 4, "-k", 2, "--json", "--report", page)
    assert sorted(names(result)) == sorted(WRONG.values())
    assert {str(r["suggested"]): f"{r['label']}/{Path(str(r['path'])).name}" for r in records(result)} == WRONG
    assert [r["rank"] for r in records(result)] == [1, 2]
    assert "judged by 4 models trained as bars-8" in result.stderr
    html = page.read_text()
    assert html.count("<img") == 2 and "<script" not in html and "http" not in html.replace("http-equiv", "")
    again = dsh("mislabels", drawings, "--folds", 4, "-k", 2, "--json")
    assert again.stdout == result.stdout


def test_a_model_can_judge_alone(colours: Path, dsh: Dsh, model: Model) -> None:
    result = dsh("mislabels", colours, "-m", model.folder, "--folds", 0, "--json")
    assert [(n, r["suggested"]) for n, r in zip(names(result), records(result), strict=True)] == [
        ("blue/05.png", "red")
    ]
    assert "has learned wrong ones" in result.stderr
    assert "1 of 16 labels look wrong" in result.stderr


def test_torch_is_for_folds_alone(colours: Path, model: Model) -> None:
    script = (
        "import sys; from dshcli.app import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as e: assert not e.code, e.code\n"
        "print(sorted(m for m in ('torch', 'torchvision', 'onnx') if m in sys.modules))"
    )
    command = ["mislabels", str(colours), "-m", str(model.folder), "--folds", "0", "-q"]
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_too_many_likely_ones_exit_with_4(colours: Path, dsh: Dsh, model: Model) -> None:
    alone = ("mislabels", colours, "-m", model.folder, "--folds", 0, "--fail-over")
    dsh(*alone, 0, exit_code=4)
    dsh(*alone, 1)


def test_csv_has_what_json_has(colours: Path, dsh: Dsh, model: Model) -> None:
    alone = ("mislabels", colours, "-m", model.folder, "--folds", 0)
    (row,) = csv.DictReader(dsh(*alone, "--csv").stdout.splitlines())
    (record,) = records(dsh(*alone, "--json"))
    assert row == {name: str(value) for name, value in record.items()}


def test_files_that_cannot_be_read_are_told_and_names_stay_with_their_images(
    colours: Path, dsh: Dsh, model: Model
) -> None:
    (colours / "blue" / "00.png").write_bytes(b"no picture")
    result = dsh("mislabels", colours, "-m", model.folder, "--folds", 0, "--json")
    assert names(result) == ["blue/05.png"]
    assert "Not judged: 1 image" in result.stderr


def test_all_splits_are_judged(colours: Path, dsh: Dsh, model: Model, tmp_path: Path) -> None:
    for split in ("train", "val"):
        shutil.copytree(colours, tmp_path / "both" / split)
    (tmp_path / "both" / "train" / "blue" / "05.png").rename(tmp_path / "both" / "train" / "red" / "05.png")
    (record,) = records(dsh("mislabels", tmp_path / "both", "-m", model.folder, "--folds", 0, "--json"))
    assert (record["split"], Path(str(record["path"])).name) == ("validation", "05.png")


# --- what cannot be judged -----------------------------------------------------------------------------------------


def test_a_model_without_labels_says_how_to_train_one(colours: Path, dsh: Dsh) -> None:
    result = dsh("mislabels", colours, exit_code=2)
    assert "trained without labels" in result.stderr
    assert f"dsh train {colours}" in result.stderr


def test_a_model_without_a_recipe_can_only_judge_alone(colours: Path, dsh: Dsh, model: Model) -> None:
    result = dsh("mislabels", colours, "-m", model.folder, exit_code=1)
    assert "recipe" in result.stderr and "--folds 0" in result.stderr


@pytest.mark.parametrize(("option", "value"), [("--folds", 1), ("--folds", -2), ("-k", 0)])
def test_values_that_cannot_work(colours: Path, dsh: Dsh, model: Model, option: str, value: int) -> None:
    dsh("mislabels", colours, "-m", model.folder, option, value, exit_code=2)


def test_several_labels_an_image_are_refused(tmp_path: Path, dsh: Dsh, model: Model) -> None:
    for number in range(6):
        draw(tmp_path / f"{number}.png", number)
    rows = "".join(f"{n}.png,{'a,b' if n == 0 else 'ab'[n % 2]}\n" for n in range(6))
    (tmp_path / "labels.csv").write_text(rows)
    result = dsh("mislabels", tmp_path / "labels.csv", "-m", model.folder, exit_code=2)
    assert "several labels each" in result.stderr


# --- the arithmetic ------------------------------------------------------------------------------------------------


def test_probabilities_by_hand() -> None:
    known = np.array([[3, 1], [1, 1], [-1, 2], [-1, 1]], np.float32)  # codes: class 0 is 11, class 2 is 01
    shares = probabilities(np.array([[1, 0.5]], np.float32), known, np.array([0, 0, 2, 2]), 3)
    agree = np.exp([4 * (1 + 0.5) / 2, 4 * (-1 + 0.5) / 2])
    assert shares[0].tolist() == pytest.approx([agree[0] / agree.sum(), 0, agree[1] / agree.sum()])


def test_doubts_are_ranked_by_how_little_the_label_is_believed() -> None:
    shares = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.45, 0.55], [0.05, 0.95], [0.1, 0.9]])
    found = doubts(shares, np.array([0, 0, 0, 0, 1, 1]))
    assert found.images.tolist() == [2, 3]
    assert found.suggested.tolist() == [1, 1]
    assert found.confidence.tolist() == [0.2, 0.45]
    assert found.likely.tolist() == [False, False]  # images of class 1 are believed to 0.925 on average
    surer = doubts(np.vstack([shares, [0.03, 0.97]]), np.array([0, 0, 0, 0, 1, 1, 0]))
    assert surer.images.tolist() == [6, 2, 3]
    assert surer.likely.tolist() == [True, False, False]


def test_folds_divide_every_class_evenly() -> None:
    labels = np.repeat([0, 1, 2], [10, 5, 2])
    folds = folds_of(labels, 5, seed=3)
    assert sorted(np.concatenate(folds).tolist()) == list(range(17))
    assert all((labels[fold] == 0).sum() == 2 and (labels[fold] == 1).sum() == 1 for fold in folds)


def test_usage_errors_are_errors_of_ours() -> None:
    from dshcli.commands.mislabels import MislabelsOptions, find_mislabels

    with pytest.raises(UsageError):
        find_mislabels("anywhere", MislabelsOptions(folds=1))
