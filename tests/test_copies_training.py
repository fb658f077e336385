"""Training on copies: views, losses against slow references, the loop, `dsh train --copies` with a stop on its way."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import draw, picture, records
from trainings import Listener
from typer.testing import Result

from dshcli.errors import DshError, UsageError
from dshcli.hasher.copies import fitting
from dshcli.hasher.copies.fitting import rate
from dshcli.hasher.copies.loss import ALIKE, TEMPERATURE, Alike, copies_loss, dsh_copies_loss, signs
from dshcli.hasher.copies.photos import Photos, divided, read_photos, small_jpeg
from dshcli.hasher.copies.training import recipe_for, train_copies
from dshcli.hasher.copies.views import Stage, Views
from dshcli.hasher.losses import dsh_loss
from dshcli.hasher.models import find_model
from dshcli.hasher.recipe import TrainOptions
from dshcli.progress import Silent

Dsh = Callable[..., Result]


def photos(count: int, first: int = 0) -> Photos:
    numbers = range(first, first + count)
    return Photos(tuple(f"{i}.jpg" for i in numbers), tuple(small_jpeg(picture(i, (120, 90))) for i in numbers))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 photos, one of them twice, and a file that is none."""
    root = tmp_path_factory.mktemp("photos")
    for i in range(64):
        draw(root / f"{i}.jpg", seed=i, size=(120, 90))
    (root / "again.jpg").write_bytes((root / "3.jpg").read_bytes())
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    return root


# views


def test_views_are_seeded_and_an_epoch_shows_each_photo_once() -> None:
    views = Views(photos(12), photos(3, 50), (Stage(3, 32), Stage(2, 48)), batch=4, seed=1)
    assert len(views) == 5
    pixels, numbers = views[0]
    assert pixels.shape == (8, 32, 32, 3) and pixels.dtype == torch.uint8
    assert torch.equal(numbers[:4], numbers[4:])
    assert torch.equal(views[0][0], pixels)
    assert not torch.equal(replace(views, seed=2)[0][0], pixels)
    assert sorted(n for step in range(3) for n in views[step][1][:4].tolist()) == list(range(12))
    assert views[3][0].shape == (8, 48, 48, 3)
    with pytest.raises(IndexError):
        views.size(5)


# losses


def nothing_alike(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return first[:, None] == second[None, :]


def test_the_loss_is_the_slow_one() -> None:
    torch.manual_seed(0)
    outputs, numbers = torch.randn(6, 16), torch.tensor([4, 7, 9, 4, 7, 9])
    total = 0.0
    for i in range(6):
        query = outputs[i].tanh() / outputs[i].tanh().norm()
        similarity = [float(query @ torch.where(outputs[j] >= 0, 1.0, -1.0)) / 4 / TEMPERATURE for j in range(6)]
        twin = (i + 3) % 6
        total += math.log(sum(math.exp(similarity[j]) for j in range(6) if j != i)) - similarity[twin]
    assert copies_loss(outputs, numbers, nothing_alike).item() == pytest.approx(total / 6, rel=1e-5)  # type: ignore[arg-type]


def test_alike_photos_count_neither_way() -> None:
    """Photos 0 and 1 look the same; without photo 2 nothing is left to tell a view from, and the loss is 0."""
    grays = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), dim=1)
    alike = Alike(grays)
    assert alike(torch.tensor([0, 1, 2]), torch.tensor([0, 1])).tolist() == [[True, True], [True, True], [False, False]]
    assert 0 < ALIKE < 1
    outputs = torch.randn(4, 8)
    assert copies_loss(outputs, torch.tensor([0, 1, 0, 1]), alike).item() == 0
    assert copies_loss(outputs, torch.tensor([0, 2, 0, 2]), alike).item() > 0


def test_signs_pass_the_gradient_of_tanh() -> None:
    outputs = torch.tensor([-2.0, -0.1, 0.0, 0.3], requires_grad=True)
    hard = signs(outputs)
    assert torch.where(hard > 0, 1, -1).tolist() == [-1, -1, 1, 1]
    hard.sum().backward()  # type: ignore[no-untyped-call]
    assert torch.allclose(outputs.grad, 1 - outputs.detach().tanh() ** 2)  # type: ignore[arg-type]


