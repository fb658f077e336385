"""The networks that can be trained: `build` makes one from the plain values that a model's config keeps.

    small      four layers for gray or colour pictures of about 28 pixels (digits), 2.5 M multiply-adds
    resnet     a small residual network for many colour pictures of about 32 pixels, from scratch
    lite0      EfficientNet-lite0 with the built-in pretrained weights, for photographs
    any other  a torchvision classification model of that name

All of them map normalised pixels (n, channels, size, size) to outputs (n, bits), whose signs are the code.
"""

from typing import Any, Self

import torch
from torch import Tensor, nn

from dshcli.errors import UsageError
from dshcli.hasher.waves import longest
from dshcli.images.spec import InputSpec

SMALL, RESNET, LITE0 = "small", "resnet", "lite0"
OWN = (SMALL, RESNET, LITE0)
SMALL_SIDES = (28, 32)  # a picture up to 40 pixels is scaled to the nearest of them
SMALL_UP_TO = 40
MANY = 10_000  # small colour pictures are enough to learn from without pretrained weights
PHOTO_SIDE, TORCHVISION_SIDE = 160, 224
HIDDEN = {SMALL: 128, RESNET: 128, LITE0: 512}  # width of the layer before the bits, at least
DROPOUT = {LITE0: 0.3}  # of the features: so many of them tell a few thousand images apart without learning much

_WITH_SIDE_BRANCHES = ("googlenet", "inception_v3")  # several outputs while training


class HashNetwork(nn.Module):
    """A body that turns pixels into features (n, f), and a head that turns those into outputs (n, bits)."""

    def __init__(self, body: nn.Module, head: nn.Module, beside: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.beside = beside  # more outputs, right from the pixels, that nothing has to learn
        self._body_in_eval = False

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.body(x))
        return outputs if self.beside is None else torch.cat([outputs, self.beside(x)], dim=1)

    def keep_statistics(self) -> None:
        """From now on the body stays in eval mode: its BatchNorms keep the statistics of the data it came from.

        Its weights may still learn. Statistics of small batches of a small data set would be worse than those.
        """
        self._body_in_eval = True
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self._body_in_eval:
            self.body.eval()
        return self


def describe(backbone: str, spec: InputSpec, bits: int, *, norm: bool = False) -> dict[str, Any]:
    """What `build` needs, as values that JSON can hold. norm puts a BatchNorm behind the last layer (OrthoHash)."""
    return {
        "backbone": backbone,
        "bits": bits,
        "size": spec.size,
        "channels": spec.channels,
        "hidden": max(HIDDEN[backbone], bits) if backbone in OWN else 0,
        "dropout": DROPOUT.get(backbone, 0.0),
        "norm": norm,
    }


def build(network: dict[str, Any]) -> HashNetwork:
    """The network that `network`, made by `describe`, tells of; its weights are random.

    Raises UsageError if torchvision has no model of that name or cannot make features of it.
    """
    backbone, channels = network["backbone"], network["channels"]
    if backbone == SMALL:
        body, features = _small(channels, network["size"])
    elif backbone == RESNET:
        body, features = _resnet(channels)
    elif backbone == LITE0:
        body, features = _lite0(network.get("pool", "mean"))
    else:
        body, features = _torchvision(backbone)
    return HashNetwork(body, _head(features, network), beside_of(network))


def beside_of(network: dict[str, Any]) -> nn.Module | None:
    """The part beside the learned outputs, if the description asks for one."""
    waves = network.get("waves", 0)
    return Waves(waves, network["size"]) if waves else None


def choose_backbone(side: int, channels: int, images: int, *, pretrained: bool) -> str:
    """The backbone for so many pictures of about `side` pixels; pretrained: lite0's weights are here.

    Few small colour pictures are enlarged for lite0: what it has learned before outweighs what they can teach.
    """
    if side <= SMALL_UP_TO and channels == 1:
        return SMALL
    small_and_many = side <= SMALL_UP_TO and images >= MANY
    return LITE0 if pretrained and not small_and_many else RESNET


def choose_spec(backbone: str, side: int, channels: int) -> InputSpec:
    """The input that a backbone should get for pictures of `channels` whose shorter side is about `side` pixels."""
    if backbone == LITE0:
        return InputSpec(PHOTO_SIDE, 3)
    if backbone not in OWN:
        return InputSpec(TORCHVISION_SIDE, 3)
    if side > SMALL_UP_TO:
        return InputSpec(2 * SMALL_SIDES[1] if backbone == RESNET else SMALL_SIDES[1], channels)
    return InputSpec(min(SMALL_SIDES, key=lambda s: abs(s - side)), channels)


