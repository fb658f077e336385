"""From a trained torch network to the two files of a model folder: encoder.onnx and weights.safetensors.

Exporting the same network twice gives the same bytes, so that a model's id can be reproduced: all that torch writes
into a graph beside the computation (source paths, stack traces, versions) is taken out again.
"""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dshcli.errors import BadModel
from dshcli.hasher.models import ENCODER, WEIGHTS, ModelConfig

OPSET = 18  # what torch's exporter speaks without converting
TOLERANCE, HALF_TOLERANCE = 1e-4, 3e-2  # of the largest output: what rounding explains
CHECKED_IMAGES = 3
HINT = "Nothing was saved. A newer torch, onnx or onnxruntime may export this network rightly."


class FromPixels(nn.Module):
    """uint8 pixels (n, size, size, channels) -> the network's outputs (n, bits): scaling and normalisation included."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, config: ModelConfig) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(config.mean))
        self.register_buffer("std", torch.tensor(config.std))

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.to(torch.float32) / 255 - self.mean) / self.std
        outputs: Tensor = self.network(x.permute(0, 3, 1, 2))
        return outputs


def export_files(network: nn.Module, config: ModelConfig, folder: Path, *, half_weights: bool = False) -> None:
    """Writes encoder.onnx and weights.safetensors into `folder`.

    network maps normalised pixels (n, channels, size, size) to outputs (n, bits). It is exported in eval mode from a
    copy on the CPU; the caller's own stays as it is. With half_weights matrices and kernels are stored as
    fp16 and widened when loaded: half the size, and the computation stays fp32.

    Raises BadModel if the written graph does not give the outputs that torch gives.
    """
    on_cpu = FromPixels(copy.deepcopy(network).cpu(), config).eval()
    _write_weights(on_cpu.network, folder / WEIGHTS, half_weights)
    _write_encoder(on_cpu, config, folder / ENCODER, half_weights)


def _write_weights(network: nn.Module, path: Path, half_weights: bool) -> None:
    from safetensors.torch import save

    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in network.state_dict().items()}
    if half_weights:
        tensors = {name: t.half() if t.is_floating_point() and t.ndim > 1 else t for name, t in tensors.items()}
    path.write_bytes(save(tensors))  # save_file would make it readable by its owner alone


def _write_encoder(from_pixels: FromPixels, config: ModelConfig, path: Path, half_weights: bool) -> None:
    graph = _to_onnx(from_pixels, config)
    _strip(graph)
    pixels = _some_pixels(CHECKED_IMAGES, config)
    with torch.inference_mode():
        expected = from_pixels(torch.from_numpy(pixels)).numpy()
    _check_outputs(graph, pixels, expected, TOLERANCE)
    if half_weights:
        _halve(graph)
        _check_outputs(graph, pixels, expected, HALF_TOLERANCE)
    path.write_bytes(graph.SerializeToString(deterministic=True))


def _some_pixels(count: int, config: ModelConfig) -> np.ndarray[Any, np.dtype[np.uint8]]:
    shape = (count, config.size, config.size, config.channels)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _to_onnx(from_pixels: FromPixels, config: ModelConfig) -> Any:
    example = torch.from_numpy(_some_pixels(2, config))  # a batch of 1 would be taken for a constant
    with _quiet_exporter():
        program = torch.onnx.export(
            from_pixels,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=["outputs"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            verbose=False,
        )
    assert program is not None  # torch gives one whenever dynamo=True
    return program.model_proto


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silences the exporter's remarks about its own innards; real failures are exceptions."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _strip(model: Any) -> None:
    """Takes out what is not computation: it names this machine's paths and differs from run to run."""
    graph = model.graph
    model.producer_name, model.producer_version, model.doc_string = "dsh", "", ""
    graph.name, graph.doc_string = "encoder", ""
    del model.metadata_props[:]
    del graph.metadata_props[:]
    del graph.value_info[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]


def _halve(model: Any) -> None:
    """Stores matrices and kernels as fp16, each followed by a Cast that onnxruntime folds away when it loads."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        name = tensor.name
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, and the check refuses that
            half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _check_outputs(model: Any, pixels: Any, expected: Any, tolerance: float) -> None:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(["outputs"], {"pixels": pixels})
    if outputs.shape != expected.shape:
        raise BadModel(f"the exported network gives outputs {outputs.shape}, not {expected.shape}", hint=HINT)
    error = float(np.abs(outputs - expected).max() / max(1.0, float(np.abs(expected).max())))
    if not error <= tolerance:  # so that a NaN is an error too
        raise BadModel(f"the exported network's outputs differ from torch's by {error:.1g}", hint=HINT)
