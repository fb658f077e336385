"""Model folders: what a damaged or inconsistent one says, and that saving is all or nothing."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import draw, toy_config, write_toy_files
from typer.testing import Result

from dshcli.errors import BadModel, DshError, NoModel
from dshcli.hasher.models import CONFIG, ENCODER, WEIGHTS, Model, find_model, open_model, save_model

Dsh = Callable[..., Result]


@pytest.fixture
def folder(toy_model: Model, home: Path) -> Path:
    """A copy of the toy model, by the name of `toy`, to damage."""
    return Path(shutil.copytree(toy_model.folder, home / "models" / "toy"))


def edit(folder: Path, **changes: object) -> None:
    path = folder / CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda f: (f / CONFIG).unlink(), "not a model folder"),
    "no encoder": (lambda f: (f / ENCODER).unlink(), f"{ENCODER}: No such file"),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), f"{WEIGHTS}: No such file"),
    "encoder cut short": (lambda f: os.truncate(f / ENCODER, 100), "does not belong to config.json"),
    "weights of another model": (lambda f: (f / WEIGHTS).write_bytes(b"x" * 99), "does not belong to config.json"),
    "config is no JSON": (lambda f: (f / CONFIG).write_text("{"), CONFIG),
    "config is a list": (lambda f: (f / CONFIG).write_text("[]"), CONFIG),
    "config lacks a value": (lambda f: (f / CONFIG).write_text('{"name": "toy"}'), "missing"),
    "bits of another type": (lambda f: edit(f, bits="many"), CONFIG),
    "bits beyond the limit": (lambda f: edit(f, bits=4096), "bits must lie between"),
    "radius beyond the bits": (lambda f: edit(f, radius=49), "radius 49"),
    "channels and mean disagree": (lambda f: edit(f, mean=[0.5]), "do not agree"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_says_what_and_what_next(damage: str, folder: Path, dsh: Dsh, tmp_path: Path) -> None:
    harm, words = DAMAGES[damage]
    harm(folder)
    with pytest.raises((BadModel, NoModel), match=words) as caught:
        open_model(folder)
    assert str(folder) in str(caught.value) and caught.value.hint
    draw(tmp_path / "photos" / "a.png")
    result = dsh("index", tmp_path / "photos", "--model", "toy", exit_code=1)
    assert result.stderr.startswith("Error: ") and "Hint: " in result.stderr and "Traceback" not in result.stderr


def test_a_config_that_does_not_match_its_encoder(tmp_path: Path, dsh: Dsh) -> None:
    """The digests are right here, but the network has 48 outputs where the config says 24."""
    model = save_model(tmp_path / "wrong", toy_config(bits=24), write_toy_files)
    draw(tmp_path / "photos" / "a.png")
    result = dsh("index", tmp_path / "photos", "--model", model.folder, exit_code=1)
    assert "48" in result.stderr and "24" in result.stderr and "Hint: " in result.stderr


def test_a_damaged_model_stands_in_the_list_and_can_be_removed(folder: Path, dsh: Dsh) -> None:
    (folder / ENCODER).unlink()
    result = dsh("models", "list")
    assert "photo" in result.stdout and f"Damaged: {folder / ENCODER}" in result.stderr
    dsh("models", "rm", "toy")
    assert not folder.exists()


def test_the_model_id_follows_weights_and_config(toy_model: Model) -> None:
    config = toy_model.config
    assert replace(config, radius=5).model_id == config.model_id  # codes stay comparable
    assert replace(config, size=16).model_id != config.model_id
    assert replace(config, sha256=config.sha256 | {WEIGHTS: "0"}).model_id != config.model_id


def test_saving_is_all_or_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(temporary: Path) -> None:
        write_toy_files(temporary)
        raise OSError(28, "No space left on device")

    with pytest.raises(DshError, match="No space left") as caught:
        save_model(folder, toy_config(), fail)
    assert str(folder) in str(caught.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]
    saved = save_model(folder, toy_config(radius=7), write_toy_files)
    assert open_model(folder).config.radius == 7 and saved.folder == folder
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]


def test_saving_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DshError, match="Not a directory|File exists"):
        save_model(tmp_path / "file" / "model", toy_config(), write_toy_files)


def test_names_and_paths(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model("toy").folder == folder
    assert find_model(str(folder)).model_id == find_model("toy").model_id
    with pytest.raises(NoModel, match="no model named 'other'") as caught:
        find_model("other")
    assert "photo, toy" in caught.value.hint
    with pytest.raises(NoModel, match="not a model folder"):
        find_model(f"{tmp_path}{os.sep}")
