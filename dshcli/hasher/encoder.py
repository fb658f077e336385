"""Runs a model: pixels -> outputs -> codes. On the CPU with onnxruntime; no torch here (see torch_encoder for a GPU).

An image's code must not depend on the images beside it. onnxruntime does not promise that (a matrix product may sum
in another order for another batch size, and then an output near zero changes its sign), so each image is run by
itself on one thread; several threads take several images. For the networks here that costs nothing: a convolution
gains no speed from a batch.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, codes_from_outputs
from dshcli.errors import BadModel, reason_of
from dshcli.hasher.models import ENCODER, Model
from dshcli.images.spec import InputSpec

FATAL_ONLY = 4  # onnxruntime's own log; its errors reach the user as ours

Pixels = npt.NDArray[np.uint8]
Outputs = npt.NDArray[np.float32]


class AnyEncoder(ABC):
    """A model with a way to run its network: what is known without running it, and codes from pixels."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def model_id(self) -> str:
        return self._model.model_id

    @property
    def name(self) -> str:
        return self._model.config.name

    @property
    def radius(self) -> int:
        return self._model.config.radius

    @property
    def bits(self) -> int:
        return self._model.config.bits

    @property
    def spec(self) -> InputSpec:
        return self._model.config.spec

    def encode(self, pixels: Pixels) -> Codes:
        """Packed codes (n, ceil(bits/8)) of pixels (n, size, size, channels). Raises BadModel."""
        return self.codes(self.outputs(pixels))

    def codes(self, outputs: Outputs) -> Codes:
        """Packed codes of this model's outputs (n, bits). Raises BadModel if one is not a number."""
        try:
            return codes_from_outputs(outputs)
        except ValueError as error:
            raise bad_file(self._model, ENCODER, str(error)) from error

    def outputs(self, pixels: Pixels) -> Outputs:
        """The network's outputs (n, bits) of pixels (n, size, size, channels); their signs are the bits.

        Raises BadModel if the network fails, ValueError if the pixels are not of this model's shape and type.
        """
        expected = (self.spec.size, self.spec.size, self.spec.channels)
        if pixels.dtype != np.uint8 or pixels.shape[1:] != expected:
            raise ValueError(f"pixels must be uint8 (n, {expected}), not {pixels.dtype} {pixels.shape}")
        return self._run(pixels)

    @abstractmethod
    def _run(self, pixels: Pixels) -> Outputs:
        """Outputs of pixels that have been checked."""


class Deferred(AnyEncoder):
    """An encoder that is loaded when the first image needs it: a run that finds nothing new saves half a second."""

    def __init__(self, model: Model, load: Callable[[Model], AnyEncoder]) -> None:
        super().__init__(model)
        self._load, self._lock = load, threading.Lock()

    def _run(self, pixels: Pixels) -> Outputs:
        with self._lock:  # several threads may come first
            encoder = self._loaded
        return encoder.outputs(pixels)

    @cached_property
    def _loaded(self) -> AnyEncoder:
        return self._load(self._model)


class Encoder(AnyEncoder):
    """The network of a model folder, loaded. Safe to use from several threads at once.

    Raises BadModel if onnxruntime refuses encoder.onnx or if the file's shapes are not those of config.json.
    """

    def __init__(self, model: Model, *, threads: int = 1) -> None:
        super().__init__(model)
        self._threads = threads
        self._session = _load(model)
        _check_shapes(model, self._session)

    def _run(self, pixels: Pixels) -> Outputs:
        result = np.empty((len(pixels), self.bits), np.float32)
        if self._threads == 1 or len(pixels) < 2:
            for i in range(len(pixels)):
                result[i] = self._run_one(pixels[i : i + 1])
            return result
        with ThreadPoolExecutor(self._threads) as pool:
            images = (pixels[i : i + 1] for i in range(len(pixels)))
            for i, row in enumerate(pool.map(self._run_one, images)):
                result[i] = row
        return result

    def _run_one(self, pixels: Pixels) -> Outputs:
        try:
            (outputs,) = self._session.run(["outputs"], {"pixels": pixels})
        except Exception as error:  # onnxruntime's exceptions have no common base but this one
            raise bad_file(self._model, ENCODER, reason_of(error)) from error
        row: Outputs = outputs[0]
        return row


def _load(model: Model) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    try:
        path = str(model.folder / ENCODER)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base but this one
        raise bad_file(model, ENCODER, reason_of(error)) from error


def _check_shapes(model: Model, session: Any) -> None:
    """Compares name, type and shape of the graph's ends with the config; the first axis, the batch, is free."""
    config = model.config
    expected_input = ("pixels", "tensor(uint8)", [config.size, config.size, config.channels])
    expected_output = ("outputs", "tensor(float)", [config.bits])
    for ends, expected in ((session.get_inputs(), expected_input), (session.get_outputs(), expected_output)):
        found = [(end.name, end.type, list(end.shape[1:])) for end in ends]
        if found != [expected]:
            raise bad_file(model, ENCODER, f"it has {_describe(found)} where config.json wants {_describe([expected])}")


def _describe(ends: list[tuple[str, str, list[Any]]]) -> str:
    return ", ".join(f"{name} {kind} (n, {', '.join(map(str, shape))})" for name, kind, shape in ends)


def bad_file(model: Model, file: str, reason: str) -> BadModel:
    """The error of a model one of whose files cannot be used."""
    if model.builtin:
        hint = "The built-in model is damaged: install the package again."
    else:
        hint = f"Train it again, or remove it: dsh models rm {model.config.name}"
    return BadModel(f"{model.folder / file}: {reason}", hint=hint)
