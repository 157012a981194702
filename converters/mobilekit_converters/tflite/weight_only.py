"""Stores the weights of a float model in int8, for the runtime to unpack when it loads the file.

Arithmetic stays float32: a DEQUANTIZE node stands between each packed constant and the layers that
read it. XNNPACK runs such nodes once, while it prepares; the file is a quarter as large.

To LiteRT's GPU accelerator such weights are no constants, and two things are computed wrong with
those in LiteRT 2.3.0 (tests/coverage/ asks it): it forgets the bias of a dense layer, so that an
ADD stands for it here, and it does not know groups, so that the weights of grouped convolutions are
stored in float16, which it looks through.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mobilekit_converters.tflite.flatbuffer import IDENTIFIER

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WEIGHTS = 1
"""Which input of a layer its weights are."""

_OUTPUT_CHANNELS: Mapping[str, int] = {
    "CONV_2D": 0,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 0,
    "TRANSPOSE_CONV": 0,
}
"""By layer, the dimension of its weights whose channels get a scale each."""

_BIAS = 2
"""Which input of a dense layer its bias is."""

_PRODUCT = b"/product"
"""What follows a dense layer's name for its result without the bias."""

_LARGEST = 127
"""Weights are symmetric: -128 is left out, as in TFLite's quantisation specification."""

_PER_CHANNEL_VERSION = 5
"""The version of DEQUANTIZE that reads a scale for each channel (GetBuiltinOperatorVersion in
LiteRT's tflite/converter/tools/versioning/op_version.cc)."""

_FLOAT16_VERSION = 3
"""The version that reads float16 (as above)."""

_BYTES_PER_CHANNEL = 12
"""A float32 scale and an int64 zero point."""

_BYTES_PER_NODE = 256
"""More than what a node, a tensor and a buffer take in the file."""

_ALIGNMENT = 16
"""What the schema asks of a buffer's data (`force_align` in schema.fbs)."""


def store_weights_in_int8(content: bytes) -> bytes:
    """Return a `.tflite` file with the float32 weights of its layers in int8.

    Weights that would save less than their scales cost stay as they are, and so do those with
    values that are not finite.

    Args:
        content: a file that TensorFlow's converter wrote.
    """
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    packing = _Packing(schema, model)
    for graph in model.subgraphs:
        packing.pack(graph)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


