"""Fixtures: a home of its own for every test, pictures drawn on the spot, and a toy model that a reader can compute."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from safetensors.numpy import save_file
from typer.testing import CliRunner, Result

from dshcli.hasher.models import ENCODER, WEIGHTS, Model, ModelConfig, save_model

# `python -m dshcli` that listens to Ctrl-C even where the tests themselves run in the background, with SIGINT ignored.
INTERRUPTIBLE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from dshcli.app import main; main()"
)

TOY_LEVELS = 16  # bits per channel of the toy model


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own for every test, so that none sees the user's index or models."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("DSH_HOME", str(folder))
    monkeypatch.delenv("DSH_DB", raising=False)
    return folder


@pytest.fixture
def dsh() -> Callable[..., Result]:
    """Runs a command in this process: `dsh("index", folder)`. Output is split into stdout and stderr."""

    def run(*arguments: object, exit_code: int = 0, input: str | None = None) -> Result:
        from dshcli.app import app

        result = CliRunner().invoke(app, [str(a) for a in arguments], input=input, prog_name="dsh")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        return result

    return run


def records(result: Result) -> list[dict[str, object]]:
    """The JSON lines of a result's stdout."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def draw(path: Path, seed: int = 0, size: tuple[int, int] = (96, 64), **save: object) -> Path:
    """A picture of coloured rectangles, the same for the same seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, size).save(path, **save)
    return path


def picture(seed: int, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Rectangles of random colours on a random ground."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(rng.integers(0, 256, 3).tolist()))
    for _ in range(12):
        left, top = rng.integers(0, size[0]), rng.integers(0, size[1])
        box = (int(left), int(top), int(left + rng.integers(8, 60)), int(top + rng.integers(8, 40)))
        image.paste(tuple(rng.integers(0, 256, 3).tolist()), box)
    return image


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model of 48 bits whose code is the mean colour as a thermometer: bit i of a channel is 1 if mean >= 16 i + 8.

    So the Hamming distance of two flat pictures is the distance of their colours in steps of 16, summed over channels.
    """
    folder = tmp_path_factory.mktemp("models") / "toy"
    return save_model(folder, toy_config(), write_toy_files)


def toy_config(**changes: object) -> ModelConfig:
    values: dict[str, object] = {
        "name": "toy", "bits": 3 * TOY_LEVELS, "size": 8, "channels": 3, "mean": (0.0,) * 3, "std": (1.0,) * 3,
        "backbone": "toy", "loss": "none", "radius": 2,
    }  # fmt: skip
    return ModelConfig(**(values | changes))  # type: ignore[arg-type]


def write_toy_files(folder: Path) -> None:
    steps = (16.0 * np.arange(TOY_LEVELS) + 8).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["floats"], ["means"], axes=[1, 2], keepdims=0),
            helper.make_node("Unsqueeze", ["means", "last"], ["columns"]),
            helper.make_node("Sub", ["columns", "steps"], ["above"]),
            helper.make_node("Flatten", ["above"], ["outputs"], axis=1),
        ],
        "toy",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 8, 8, 3])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", 3 * TOY_LEVELS])],
        [
            helper.make_tensor("steps", TensorProto.FLOAT, [TOY_LEVELS], steps),
            helper.make_tensor("last", TensorProto.INT64, [1], [2]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / ENCODER)
    save_file({"steps": steps}, folder / WEIGHTS)
