"""The program of a `.tflite` file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.program.program import Operator, Program, Reals, Weights
from mobilekit_converters.tflite.flatbuffer import Model, Subgraph, Tensor, read_model
from mobilekit_converters.tflite.flatbuffer import Operator as StoredOperator
from mobilekit_delegates.targets import UnsupportedError

STORAGE = ("QUANTIZE", "DEQUANTIZE", "CAST")
"""Operators that change how numbers are stored, and not what they are."""

PADS = ("PAD", "PADV2")

CHANNEL_AXES = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
"""The axis of an operator's weights that counts output channels."""

_HOW_TO_STORE = (
    "asymmetricQuantizeInputs",
    "diagonalRecurrentTensors",
    "potScaleInt16",
    "quantSpec",
    "quantizedBiasType",
    "weightsFormat",
)
"""Options that say how a precision computes, and not what."""

_WITHOUT_BIAS = 2
"""How many inputs a dense layer has without its bias."""

_ACTIVATION = "fusedActivationFunction"

_SUMS = ("int32", "int64")
"""What quantised biases are stored in."""

_WINDOW = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D")

_NUMPY = {
    "float32": "f4", "float16": "f2", "float64": "f8",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8", "bool": "?",
}  # fmt: skip


def read_tflite_program(path: Path) -> Program:
    """Read the program of a file's first graph.

    Raises:
        SourceError: the file cannot be read or is no whole TFLite model.
        UnsupportedError: it has several graphs, or weights of less than eight bits.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(path)
    if len(model.subgraphs) != 1:
        raise UnsupportedError(
            f"{path.name} has {len(model.subgraphs)} graphs: its loops and branches are not read."
        )
    stored = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    return _Reader(model, stored).program()


class _Reader:
    def __init__(self, model: Model, stored: Any) -> None:
        self._graph: Subgraph = model.subgraphs[0]
        self._buffers = stored.buffers
        self._options = [operator.builtinOptions for operator in stored.subgraphs[0].operators]
        self._options_2 = [operator.builtinOptions2 for operator in stored.subgraphs[0].operators]
        self._sources: dict[int, int | str] = {
            index: f"input {place}" for place, index in enumerate(self._graph.inputs)
        }
        self._constants = {
            index
            for index, tensor in enumerate(self._graph.tensors)
            if tensor.constant_bytes is not None
        }
        # A constant that is dequantised is still a constant, and a padded tensor is the tensor.
        self._origin: dict[int, int] = {}
        self._padding: dict[int, tuple[int, Any]] = {}

    def program(self) -> Program:
        found: list[Operator] = []
        for place, operator in enumerate(self._graph.operators):
            if operator.name in STORAGE:
                self._pass_on(operator)
            elif operator.name in PADS and self._only_pads_windows(operator):
                pads = self._array(operator.inputs[1])
                self._padding[operator.outputs[0]] = (operator.inputs[0], pads)
            elif self._only_adds_a_bias(operator, found):
                layer = self._sources[operator.inputs[0]]
                assert isinstance(layer, int)
                found[layer] = self._with_bias(found[layer], self._operator(place, operator))
                self._sources[operator.outputs[0]] = layer
            else:
                found.append(self._operator(place, operator))
                for output in operator.outputs:
                    self._sources[output] = len(found) - 1
        return tuple(found)

    def _pass_on(self, operator: StoredOperator) -> None:
        source, result = operator.inputs[0], operator.outputs[0]
        origin = self._origin.get(source, source)
        if origin in self._constants:
            self._origin[result] = origin
        else:
            self._sources[result] = self._sources[source]

    def _only_pads_windows(self, operator: StoredOperator) -> bool:
        """A window whose input is padded first is one with that padding of its own."""
        readers = [other for other in self._graph.operators if operator.outputs[0] in other.inputs]
        return bool(readers) and all(
            reader.name in _WINDOW[:2] and reader.inputs[0] == operator.outputs[0]
            for reader in readers
        )

    def _only_adds_a_bias(self, operator: StoredOperator, found: Sequence[Operator]) -> bool:
        """A dense layer whose result gets a constant added is one with that bias."""
        if operator.name != "ADD" or len(operator.inputs) != 2:
            return False
        result, bias = operator.inputs
        layer = self._sources.get(result, "")
        origin = self._origin.get(bias, bias)
        return (
            isinstance(layer, int)
            and found[layer].kind == "FULLY_CONNECTED"
            and len(found[layer].sources) == _WITHOUT_BIAS
            and not found[layer].options.get(_ACTIVATION)
            and origin in self._constants
            and len(self._graph.tensors[origin].shape) == 1
            and result not in self._graph.outputs
            and sum(result in other.inputs for other in self._graph.operators) == 1
        )

    def _with_bias(self, layer: Operator, adding: Operator) -> Operator:
        (bias,) = adding.weights.values()
        whole = replace(
            layer,
            result=adding.result,
            range=adding.range,
            options={**layer.options, _ACTIVATION: adding.options[_ACTIVATION]},
        )
        if not bias.values.any():
            return whole
        return replace(
            whole,
            sources=(*layer.sources, f"constant {_WITHOUT_BIAS}"),
            weights={**layer.weights, f"input {_WITHOUT_BIAS}": replace(bias, axis=0)},
        )

    def _operator(self, place: int, operator: StoredOperator) -> Operator:
        options = {
            **_told(self._options[place]),
            **_told(self._options_2[place]),
            **self._paddings(place, operator),
        }
        sources: list[int | str] = []
        weights: dict[str, Weights] = {}
        for number, index in enumerate(operator.inputs):
            if index == -1:
                sources.append("none")
                continue
            index = self._padding.get(index, (index, None))[0]
            origin = self._origin.get(index, index)
            if origin not in self._constants:
                # A variable is state that the file begins with.
                sources.append(self._sources.get(index, "state"))
                continue
            tensor = self._graph.tensors[origin]
            sources.append(f"constant {number}")
            if _is_real(tensor):
                values = self._real(origin)
                axis = CHANNEL_AXES.get(operator.name)
                # Zero is how converters write a bias that is not there.
                if number == 2 and axis is not None and not values.any():
                    sources[-1] = "none"
                    continue
                weights[f"input {number}"] = Weights(
                    values=values,
                    axis=0 if axis is not None and values.ndim == 1 else axis,
                    step=self._scales(origin) if tensor.dtype in _SUMS else None,
                )
            else:
                options[f"input {number}"] = self._array(origin).tolist()
        while sources and sources[-1] == "none":
            sources.pop()
        return Operator(
            kind=operator.name,
            result=self._graph.tensors[operator.outputs[0]].name if operator.outputs else "",
            sources=tuple(sources),
            options=options,
            weights=weights,
            range=_range(self._graph.tensors[operator.outputs[0]]) if operator.outputs else None,
        )

    def _paddings(self, place: int, operator: StoredOperator) -> Mapping[str, object]:
        """Say in numbers what SAME, VALID and a PAD before the operator come to."""
        if operator.name not in _WINDOW:
            return {}
        options = self._options[place]
        source = operator.inputs[0]
        before = np.zeros((4, 2), np.int64)
        if source in self._padding:
            source, before = self._padding[source]
        tensors = self._graph.tensors
        result = tensors[operator.outputs[0]].shape
        if operator.name in CHANNEL_AXES:
            window = tensors[operator.inputs[1]].shape[1:3]
        else:
            window = (options.filterHeight, options.filterWidth)
        dilations = (getattr(options, "dilationHFactor", 1), getattr(options, "dilationWFactor", 1))
        padding = []
        for axis, stride in ((1, options.strideH), (2, options.strideW)):
            size = tensors[source].shape[axis] + int(before[axis].sum())
            reach = (window[axis - 1] - 1) * dilations[axis - 1] + 1
            total = max((result[axis] - 1) * stride + reach - size, 0)
            same = (total // 2, total - total // 2) if options.padding == 0 else (0, 0)
            padding.append((int(before[axis][0]) + same[0], int(before[axis][1]) + same[1]))
        return {"padding": tuple(padding)}

    def _array(self, index: int) -> NDArray[Any]:
        tensor = self._graph.tensors[index]
        if tensor.dtype not in _NUMPY:
            raise UnsupportedError(
                f"The constant {tensor.name!r} is {tensor.dtype}, which is not read back here."
            )
        data = np.asarray(self._buffers[tensor.buffer].data, dtype=np.uint8)
        return data.view(_NUMPY[tensor.dtype]).reshape(tensor.shape)

    def _real(self, index: int) -> Reals:
        values = self._array(index).astype(np.float64)
        quantisation = self._graph.tensors[index].quantisation
        if quantisation is None:
            return values
        scales = self._scales(index)
        points = np.asarray(quantisation.zero_points, np.float64).reshape(scales.shape)
        real: Reals = (values - points) * scales
        return real

    def _scales(self, index: int) -> Reals:
        """Return a quantised tensor's scales in a shape that fits its values."""
        tensor = self._graph.tensors[index]
        assert tensor.quantisation is not None
        shape = [1] * len(tensor.shape)
        if tensor.quantisation.axis is not None:
            shape[tensor.quantisation.axis] = -1
        return np.asarray(tensor.quantisation.scales, np.float64).reshape(shape)


def _is_real(tensor: Tensor) -> bool:
    return tensor.dtype.startswith("float") or tensor.quantisation is not None


def _range(tensor: Tensor) -> tuple[float, float] | None:
    quantisation = tensor.quantisation
    if quantisation is None or not tensor.dtype.startswith(("int", "uint")):
        return None
    stored = np.iinfo(tensor.dtype)
    (scale, *_), (point, *_) = quantisation.scales, quantisation.zero_points
    return (int(stored.min) - point) * scale, (int(stored.max) - point) * scale


def _told(options: Any) -> dict[str, object]:
    """Return an operator's options as comparable values."""
    if options is None:
        return {}
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(options).items()
        if name not in _HOW_TO_STORE
    }