class _Packing:
    """Packs the weights of one model; those that layers or graphs share are stored once."""

    def __init__(self, schema: Any, model: Any) -> None:
        self._schema = schema
        self._model = model
        self._names = {
            number: name
            for name, number in vars(schema.BuiltinOperator).items()
            if name in _OUTPUT_CHANNELS
        }
        self._stored: dict[tuple[int, int | None], Any] = {}
        self._buffer = _aligned_buffer(schema)
        model.buffers = [self._buffer(buffer.data) for buffer in model.buffers]

    def pack(self, graph: Any) -> None:
        """Pack the weights of a graph, each before the first layer that reads it."""
        layers = [(self._name(operator), operator) for operator in graph.operators]
        groups = {
            layer.inputs[_WEIGHTS] for name, layer in layers if _is_grouped(name, layer, graph)
        }
        operators: list[Any] = []
        packed: set[int] = set()
        for name, operator in layers:
            weights = operator.inputs[_WEIGHTS] if name else -1
            if weights not in packed and self._pays(graph, weights, name):
                axis = None if weights in groups else _OUTPUT_CHANNELS[name]
                operators.append(self._unpacking(graph, weights, axis))
                packed.add(weights)
            operators.append(operator)
            if name == "FULLY_CONNECTED" and weights in packed:
                operators.extend(self._bias_apart(graph, operator))
        graph.operators = operators
        self._forget_unread()

    def _name(self, operator: Any) -> str:
        """Return the name of a layer whose weights are packed; none of another operator."""
        code = self._model.operatorCodes[operator.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        return str(self._names.get(number, ""))

    def _bias_apart(self, graph: Any, dense: Any) -> Iterator[Any]:
        """Take the bias out of a dense layer; yield the node that adds it, if there was one."""
        schema = self._schema
        if len(dense.inputs) <= _BIAS or dense.inputs[_BIAS] < 0:
            return
        (result,) = dense.outputs
        product = copy.copy(graph.tensors[result])
        product.name = graph.tensors[result].name + _PRODUCT
        graph.tensors.append(product)
        adding = schema.OperatorT()
        adding.opcodeIndex = self._code(schema.BuiltinOperator.ADD, 1)
        adding.inputs = [len(graph.tensors) - 1, dense.inputs[_BIAS]]
        adding.outputs = [result]
        adding.builtinOptionsType = schema.BuiltinOptions.AddOptions
        adding.builtinOptions = schema.AddOptionsT()
        options = dense.builtinOptions
        adding.builtinOptions.fusedActivationFunction = options.fusedActivationFunction
        options.fusedActivationFunction = schema.ActivationFunctionType.NONE
        dense.inputs = [*dense.inputs[:_BIAS], -1]
        dense.outputs = [len(graph.tensors) - 1]
        yield adding

    def _pays(self, graph: Any, weights: int, name: str) -> bool:
        values = self._values(graph.tensors[weights]) if name else None
        if values is None or not np.isfinite(values).all():
            return False
        channels = values.shape[_OUTPUT_CHANNELS[name]]
        saved = values.nbytes - values.size
        return bool(saved > _BYTES_PER_CHANNEL * channels + _BYTES_PER_NODE)

    def _values(self, tensor: Any) -> NDArray[np.float32] | None:
        data = self._model.buffers[tensor.buffer].data
        if tensor.type != self._schema.TensorType.FLOAT32 or data is None or not len(data):
            return None
        return np.asarray(data, np.uint8).view(np.float32).reshape(tensor.shape)

    def _unpacking(self, graph: Any, weights: int, axis: int | None) -> Any:
        """Store a tensor's values in a new one; return the node that unpacks them."""
        schema, tensor = self._schema, graph.tensors[weights]
        key = (tensor.buffer, axis)
        if key not in self._stored:
            values = self._values(tensor)
            assert values is not None
            self._stored[key] = self._halves(values) if axis is None else self._bytes(values, axis)
        # Nobody asks for it by name: what layers read keeps its own.
        stored = copy.copy(self._stored[key])
        stored.shape = tensor.shape
        graph.tensors.append(stored)
        tensor.buffer = 0
        node = schema.OperatorT()
        version = _FLOAT16_VERSION if axis is None else _PER_CHANNEL_VERSION
        node.opcodeIndex = self._code(schema.BuiltinOperator.DEQUANTIZE, version)
        node.inputs = [len(graph.tensors) - 1]
        node.outputs = [weights]
        node.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
        node.builtinOptions = schema.DequantizeOptionsT()
        return node

    def _bytes(self, values: NDArray[np.float32], axis: int) -> Any:
        """Return a tensor that holds values in int8, with a scale for each channel."""
        schema = self._schema
        integers, scales = quantise(values, axis)
        stored = self._constant(integers, schema.TensorType.INT8)
        stored.quantization = schema.QuantizationParametersT()
        stored.quantization.scale = scales
        stored.quantization.zeroPoint = np.zeros(len(scales), np.int64)
        stored.quantization.quantizedDimension = axis
        return stored

    def _halves(self, values: NDArray[np.float32]) -> Any:
        """Return a tensor that holds values in float16."""
        return self._constant(values.astype(np.float16), self._schema.TensorType.FLOAT16)

    def _constant(self, values: NDArray[Any], dtype: int) -> Any:
        self._model.buffers.append(self._buffer(values.reshape(-1).view(np.uint8)))
        stored = self._schema.TensorT()
        stored.name = b""
        stored.type = dtype
        stored.buffer = len(self._model.buffers) - 1
        return stored

    def _code(self, operator: int, version: int) -> int:
        """Return the place of an operator's version among the file's codes."""
        codes = self._model.operatorCodes
        for index, code in enumerate(codes):
            if (code.builtinCode, code.version) == (operator, version):
                return index
        code = self._schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = operator
        code.version = version
        codes.append(code)
        return len(codes) - 1

    def _forget_unread(self) -> None:
        """Empty the buffers that no tensor of any graph has any more."""
        read = {tensor.buffer for graph in self._model.subgraphs for tensor in graph.tensors}
        for index, _ in self._stored:
            if index not in read:
                self._model.buffers[index].data = None


def _is_grouped(name: str, operator: Any, graph: Any) -> bool:
    if name != "CONV_2D":
        return False
    image, weights = (graph.tensors[index].shape for index in operator.inputs[: _WEIGHTS + 1])
    return bool(image[-1] != weights[-1])


def quantise(
    values: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round weights to int8, symmetrically, with a scale for each channel along an axis.

    Returns:
        The integers, of the shape of `values`, and as many scales as there are channels. A channel
        of zeros has the scale 1.
    """
    others = tuple(index for index in range(values.ndim) if index != axis)
    largest = np.abs(values).max(axis=others)
    scales = np.where(largest > 0, largest / _LARGEST, 1).astype(np.float32)
    # A scale that is too small for float32 would be 0; its weights round to 0 anyway.
    scales[scales == 0] = np.finfo(np.float32).tiny
    spread = scales.reshape([-1 if index == axis else 1 for index in range(values.ndim)])
    integers = np.clip(np.rint(values / spread), -_LARGEST, _LARGEST)
    return integers.astype(np.int8), scales


def _aligned_buffer(schema: Any) -> Any:
    """Return the class of buffers whose data lie where the schema wants them.

    The generated one forgets `force_align`.
    """

    class Buffer(schema.BufferT):  # type: ignore[misc]
        def __init__(self, data: Any) -> None:
            super().__init__()
            self.data = data

        def Pack(self, builder: Any) -> Any:  # noqa: N802
            place = None if self.data is None else _aligned_vector(builder, self.data)
            schema.BufferStart(builder)
            if place is not None:
                schema.BufferAddData(builder, place)
            return schema.BufferEnd(builder)

    return Buffer


def _aligned_vector(builder: Any, data: Any) -> Any:
    content = np.asarray(data, np.uint8).tobytes()
    builder.StartVector(1, len(content), _ALIGNMENT)
    builder.head -= len(content)
    builder.Bytes[builder.head : builder.head + len(content)] = content
    return builder.EndVector()
