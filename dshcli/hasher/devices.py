"""Which encoder runs a model where: onnxruntime on the CPU, torch on a GPU. torch is imported for a GPU alone."""

from dshcli.errors import DshError
from dshcli.hasher.encoder import AnyEncoder, Encoder
from dshcli.hasher.models import Model

CPU, CUDA = "cpu", "cuda"


def ensure_device(device: str) -> None:
    """Raises DshError, with the cause, if no network can run on that device here."""
    if device != CUDA:
        return
    import torch

    if torch.cuda.is_available():
        return
    built = torch.version.cuda
    cause = "it finds no GPU or no driver" if built else "it was built without CUDA"
    hint = "See whether nvidia-smi lists the GPU" if built else "Install a torch that was built for CUDA"
    raise DshError(
        f"--device {CUDA}: torch {torch.__version__} cannot use a GPU here: {cause}",
        hint=f"{hint}, or leave --device out to use the CPU.",
    )


def encoder_for(model: Model, *, device: str) -> AnyEncoder:
    """The model's network, loaded, on a device that is there. Raises BadModel."""
    if device == CPU:
        return Encoder(model)
    from dshcli.hasher.torch_encoder import TorchEncoder

    return TorchEncoder(model, device)
