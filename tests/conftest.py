"""Fixtures: a home of its own for every test, pictures drawn on the spot, and a toy model that a reader can compute."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from safetensors.numpy import save_file
from typer.testing import CliRunner, Result

from dshcli.hasher.models import ENCODER, WEIGHTS, Model, ModelConfig, save_model
from dshcli.progress import Silent

sys.path.append(str(Path(__file__).parents[1]))  # for tests.benchmarks; last, so that an installed dshcli comes first

# `python -m dshcli` that listens to Ctrl-C even where the tests themselves run in the background, with SIGINT ignored.
INTERRUPTIBLE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from dshcli.app import main; main()"
)

KINDS = ("block", "frame", "lying", "standing")  # of drawings
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


@pytest.fixture(scope="session")
def copies_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The toy model as if trained on copies: radius 2, and rates of false pairs up to radius 6."""
    folder = tmp_path_factory.mktemp("models") / "copies"
    rates = (0.0, 0.0, 0.0001, 0.001, 0.01, 0.1, 0.2)
    return save_model(folder, toy_config(name="copies", false_rates=rates), write_toy_files)


def toy_config(**changes: object) -> ModelConfig:
    values: dict[str, object] = {
        "name": "toy", "bits": 3 * TOY_LEVELS, "size": 8, "channels": 3, "mean": (0.0,) * 3, "std": (1.0,) * 3,
        "backbone": "toy", "loss": "none", "radius": 2,
    }  # fmt: skip
    return ModelConfig(**(values | changes))  # type: ignore[arg-type]


def write_toy_files(folder: Path, channels: int = 3) -> None:
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
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 8, 8, channels])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", channels * TOY_LEVELS])],
        [
            helper.make_tensor("steps", TensorProto.FLOAT, [TOY_LEVELS], steps),
            helper.make_tensor("last", TensorProto.INT64, [1], [2]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / ENCODER)
    save_file({"steps": steps}, folder / WEIGHTS)


class Listener(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


def shapes(folder: Path, each: int, kinds: tuple[str, ...] = KINDS, tint: int = 0) -> Path:
    """Class folders of drawings of 28 pixels, gray or tinted: a block, a frame, a bar lying, a bar standing."""
    rng = np.random.default_rng(each)
    for number in range(each * len(kinds)):
        kind, at = kinds[number % len(kinds)], int(rng.integers(5, 14))
        pixels = rng.integers(0, 60, (28, 28, 3), dtype=np.uint8)
        pixels[:] = pixels[:, :, :1]
        part = {
            "standing": np.s_[3:25, at : at + 4],
            "lying": np.s_[at : at + 4, 3:25],
            "block": np.s_[at : at + 9, at : at + 9],
            "frame": np.s_[at - 3 : at + 12, at - 3 : at + 12],
        }[kind]
        pixels[part] = (220, 220 - tint, 220)
        if kind == "frame":
            pixels[at : at + 9, at : at + 9] = 30
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / kind / f"{number:03}.png")
    return folder


def idx_bytes(array: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """IDX files of three classes that can be learned in a moment: a bar that lies, stands, or both; 180 + 60 images."""
    folder = tmp_path_factory.mktemp("data") / "bars"
    folder.mkdir()
    random = np.random.default_rng(0)
    for part, count in (("train", 180), ("t10k", 60)):
        labels = (np.arange(count) % 3).astype(np.uint8)
        images = random.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            place = int(random.integers(8, 18))
            if label != 1:
                image[place : place + 3, 4:24] = 230
            if label != 0:
                image[4:24, place : place + 3] = 230
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch's threads wait for each other by spinning, which costs more than these small networks do."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def weights_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves models without an encoder.onnx that runs: the exporter takes longer than these trainings."""

    from safetensors.torch import save_file as save_tensors

    from dshcli.hasher import training

    def write(network: Any, config: ModelConfig, folder: Path) -> None:
        (folder / ENCODER).touch()
        save_tensors({name: t.contiguous() for name, t in network.state_dict().items()}, folder / WEIGHTS)

    monkeypatch.setattr(training, "export_files", write)


@contextmanager
def as_nobody() -> Iterator[None]:
    """For root, whom permissions do not bind: this process acts as a user whom they do."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="dsh-test-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)