def test_dsh_of_copies_weighs_both_kinds_the_same() -> None:
    torch.manual_seed(1)
    outputs, numbers = torch.randn(6, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    twins = sum(float((outputs[i] - outputs[i + 3]).square().sum()) for i in range(3)) / 3
    expected = float(dsh_loss(outputs, numbers)) / 8 + twins / 16
    assert dsh_copies_loss(outputs, numbers, nothing_alike).item() == pytest.approx(expected, rel=1e-5)  # type: ignore[arg-type]


# the loop and the command


def test_the_rate_rises_stays_and_falls() -> None:
    assert rate(0, 1000) == pytest.approx(0.01)
    assert rate(99, 1000) == rate(500, 1000) == rate(500, 1400) == 1
    assert 0 < rate(990, 1000) < 0.01


def test_photos_are_read_once_and_divided_by_content(folder: Path) -> None:
    read = read_photos([str(folder)], Silent())
    assert len(read.photos) == 64
    assert [Path(path).name for path, _ in read.skipped] == ["broken.jpg"]
    learned, held_out = divided(read.photos, 0.25)
    assert len(learned) + len(held_out) == 64 and 6 <= len(held_out) <= 28
    fewer = divided(read.photos.some(range(40)), 0.25)[1]
    assert set(fewer.names) <= set(held_out.names)


def test_a_stopped_training_goes_on_and_ends_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "KEPT_EVERY", 0.0)
    options = TrainOptions(bits=16, epochs=2, batch=16, seed=3)
    whole = train_copies(str(folder), replace(options, out=tmp_path / "whole"), Silent())
    assert whole.recipe.steps == 6

    def stop(facts: dict[str, object]) -> None:
        if listener.steps.index(facts) == 3:
            raise KeyboardInterrupt

    listener = Listener(stop)
    stopped = replace(options, out=tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        train_copies(str(folder), stopped, listener)
    assert any("--resume" in line for line in listener.said)
    again = train_copies(str(folder), replace(stopped, resume=True), Silent())
    assert again.model.config.sha256 == whole.model.config.sha256
    assert whole.model.config.false_rates and whole.model.config.loss == "copies-nce"


def test_the_command_makes_it_the_current_model(folder: Path, dsh: Dsh) -> None:
    result = dsh("train", folder, "--copies", "--epochs", 1, "--batch", 24, "--bits", 32, "--name", "mine", "--json")
    (record,) = records(result)
    assert record["photos"] and record["steps"] == 2
    assert find_model(None).config.name == "mine"
    dsh("index", folder)
    groups = records(dsh("dupes", "--no-verify", "--radius", 0, "--json"))
    assert any(
        {Path(str(m["path"])).name for m in (g["keeper"], *g["members"])} >= {"3.jpg", "again.jpg"} for g in groups
    )  # type: ignore[index,misc]


@pytest.mark.parametrize("option", [("--margin", 3), ("--no-augment",), ("--loss", "center"), ("--backbone", "small")])
def test_options_of_labels_are_refused(option: tuple[object, ...], folder: Path, dsh: Dsh) -> None:
    assert "Hint:" in dsh("train", folder, "--copies", *option, exit_code=2).stderr


def test_too_few_photos_and_too_large_batches(tmp_path: Path) -> None:
    for i in range(5):
        draw(tmp_path / f"{i}.jpg", seed=i)
    with pytest.raises(DshError, match="too few"):
        train_copies(str(tmp_path), TrainOptions(), Silent())
    with pytest.raises(UsageError, match="batch"):
        recipe_for(30, TrainOptions(batch=31))
    assert np.isclose(
        recipe_for(5000, TrainOptions()).stages[1].steps / recipe_for(5000, TrainOptions()).steps, 0.2, atol=0.01
    )
