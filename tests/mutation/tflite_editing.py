"""Changes `.tflite` files: the graph as objects, and weights as real numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

Reals = NDArray[np.float64]

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

_DTYPES = {
    schema.TensorType.FLOAT32: "f4",
    schema.TensorType.FLOAT16: "f2",
    schema.TensorType.INT8: "i1",
    schema.TensorType.UINT8: "u1",
    schema.TensorType.INT16: "i2",
    schema.TensorType.INT32: "i4",
    schema.TensorType.INT64: "i8",
}
_VERSIONS = {"PAD": 2, "RESHAPE": 1}
"""The least versions that know int8."""

_OPERATORS = {
    number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)
}


class Graph:
    """The first subgraph of a file."""

    def __init__(self, path: Path) -> None:
        self.model = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
        self.graph = self.model.subgraphs[0]

    def save(self, path: Path) -> None:
        import flatbuffers

        builder = flatbuffers.Builder(2**20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))

    def name(self, operator: Any) -> str:
        code = self.model.operatorCodes[operator.opcodeIndex]
        return _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def operators(self, *names: str) -> list[Any]:
        return [operator for operator in self.graph.operators if self.name(operator) in names]

    def tensor(self, index: int) -> Any:
        return self.graph.tensors[index]

    def layers(self) -> list[Layer]:
        """Return what has weights, in running order."""
        return [Layer(self, operator) for operator in self.operators(*WEIGHTED)]

    def constant(self, index: int) -> int:
        """Return the constant tensor behind an input: itself, or what is dequantised to it."""
        for operator in self.operators("DEQUANTIZE"):
            if operator.outputs[0] == index:
                return int(operator.inputs[0])
        return index

    def stored(self, index: int) -> NDArray[Any]:
        tensor = self.tensor(index)
        data = np.asarray(self.model.buffers[tensor.buffer].data, dtype=np.uint8)
        return data.view(_DTYPES[tensor.type]).reshape(tensor.shape).copy()

    def store(self, index: int, values: NDArray[Any]) -> None:
        tensor = self.tensor(index)
        array = np.ascontiguousarray(values, dtype=_DTYPES[tensor.type])
        assert array.shape == tuple(tensor.shape)
        self.model.buffers[tensor.buffer].data = array.view(np.uint8).ravel()

    def real(self, index: int) -> Reals:
        stored = self.stored(index).astype(np.float64)
        parameters = self.tensor(index).quantization
        if parameters is None or parameters.scale is None:
            return stored
        scales = np.asarray(parameters.scale, dtype=np.float64)
        points = np.asarray(parameters.zeroPoint, dtype=np.float64)
        shape = [1] * stored.ndim
        if len(scales) > 1:
            shape[parameters.quantizedDimension] = -1
        return (stored - points.reshape(shape)) * scales.reshape(shape)

    def scales(self, index: int) -> NDArray[np.float32]:
        return np.asarray(self.tensor(index).quantization.scale, dtype=np.float32)

    def is_quantised(self, index: int) -> bool:
        parameters = self.tensor(index).quantization
        return parameters is not None and parameters.scale is not None and len(parameters.scale) > 0

    def add_tensor(self, name: str, like: int, shape: list[int]) -> int:
        """Add a tensor that an operator will fill, of the dtype and quantisation of another."""
        model = self.tensor(like)
        self.graph.tensors.append(
            schema.TensorT(
                shape=np.asarray(shape, np.int32),
                type=model.type,
                buffer=0,
                name=name.encode(),
                quantization=model.quantization,
                hasRank=True,
            )
        )
        return len(self.graph.tensors) - 1

    def add_constant(self, name: str, values: NDArray[np.int32]) -> int:
        self.model.buffers.append(schema.BufferT(data=values.view(np.uint8).ravel()))
        self.graph.tensors.append(
            schema.TensorT(
                shape=np.asarray(values.shape, np.int32),
                type=schema.TensorType.INT32,
                buffer=len(self.model.buffers) - 1,
                name=name.encode(),
                hasRank=True,
            )
        )
        return len(self.graph.tensors) - 1

    def insert(
        self,
        before: Any,
        name: str,
        inputs: list[int],
        output: int,
        options: tuple[int, Any] = (0, None),
    ) -> None:
        """Put a new operator before another one."""
        number = getattr(schema.BuiltinOperator, name)
        self.model.operatorCodes.append(
            schema.OperatorCodeT(
                deprecatedBuiltinCode=min(number, 127),
                version=_VERSIONS[name],
                builtinCode=number,
            )
        )
        operator = schema.OperatorT(
            opcodeIndex=len(self.model.operatorCodes) - 1,
            inputs=np.asarray(inputs, np.int32),
            outputs=np.asarray([output], np.int32),
            builtinOptionsType=options[0],
            builtinOptions=options[1],
        )
        self.graph.operators.insert(_place(self.graph.operators, before), operator)

    def rename(self, operator: Any, name: str) -> None:
        """Make an operator another one with the same options."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        number = getattr(schema.BuiltinOperator, name)
        self.model.operatorCodes.append(
            schema.OperatorCodeT(
                deprecatedBuiltinCode=min(number, 127), version=code.version, builtinCode=number
            )
        )
        operator.opcodeIndex = len(self.model.operatorCodes) - 1


