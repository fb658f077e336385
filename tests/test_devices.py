"""Where a network runs: torch's bits beside onnxruntime's, and what is said where there is no GPU."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import draw, picture, toy_config, write_toy_files
from typer.testing import Result

from dshcli.codes import bits_from_codes
from dshcli.errors import BadModel, DshError
from dshcli.hasher.devices import CUDA, encoder_for, ensure_device
from dshcli.hasher.encoder import Deferred, Encoder
from dshcli.hasher.models import WEIGHTS, Model, builtin_folder, open_model, save_model
from dshcli.hasher.torch_encoder import TOGETHER, TorchEncoder

Dsh = Callable[..., Result]
PICTURES = 120


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    size = open_model(builtin_folder()).config.size
    return np.stack([np.asarray(picture(seed, (size, size))) for seed in range(PICTURES)])


@pytest.fixture(scope="module")
def by_torch() -> TorchEncoder:
    return TorchEncoder(open_model(builtin_folder()), "cpu")


def test_bits_of_torch_and_onnxruntime(pixels: np.ndarray, by_torch: TorchEncoder, one_thread: None) -> None:
    by_onnx = Encoder(open_model(builtin_folder()))
    ours, theirs = (bits_from_codes(encoder.encode(pixels), encoder.bits) for encoder in (by_torch, by_onnx))
    assert by_torch.model_id == by_onnx.model_id
    assert ours.shape == (PICTURES, 384) and 0.2 < ours.mean() < 0.8
    assert (ours == theirs).mean() >= 0.999


def test_images_do_not_see_each_other(pixels: np.ndarray, by_torch: TorchEncoder, one_thread: None) -> None:
    some = pixels[: TOGETHER + 3]
    expected = by_torch.outputs(some)
    assert np.array_equal(by_torch.outputs(some[-5:]), expected[-5:])
    assert np.array_equal(by_torch.outputs(some[::-1]), expected[::-1])
    assert by_torch.outputs(some[:0]).shape == (0, 384)


def test_a_model_that_does_not_describe_its_network(toy_model: Model) -> None:
    with pytest.raises(BadModel, match="what network") as error:
        TorchEncoder(toy_model, "cpu")
    assert error.value.hint


def test_weights_of_another_network(tmp_path: Path) -> None:
    network = {
        "backbone": "small", "bits": 48, "size": 28, "channels": 3, "hidden": 0, "dropout": 0.0, "norm": False
    }  # fmt: skip
    model = save_model(tmp_path / "odd", toy_config(network=network), write_toy_files)
    with pytest.raises(BadModel, match=WEIGHTS) as error:
        TorchEncoder(model, "cpu")
    assert error.value.__cause__ is not None


@pytest.mark.parametrize(("built_for", "cause"), [(None, "without CUDA"), ("13.0", "no GPU")])
def test_no_cuda(built_for: str | None, cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    with pytest.raises(DshError, match=cause) as error:
        ensure_device(CUDA)
    assert "leave --device out" in error.value.hint


def test_the_commands_say_so_before_they_begin(dsh: Dsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    photo, db = draw(tmp_path / "photos" / "a.png"), tmp_path / "index.db"
    assert "Error: --device cuda" in dsh("index", photo.parent, "--db", db, "--device", "cuda", exit_code=1).stderr
    assert not db.exists()
    dsh("index", photo.parent, "--db", db)
    assert "Error: --device cuda" in dsh("query", photo, "--db", db, "--device", "cuda", exit_code=1).stderr


def test_a_gpu_run_shares_the_way_and_the_index(dsh: Dsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch on the CPU stands in for the GPU; everything else is the real command."""
    used: list[str] = []

    def on_cpu(model: Model, device: str) -> TorchEncoder:
        used.append(device)
        return TorchEncoder(model, "cpu")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    photos, db = tmp_path / "photos", tmp_path / "index.db"
    for seed in range(3):
        draw(photos / f"{seed}.png", seed)
    dsh("index", photos / "0.png", photos / "1.png", "--db", db)
    monkeypatch.setattr("dshcli.hasher.torch_encoder.TorchEncoder", on_cpu)
    result = dsh("index", photos, "--db", db, "--device", "cuda")
    assert "1 hashed, 2 unchanged" in result.stderr and used == [CUDA]
    assert dsh("query", draw(tmp_path / "new.png", 2), "--db", db, "--device", "cuda", "-r", 3).stdout.count("2.png")
    assert used == [CUDA] * 2


def test_nothing_is_loaded_before_the_first_image(toy_model: Model) -> None:
    loaded: list[Model] = []

    def load(model: Model) -> Encoder:
        loaded.append(model)
        return Encoder(model)

    deferred, one = Deferred(toy_model, load), np.zeros((1, 8, 8, 3), np.uint8)
    assert (deferred.model_id, deferred.bits, deferred.radius) == (toy_model.model_id, 48, 2) and not loaded
    expected = encoder_for(toy_model, device="cpu").encode(one)
    assert np.array_equal(deferred.encode(one), expected) and np.array_equal(deferred.encode(one), expected)
    assert len(loaded) == 1
