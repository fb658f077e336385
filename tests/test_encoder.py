"""The encoder: codes a reader can compute, images that do not see each other, and errors a user can act on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import TOY_LEVELS, toy_config, write_toy_files
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from dshcli.codes import bits_from_codes, hamming
from dshcli.errors import BadModel
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.models import ENCODER, WEIGHTS, Model, builtin_folder, open_model, save_model
from dshcli.images.spec import InputSpec


def flat(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.stack([np.full((8, 8, 3), colour, np.uint8) for colour in colours])


def noise(count: int, size: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, channels), dtype=np.uint8)


def model_with(folder: Path, change: Callable[[onnx.ModelProto], None], **config: object) -> Model:
    """The toy model with its graph, or its config, changed."""

    def write(to: Path) -> None:
        write_toy_files(to)
        graph = onnx.load(to / ENCODER)
        change(graph)
        onnx.save(graph, to / ENCODER)

    return save_model(folder, toy_config(**config), write)


def same(graph: onnx.ModelProto) -> None:
    pass


def test_codes_by_hand(toy_model: Model) -> None:
    """Bit i of a channel is 1 from 16 i + 8 on: 0 sets none, 8 the first, 255 all sixteen."""
    encoder = Encoder(toy_model)
    bits = bits_from_codes(encoder.encode(flat((0, 8, 255), (40, 0, 0))), encoder.bits)
    assert bits.reshape(2, 3, TOY_LEVELS).sum(axis=2).tolist() == [[0, 1, 16], [3, 0, 0]]
    assert bits[0, TOY_LEVELS] == 1  # the first bit of the second channel


def test_what_an_encoder_tells_of_its_model(toy_model: Model) -> None:
    encoder = Encoder(toy_model)
    assert encoder.model_id == toy_model.model_id
    assert (encoder.name, encoder.bits, encoder.radius, encoder.spec) == ("toy", 48, 2, InputSpec(8, 3))


def test_no_image_at_all(toy_model: Model) -> None:
    assert Encoder(toy_model).encode(noise(0, 8)).shape == (0, 6)
    assert Encoder(toy_model, threads=2).outputs(noise(0, 8)).shape == (0, 48)


@pytest.fixture(scope="module")
def photo_outputs() -> tuple[np.ndarray, np.ndarray]:
    """Pixels for the built-in model, and the outputs of each image by itself."""
    encoder = Encoder(open_model(builtin_folder()))
    pixels = noise(7, encoder.spec.size)
    return pixels, np.concatenate([encoder.outputs(pixels[i : i + 1]) for i in range(7)])


@settings(max_examples=6, deadline=None)
@given(order=st.permutations(range(7)), size=st.integers(1, 7), threads=st.integers(1, 3))
def test_images_do_not_see_each_other(
    photo_outputs: tuple[np.ndarray, np.ndarray], order: list[int], size: int, threads: int
) -> None:
    """Equal to the last bit, whatever the order, the batch size and the threads."""
    pixels, expected = photo_outputs
    encoder = Encoder(open_model(builtin_folder()), threads=threads)
    shuffled = pixels[order]
    outputs = np.concatenate([encoder.outputs(shuffled[i : i + size]) for i in range(0, 7, size)])
    assert np.array_equal(outputs, expected[order])


def test_one_encoder_in_several_threads(photo_outputs: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, expected = photo_outputs
    encoder = Encoder(open_model(builtin_folder()))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(encoder.outputs, [pixels] * 4))
    assert all(np.array_equal(outputs, expected) for outputs in results)


def test_pixels_need_not_lie_in_one_piece(toy_model: Model) -> None:
    encoder = Encoder(toy_model)
    pixels = noise(3, 8)
    turned = np.ascontiguousarray(pixels[:, :, ::-1])
    assert np.array_equal(encoder.encode(pixels[:, :, ::-1]), encoder.encode(turned))


@pytest.mark.parametrize(
    "pixels", [noise(1, 9), noise(1, 8, 1), noise(1, 8).astype(np.float32), noise(1, 8)[0]], ids=str
)
def test_pixels_of_another_shape_or_type_are_a_bug_of_the_caller(toy_model: Model, pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="pixels must be uint8"):
        Encoder(toy_model).outputs(pixels)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"size": 16}, ["(n, 8, 8, 3)", "(n, 16, 16, 3)"]),
        ({"channels": 1, "mean": (0.0,), "std": (1.0,)}, ["(n, 8, 8, 3)", "(n, 8, 8, 1)"]),
        ({"bits": 40}, ["(n, 48)", "(n, 40)"]),
    ],
)
def test_graph_and_config_disagree(tmp_path: Path, config: dict[str, object], words: list[str]) -> None:
    model = model_with(tmp_path / "odd", same, **config)
    with pytest.raises(BadModel) as error:
        Encoder(model)
    assert all(word in str(error.value) for word in [*words, ENCODER, "config.json"])
    assert "dsh models rm toy" in error.value.hint


def test_other_names_or_types_in_the_graph(tmp_path: Path) -> None:
    def rename(graph: onnx.ModelProto) -> None:
        graph.graph.input[0].name = "image"
        graph.graph.node[0].input[0] = "image"

    with pytest.raises(BadModel, match="image"):
        Encoder(model_with(tmp_path / "name", rename))

    def retype(graph: onnx.ModelProto) -> None:
        graph.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT

    with pytest.raises(BadModel, match="tensor\\(float\\)"):
        Encoder(model_with(tmp_path / "type", retype))


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x08" * 40])
def test_a_file_that_onnxruntime_refuses(tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    def write(to: Path) -> None:
        write_toy_files(to)
        (to / ENCODER).write_bytes(content)

    with pytest.raises(BadModel, match=ENCODER) as error:
        Encoder(save_model(tmp_path / "damaged", toy_config(), write))
    assert error.value.__cause__ is not None
    assert capfd.readouterr().err == ""  # onnxruntime's own log stays silent


def test_a_graph_that_fails_while_it_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def break_shape(graph: onnx.ModelProto) -> None:
        """Outputs reshaped to more numbers than there are: only running shows it."""
        graph.graph.node[-1].output[0] = "flat"
        graph.graph.initializer.append(helper.make_tensor("seven", TensorProto.INT64, [2], [7, 48]))
        graph.graph.node.append(helper.make_node("Reshape", ["flat", "seven"], ["outputs"]))

    encoder = Encoder(model_with(tmp_path / "breaks", break_shape))
    with pytest.raises(BadModel, match=ENCODER):
        encoder.encode(flat((1, 2, 3)))
    assert capfd.readouterr().err == ""


def test_outputs_that_are_no_numbers(tmp_path: Path) -> None:
    def no_numbers(graph: onnx.ModelProto) -> None:
        steps = next(t for t in graph.graph.initializer if t.name == "steps")
        steps.CopyFrom(helper.make_tensor("steps", TensorProto.FLOAT, [TOY_LEVELS], [float("nan")] * TOY_LEVELS))

    with pytest.raises(BadModel, match="not a number"):
        Encoder(model_with(tmp_path / "nan", no_numbers)).encode(flat((1, 2, 3)))


def test_a_damaged_built_in_model_is_not_to_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_with(tmp_path / "photo", same, bits=40)
    monkeypatch.setattr("dshcli.hasher.models.builtin_folder", lambda: model.folder)
    with pytest.raises(BadModel) as error:
        Encoder(model)
    assert "install the package again" in error.value.hint


def test_a_model_that_is_gone_after_it_was_opened(toy_model: Model, tmp_path: Path) -> None:
    with pytest.raises(BadModel):
        Encoder(replace(toy_model, folder=tmp_path / "nowhere"))


def test_codes_of_the_toy_are_distances_of_colours(toy_model: Model) -> None:
    codes = Encoder(toy_model).encode(flat((0, 0, 0), (32, 16, 0)))
    assert hamming(codes[0], codes[1]) == 3
    assert (toy_model.folder / WEIGHTS).exists()
