"""Export: the written files compute what torch computes, hold nothing of this machine, and come out the same twice."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from safetensors.torch import load_file
from torch import Tensor, nn

from dshcli.errors import BadModel
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.export import FromPixels, export_files
from dshcli.hasher.models import ENCODER, WEIGHTS, Model, ModelConfig

CONFIG = ModelConfig("small", 8, 12, 3, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3), "own", "none", 1)


def network(seed: int = 0) -> nn.Module:
    """Layers with BatchNorm whose statistics are not those of a new one, so that folding them is put to the test."""
    torch.manual_seed(seed)
    layers = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(16 * 36, 24, bias=False), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 8),
    )  # fmt: skip
    for module in layers:
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -1, 1)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.2, 2)
    return layers


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 12, 12, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export_files(network(), CONFIG, folder)
    return folder


def test_pixels_are_scaled_and_normalised_by_hand() -> None:
    """An image of one colour (51, 102, 255) is (0.2, 0.4, 1.0); less the mean, over the deviation."""
    seen = FromPixels(nn.Identity(), CONFIG)(torch.tensor([51, 102, 255], dtype=torch.uint8).expand(1, 2, 2, 3))
    expected = torch.tensor([(0.2 - 0.5) / 0.2, 0.0, (1.0 - 0.3) / 0.3])
    torch.testing.assert_close(seen, expected.view(1, 3, 1, 1).expand(1, 3, 2, 2))


def test_the_graph_computes_what_torch_computes(exported: Path) -> None:
    images = pixels(5)
    with torch.no_grad():
        expected = FromPixels(network(), CONFIG).eval()(torch.from_numpy(images)).numpy()
    outputs = Encoder(Model(exported, CONFIG)).outputs(images)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert np.ptp(outputs) > 0.1


def test_any_number_of_images_at_once(exported: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported / ENCODER), providers=["CPUExecutionProvider"])
    for count in (1, 2, 9):
        assert session.run(None, {"pixels": pixels(count)})[0].shape == (count, 8)


def test_again_the_same_bytes_no_word_and_the_callers_network_untouched(
    exported: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = network().train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    before = {name: tensor.clone() for name, tensor in own.state_dict().items()}
    export_files(own, CONFIG, tmp_path)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    for name in (ENCODER, WEIGHTS):
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes()
    assert own.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in own.state_dict().items())


def test_another_network_gives_other_bytes(exported: Path, tmp_path: Path) -> None:
    export_files(network(seed=1), CONFIG, tmp_path)
    for name in (ENCODER, WEIGHTS):
        assert (tmp_path / name).read_bytes() != (exported / name).read_bytes()


def test_nothing_of_this_machine_is_in_the_graph(exported: Path) -> None:
    graph = onnx.load(exported / ENCODER)
    onnx.checker.check_model(graph)
    for tensor in graph.graph.initializer:
        tensor.ClearField("raw_data")
    words = graph.SerializeToString()
    for word in (b"/", b"File ", b"torch", b".py", b"pkg.", b"aten"):
        assert word not in words
    assert not graph.metadata_props
    assert not any(node.doc_string or node.metadata_props for node in graph.graph.node)


def test_batch_norm_is_folded_behind_convolutions(exported: Path) -> None:
    kinds = [node.op_type for node in onnx.load(exported / ENCODER).graph.node]
    assert "Conv" in kinds
    assert kinds[kinds.index("Conv") + 1] == "Relu"
    assert "Dropout" not in kinds


def test_weights_come_back_to_the_last_bit(exported: Path) -> None:
    source, copy = network(), network(seed=5)
    copy.load_state_dict(load_file(exported / WEIGHTS))
    for name, tensor in source.state_dict().items():
        assert torch.equal(copy.state_dict()[name], tensor)


def test_anyone_may_read_the_files(exported: Path) -> None:
    for name in (ENCODER, WEIGHTS):
        assert (exported / name).stat().st_mode & 0o044 == 0o044


def test_half_weights_halve_the_files_and_keep_the_codes(exported: Path, tmp_path: Path) -> None:
    export_files(network(), CONFIG, tmp_path, half_weights=True)
    assert (tmp_path / WEIGHTS).stat().st_size < 0.6 * (exported / WEIGHTS).stat().st_size
    assert (tmp_path / ENCODER).stat().st_size < 0.6 * (exported / ENCODER).stat().st_size
    images = pixels(40)
    full = Encoder(Model(exported, CONFIG)).outputs(images)
    half = Encoder(Model(tmp_path, CONFIG)).outputs(images)
    assert not np.array_equal(half, full)
    np.testing.assert_allclose(half, full, atol=0.01 * np.abs(full).max())
    for tensor in onnx.load(tmp_path / ENCODER).graph.initializer:
        assert tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2
    statistics = load_file(tmp_path / WEIGHTS)["1.running_var"]
    assert torch.equal(statistics, network().state_dict()["1.running_var"])


def test_a_layer_used_twice(tmp_path: Path) -> None:
    torch.manual_seed(0)
    twice = nn.Linear(8, 8)
    export_files(nn.Sequential(nn.Flatten(), nn.Linear(432, 8), twice, nn.ReLU(), twice), CONFIG, tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    assert torch.equal(tensors["2.weight"], twice.weight)
    assert torch.equal(tensors["4.weight"], twice.weight)


class WrongBits(nn.Module):
    """Gives other outputs whenever it is asked, as a network with chance in it would."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(12 * 12 * 3, 8)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x.flatten(1))
        return y + torch.rand_like(y)


def test_a_graph_that_disagrees_with_torch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="differ from torch's"):
        export_files(WrongBits(), CONFIG, tmp_path)
    assert not (tmp_path / ENCODER).exists()


def test_outputs_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    broken = network()
    nn.init.constant_(broken[8].bias, float("nan"))  # type: ignore[index]
    with pytest.raises(BadModel, match="nan"):
        export_files(broken, CONFIG, tmp_path)


def test_weights_too_large_for_sixteen_bits_are_refused(tmp_path: Path) -> None:
    large = network()
    nn.init.constant_(large[8].weight, 1e6)  # type: ignore[index]
    with pytest.raises(BadModel):
        export_files(large, CONFIG, tmp_path, half_weights=True)