@dataclass
class Layer:
    """An operator with weights. Arrays are real numbers, with the output channel where it is."""

    file: Graph
    operator: Any

    @property
    def kind(self) -> str:
        return self.file.name(self.operator)

    @property
    def depthwise(self) -> bool:
        return self.kind == "DEPTHWISE_CONV_2D"

    @property
    def axis(self) -> int:
        return 3 if self.depthwise else 0

    @property
    def input_axis(self) -> int:
        return 1 if self.kind == "FULLY_CONNECTED" else 3

    @property
    def window_axes(self) -> tuple[int, ...]:
        return () if self.kind == "FULLY_CONNECTED" else (1, 2)

    @property
    def index(self) -> int:
        return self.file.constant(int(self.operator.inputs[1]))

    @property
    def bias_index(self) -> int | None:
        if len(self.operator.inputs) < 3 or self.operator.inputs[2] < 0:
            return None
        return self.file.constant(int(self.operator.inputs[2]))

    def weights(self) -> Reals:
        return self.file.real(self.index)

    def bias(self) -> Reals | None:
        return None if self.bias_index is None else self.file.real(self.bias_index)

    def set_weights(self, values: Reals) -> None:
        """Store weights as a converter would: with the scales that they need by themselves."""
        if not self.file.is_quantised(self.index):
            self.file.store(self.index, values)
            return
        bias = self.bias()
        parameters = self.file.tensor(self.index).quantization
        shape = [1] * values.ndim
        if len(parameters.scale) > 1:
            others = tuple(a for a in range(values.ndim) if a != parameters.quantizedDimension)
            largest = np.abs(values).max(axis=others)
            shape[parameters.quantizedDimension] = -1
        else:
            largest = np.abs(values).max(keepdims=True).ravel()
        scales = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        parameters.scale = scales
        self.file.store(self.index, np.clip(np.rint(values / scales.reshape(shape)), -127, 127))
        if bias is not None:
            self.rescale_bias(bias)

    def scales(self) -> Reals | None:
        if not self.file.is_quantised(self.index):
            return None
        return self.file.scales(self.index).astype(np.float64)

    def set_scales(self, scales: Reals) -> None:
        """Change the weights' scales; the bias keeps its real values."""
        bias = self.bias()
        self.file.tensor(self.index).quantization.scale = scales.astype(np.float32)
        if bias is not None and np.isfinite(scales).all():
            self.rescale_bias(bias)

    def shift_zero_point(self, steps: int) -> bool:
        if not self.file.is_quantised(self.index):
            return False
        parameters = self.file.tensor(self.index).quantization
        parameters.zeroPoint = np.asarray(parameters.zeroPoint, np.int64) + steps
        return True

    def set_bias(self, values: Reals) -> None:
        index = self.bias_index
        assert index is not None
        if self.file.is_quantised(index):
            scales = self.file.scales(index).astype(np.float64)
            values = np.rint(values / scales)
        self.file.store(index, values)

    def rescale_bias(self, bias: Reals) -> None:
        """A quantised bias has the scale of the input times that of the weights."""
        index = self.bias_index
        if index is None or not self.file.is_quantised(index):
            return
        source = self.file.scales(int(self.operator.inputs[0])).astype(np.float64)
        scales = (source[0] * self.file.scales(self.index)).astype(np.float32)
        parameters = self.file.tensor(index).quantization
        parameters.scale = np.broadcast_to(scales, parameters.scale.shape).copy()
        self.set_bias(bias)


def _place(operators: list[Any], wanted: Any) -> int:
    return next(index for index, operator in enumerate(operators) if operator is wanted)
