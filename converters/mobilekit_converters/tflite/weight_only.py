"""Stores the weights of a float model in int8, for the runtime to unpack when it loads the file.

Arithmetic stays float32: a DEQUANTIZE node stands between each packed constant and the layers that
read it. XNNPACK runs such nodes once, while it prepares; the file is a quarter as large.
"""

from __future__ import annotations

from collections.abc import Mapping
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

_LARGEST = 127
"""Weights are symmetric: -128 is left out, as in TFLite's quantisation specification."""

_PER_CHANNEL_VERSION = 5
"""The version of DEQUANTIZE that reads a scale for each channel (GetBuiltinOperatorVersion in
LiteRT's tflite/converter/tools/versioning/op_version.cc)."""

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
        self._stored: dict[tuple[int, int], tuple[int, NDArray[np.float32]]] = {}
        self._buffer = _aligned_buffer(schema)
        model.buffers = [self._buffer(buffer.data) for buffer in model.buffers]

    def pack(self, graph: Any) -> None:
        """Pack the weights of a graph, each before the first layer that reads it."""
        operators: list[Any] = []
        packed: set[int] = set()
        for operator in graph.operators:
            axis = self._axis(operator)
            if axis is not None:
                weights = operator.inputs[_WEIGHTS]
                if weights not in packed and self._pays(graph.tensors[weights], axis):
                    operators.append(self._unpacking(graph, weights, axis))
                    packed.add(weights)
            operators.append(operator)
        graph.operators = operators
        self._forget_unread()

    def _axis(self, operator: Any) -> int | None:
        code = self._model.operatorCodes[operator.opcodeIndex]
        name = self._names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "")
        return _OUTPUT_CHANNELS.get(name) if len(operator.inputs) > _WEIGHTS else None

    def _pays(self, tensor: Any, axis: int) -> bool:
        values = self._values(tensor)
        if values is None or values.ndim <= axis or not np.isfinite(values).all():
            return False
        saved = values.nbytes - values.size
        return bool(saved > _BYTES_PER_CHANNEL * values.shape[axis] + _BYTES_PER_NODE)

    def _values(self, tensor: Any) -> NDArray[np.float32] | None:
        data = self._model.buffers[tensor.buffer].data
        if tensor.type != self._schema.TensorType.FLOAT32 or data is None or not len(data):
            return None
        return np.asarray(data, np.uint8).view(np.float32).reshape(tensor.shape)

    def _unpacking(self, graph: Any, weights: int, axis: int) -> Any:
        """Store a tensor's values in a new one; return the node that unpacks them."""
        schema, tensor = self._schema, graph.tensors[weights]
        stored = schema.TensorT()
        # Nobody asks for it by name: what layers read keeps its own.
        stored.name = b""
        stored.shape = tensor.shape
        stored.type = schema.TensorType.INT8
        stored.buffer, scales = self._stored_values(tensor, axis)
        stored.quantization = schema.QuantizationParametersT()
        stored.quantization.scale = scales
        stored.quantization.zeroPoint = np.zeros(len(scales), np.int64)
        stored.quantization.quantizedDimension = axis
        graph.tensors.append(stored)
        tensor.buffer = 0
        node = schema.OperatorT()
        node.opcodeIndex = self._unpacking_code()
        node.inputs = [len(graph.tensors) - 1]
        node.outputs = [weights]
        node.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
        node.builtinOptions = schema.DequantizeOptionsT()
        return node

    def _stored_values(self, tensor: Any, axis: int) -> tuple[int, NDArray[np.float32]]:
        """Return the buffer that holds a tensor's values in int8, and their scales."""
        key = (tensor.buffer, axis)
        if key not in self._stored:
            values = self._values(tensor)
            assert values is not None
            integers, scales = quantise(values, axis)
            self._model.buffers.append(self._buffer(integers.reshape(-1).view(np.uint8)))
            self._stored[key] = (len(self._model.buffers) - 1, scales)
        return self._stored[key]

    def _unpacking_code(self) -> int:
        schema, codes = self._schema, self._model.operatorCodes
        wanted = (schema.BuiltinOperator.DEQUANTIZE, _PER_CHANNEL_VERSION)
        for index, code in enumerate(codes):
            if (code.builtinCode, code.version) == wanted:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = wanted[0]
        code.version = wanted[1]
        codes.append(code)
        return len(codes) - 1

    def _forget_unread(self) -> None:
        """Empty the buffers that no tensor of any graph has any more."""
        read = {tensor.buffer for graph in self._model.subgraphs for tensor in graph.tensors}
        for index, _ in self._stored:
            if index not in read:
                self._model.buffers[index].data = None


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