def _head(features: int, network: dict[str, Any]) -> nn.Sequential:
    hidden, bits = network["hidden"], network["bits"]
    layers: list[nn.Module] = []
    if network.get("dropout"):  # models that were saved before there was any do not name it
        layers.append(nn.Dropout(network["dropout"]))
    if hidden:
        layers += [nn.Linear(features, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()]
    layers.append(nn.Linear(hidden or features, bits))
    if network["norm"]:
        layers.append(nn.BatchNorm1d(bits, affine=False))
    return nn.Sequential(*layers)


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]


def _small(channels: int, size: int) -> tuple[nn.Module, int]:
    """Four layers; the first halves the side at once, since full-size maps would take most of the time."""
    a, b, c = 16, 32, 64
    body = nn.Sequential(
        *_conv(channels, a, kernel=5, stride=2), *_conv(a, b), nn.MaxPool2d(2),
        *_conv(b, c), *_conv(c, c, stride=2), nn.Flatten(),
    )  # fmt: skip
    half = -(-size // 2)
    eighth = -(-(half // 2) // 2)
    return body, c * eighth**2


class _Residual(nn.Module):
    """Two 3x3 layers beside a 1x1 shortcut, both at half the resolution (He et al., 2016)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_conv(inputs, outputs, stride=2), *_conv(outputs, outputs)[:2])
        self.shortcut = nn.Sequential(*_conv(inputs, outputs, kernel=1, stride=2)[:2])

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.layers(x) + self.shortcut(x))


def _resnet(channels: int) -> tuple[nn.Module, int]:
    a, b, c, d = 32, 64, 128, 256
    body = nn.Sequential(
        *_conv(channels, a), _Residual(a, b), _Residual(b, c), _Residual(c, d), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )  # fmt: skip
    return body, d


class Waves(nn.Module):
    """Normalised RGB pixels (n, 3, size, size) -> their `count` longest waves, without the mean: (n, count).

    The coefficients of a discrete cosine transform of the gray picture, as classic perceptual hashes take them
    (Zauner, 2010; PDQ): what compression, a smaller size or other colours leave as it is.
    """

    waves: Tensor
    chosen: Tensor

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        places = torch.arange(size, dtype=torch.float32)
        chosen = longest(count, size)
        highest = max(max(pair) for pair in chosen) + 1
        cosines = torch.cos(torch.pi / size * (places + 0.5) * places[:highest, None])  # (frequency, place)
        # They can be made again, so that no file has to keep them.
        self.register_buffer("waves", cosines, persistent=False)
        self.register_buffer("chosen", torch.tensor([y * highest + x for x, y in chosen]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        gray = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
        return (self.waves @ gray @ self.waves.T).flatten(1).index_select(1, self.chosen)


class PowerMean(nn.Module):
    """Maps (n, c, h, w), none negative, to their means of power 3: GeM pooling (Radenovic et al., TPAMI 2019).

    It follows the strongest places of a map, which a crop or a frame around the picture leaves as they are.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=1e-3).pow(3).mean(dim=(2, 3), keepdim=True).pow(1 / 3)


def _lite0(pool: str) -> tuple[nn.Module, int]:
    from dshcli.hasher.lite0 import FEATURES, Lite0

    return nn.Sequential(Lite0(), PowerMean() if pool == "power" else nn.AdaptiveAvgPool2d(1), nn.Flatten()), FEATURES


def _torchvision(name: str) -> tuple[nn.Module, int]:
    """A torchvision classifier without its last linear layer, and the number of features that go into it."""
    from torchvision import models

    if name not in models.list_models(module=models) or name in _WITH_SIDE_BRANCHES:
        raise UsageError(
            f"there is no backbone named {name!r}",
            hint=f"Choose auto, {', '.join(OWN)} or a classification model of torchvision, such as resnet18.",
        )
    model: nn.Module = models.get_model(name, weights=None)
    linear = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise UsageError(f"{name} does not end in one linear layer", hint="Choose another, such as resnet18.")
    path, last = linear[-1]
    parent, _, place = path.rpartition(".")
    setattr(model.get_submodule(parent), place, nn.Identity())
    return model, last.in_features
