"""What TensorBoard is given, read back with its own reader."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import shapes
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import Result

from dshcli.errors import DshError
from dshcli.hasher.journal import TensorBoard

Dsh = Callable[..., Result]


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_a_training_that_is_written_down(tmp_path: Path, dsh: Dsh) -> None:
    data, board = shapes(tmp_path / "shapes", 30), tmp_path / "board"
    options = ("--bits", 8, "--batch", 24, "--epochs", 3, "--loss", "dsh+center", "--tensorboard", board)
    (record,) = (json.loads(line) for line in dsh("train", data, *options, "--json").stdout.splitlines())
    found = scalars(board)
    assert [step for step, _ in found["loss"]] == [1, 2, 3]
    for epoch in range(3):
        parts = [found[f"loss/{name}"][epoch][1] for name in ("pairs", "pull", "center")]
        assert sum(parts) == pytest.approx(found["loss"][epoch][1], rel=1e-4)
    assert 0 < found["learning rate"][-1][1] < found["learning rate"][0][1]
    assert found["test/mAP"][0][1] == pytest.approx(record["evaluation"]["map"], abs=1e-6)
    assert {"validation mAP", "seconds an epoch", "test/least class distance"} <= found.keys()
    # the projector: one row of outputs, one label and one thumbnail for each test image
    (folder,) = {path.parent for path in board.rglob("tensors.tsv")}
    rows = (folder / "tensors.tsv").read_text().splitlines()
    assert len(rows) == record["images"]["test"] and len(rows[0].split("\t")) == 8
    assert set((folder / "metadata.tsv").read_text().splitlines()) == {"block", "frame", "lying", "standing"}
    with Image.open(folder / "sprite.png") as sprite:
        assert sprite.width == sprite.height == 28 * int(np.ceil(np.sqrt(len(rows))))
    # another training into the same folder takes the place of this one, and stdout stays data
    (again,) = (json.loads(line) for line in dsh("train", data, *options, "--seed", 1, "--json").stdout.splitlines())
    ((step, value),) = scalars(board)["test/mAP"]
    assert step == 3 and value == pytest.approx(again["evaluation"]["map"], abs=1e-6)


def test_a_training_that_goes_on_writes_on(tmp_path: Path) -> None:
    first = TensorBoard(tmp_path)
    first.begin(0)
    for epoch in (1, 2, 3):
        first.epoch(epoch, {"loss": float(epoch)})
    again = TensorBoard(tmp_path)  # the checkpoint knows of two epochs only
    again.begin(2)
    for epoch in (3, 4):
        again.epoch(epoch, {"loss": 10.0 * epoch})
    again._writer.close()
    assert scalars(tmp_path)["loss"] == [(1, 1.0), (2, 2.0), (3, 30.0), (4, 40.0)]


def test_without_the_package(tmp_path: Path, dsh: Dsh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    data = shapes(tmp_path / "shapes", 12)
    result = dsh("train", data, "--bits", 8, "--tensorboard", tmp_path / "board", exit_code=2)
    assert "pip install 'dshcli[tensorboard]'" in result.stderr and not (tmp_path / "board").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DshError, match="file"):
        TensorBoard(tmp_path / "file" / "board")


def test_large_pictures_fit_into_the_sprite() -> None:
    from dshcli.hasher.journal import SPRITE_SIDE, _thumbnails

    pictures = _thumbnails(np.zeros((1500, 160, 160, 3), np.uint8))
    assert pictures.shape[2] * np.ceil(np.sqrt(1500)) <= SPRITE_SIDE and pictures.shape[1] == 3
