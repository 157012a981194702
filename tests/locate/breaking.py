"""Puts one fault into one layer of a TFLite file, and says which layer that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
DTYPES = {0: np.float32, 1: np.float16, 2: np.int32, 4: np.int64, 7: np.int16, 9: np.int8}


class Weighted:
    """One operator with weights, in a file that is open for changes."""

    def __init__(self, model: Any, operator: Any) -> None:
        self.operator = operator
        self.options = operator.builtinOptions
        self._model = model
        self._graph = model.subgraphs[0]
        self._depthwise = name_of(model, operator) == "DEPTHWISE_CONV_2D"

    def tensor(self, place: int) -> Any:
        return self._graph.tensors[self.operator.inputs[place]]

    @property
    def output(self) -> Any:
        return self._graph.tensors[self.operator.outputs[0]]

    def array(self, place: int) -> np.ndarray:
        """The values of the input at a place, to change: 1 the weights, 2 the bias."""
        tensor = self.tensor(place)
        buffer = self._model.buffers[tensor.buffer]
        if buffer.data is None:
            # The weights of fp16 files are dequantised from another tensor.
            (maker,) = (
                o for o in self._graph.operators if self.operator.inputs[place] in o.outputs
            )
            tensor = self._graph.tensors[maker.inputs[0]]
            buffer = self._model.buffers[tensor.buffer]
        buffer.data = np.array(buffer.data, np.uint8)
        return buffer.data.view(DTYPES[tensor.type]).reshape(tensor.shape)

    def channel(self, index: int) -> np.ndarray:
        """The weights of one output channel."""
        weights = self.array(1)
        return weights[..., index] if self._depthwise else weights[index]


def broken(path: Path, target: Path, layer: int, fault: Callable[[Weighted], None]) -> str:
    """Write a copy with a fault in the weighted operator number `layer`; return its tensor's name.

    The name is that of the operator's output, which holds the source's layers' names.
    """
    model: Any = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    operators = [o for o in model.subgraphs[0].operators if name_of(model, o) in WEIGHTED]
    chosen = Weighted(model, operators[layer])
    fault(chosen)
    builder = flatbuffers.Builder(path.stat().st_size)
    builder.Finish(model.Pack(builder), b"TFL3")
    target.write_bytes(bytes(builder.Output()))
    return chosen.output.name.decode()


def name_of(model: Any, operator: Any) -> str:
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return {3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 9: "FULLY_CONNECTED"}.get(number, str(number))


def double_a_channel(layer: Weighted) -> None:
    channel = layer.channel(1)
    if channel.dtype == np.int8:
        channel[...] = np.clip(channel.astype(int) * 2, -127, 127)
    else:
        channel *= 2


def shuffle_a_channel(layer: Weighted) -> None:
    channel = layer.channel(1)
    channel[...] = np.random.default_rng(0).permutation(channel.ravel()).reshape(channel.shape)


def zero_a_channel(layer: Weighted) -> None:
    layer.channel(1)[...] = 0


def drop_the_bias(layer: Weighted) -> None:
    layer.array(2)[...] = 0


def drop_the_activation(layer: Weighted) -> None:
    assert layer.options.fusedActivationFunction
    layer.options.fusedActivationFunction = 0


def double_the_scale(layer: Weighted) -> None:
    """Of the weights: in an integer file by the scale that it states, else by its numbers."""
    quantisation = layer.tensor(1).quantization
    if quantisation is not None and quantisation.scale is not None:
        quantisation.scale = np.array(quantisation.scale) * 2
        layer.tensor(2).quantization.scale = np.array(layer.tensor(2).quantization.scale) * 2
    else:
        layer.array(1)[...] *= 2


def move_the_zero_point(layer: Weighted) -> None:
    quantisation = layer.output.quantization
    quantisation.zeroPoint = np.array(quantisation.zeroPoint) + 8


def put_a_nan(layer: Weighted) -> None:
    layer.channel(1).flat[0] = np.nan


def negate(layer: Weighted) -> None:
    weights, bias = layer.array(1), layer.array(2)
    weights[...] = -weights
    bias[...] = -bias


def swap_the_input_channels(layer: Weighted) -> None:
    weights = layer.array(1)
    weights[...] = weights[..., ::-1].copy()
