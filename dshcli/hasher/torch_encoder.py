"""Runs a model in torch from weights.safetensors: the way onto a GPU. Only `--device cuda` imports this.

The weights are those of encoder.onnx, and sums run in fp32 in both (TF32 is off), but in another order: an output near
zero may change its sign. Of the built-in model's bits fewer than one in a thousand does so, which is small against the
radius: codes of both devices may lie in one index.

As on the CPU, an image's code must not depend on the images beside it. A GPU is slow with single images, so batches are
of one fixed size, filled up with zeros: the same kernels run whatever the number of images.
"""

import threading

import numpy as np
import torch

from dshcli.errors import reason_of
from dshcli.hasher import networks
from dshcli.hasher.encoder import AnyEncoder, Outputs, Pixels, bad_file
from dshcli.hasher.export import FromPixels
from dshcli.hasher.models import WEIGHTS, Model

TOGETHER = 16  # images of a batch: as many as a worker of `dsh index` brings at once


class TorchEncoder(AnyEncoder):
    """The network of a model folder on a torch device. Safe to use from several threads, which take turns.

    Raises BadModel if config.json does not describe a network or weights.safetensors does not fit it.
    """

    def __init__(self, model: Model, device: str) -> None:
        super().__init__(model)
        self._device, self._lock = torch.device(device), threading.Lock()
        self._network = FromPixels(_network_of(model), model.config).eval().to(self._device)

    def _run(self, pixels: Pixels) -> Outputs:
        result = np.empty((len(pixels), self.bits), np.float32)
        full = np.zeros((TOGETHER, *pixels.shape[1:]), np.uint8)
        for at in range(0, len(pixels), TOGETHER):
            some = pixels[at : at + TOGETHER]
            full[: len(some)] = some
            result[at : at + TOGETHER] = self._run_full(full)[: len(some)]
        return result

    def _run_full(self, pixels: Pixels) -> Outputs:
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        try:
            with self._lock, torch.inference_mode(), exact:
                outputs: Outputs = self._network(torch.from_numpy(pixels).to(self._device)).cpu().numpy()
        except RuntimeError as error:  # torch has it for all that goes wrong on a GPU, its memory included
            raise bad_file(self._model, WEIGHTS, reason_of(error)) from error
        return outputs


def _network_of(model: Model) -> networks.HashNetwork:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not model.config.network:
        raise bad_file(model, WEIGHTS, "config.json does not say what network they belong to; use --device cpu")
    try:
        network = networks.build(model.config.network)
        network.load_state_dict(load_file(model.folder / WEIGHTS))  # widens fp16 on the way
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise bad_file(model, WEIGHTS, reason_of(error)) from error
    return network
