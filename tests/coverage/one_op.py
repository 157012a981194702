"""Makes `.tflite` files of few operators, with whatever shapes, dtypes and options are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema


@dataclass(frozen=True, kw_only=True)
class T:
    """A tensor. With `values`, or `fill` for all of them, it is constant."""

    shape: tuple[int, ...] = (1, 8, 8, 4)
    dtype: str = "float32"
    values: Any = None
    fill: float | None = None
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    open: tuple[int, ...] = ()
    variable: bool = False


@dataclass(frozen=True, kw_only=True)
class Op:
    """An operator on tensors by index; `options` by the schema's own names."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1


def write(
    path: Path,
    tensors: Sequence[T],
    ops: Sequence[Op],
    inputs: Sequence[int] | None = None,
    outputs: Sequence[int] | None = None,
) -> Path:
    """Write a file of one graph.

    Without `inputs` and `outputs` its inputs are the tensors that nothing computes and that have
    no values, its outputs those that nothing reads.
    """
    import flatbuffers

    read = {index for op in ops for index in op.inputs}
    computed = {index for op in ops for index in op.outputs}
    if inputs is None:
        inputs = [
            index
            for index, tensor in enumerate(tensors)
            if index in read - computed and not _constant(tensor) and not tensor.variable
        ]
    if outputs is None:
        outputs = sorted(computed - read)
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    model.operatorCodes = []
    graph = schema.SubGraphT()
    graph.inputs, graph.outputs = list(inputs), list(outputs)
    graph.tensors = [_tensor(model, index, tensor) for index, tensor in enumerate(tensors)]
    graph.operators = [_operator(model, op) for op in ops]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def _constant(tensor: T) -> bool:
    return tensor.values is not None or tensor.fill is not None


def _tensor(model: Any, index: int, tensor: T) -> Any:
    made = schema.TensorT()
    made.name = f"t{index}".encode()
    made.shape = list(tensor.shape)
    made.type = getattr(schema.TensorType, tensor.dtype.upper())
    made.isVariable = tensor.variable
    if tensor.open:
        made.shapeSignature = [
            -1 if axis in tensor.open else size for axis, size in enumerate(tensor.shape)
        ]
    if tensor.scales:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = list(tensor.scales)
        made.quantization.zeroPoint = list(tensor.zero_points or (0,) * len(tensor.scales))
        made.quantization.quantizedDimension = tensor.axis
    if _constant(tensor):
        buffer = schema.BufferT()
        buffer.data = list(_data(tensor))
        made.buffer = len(model.buffers)
        model.buffers.append(buffer)
    return made


def _data(tensor: T) -> bytes:
    if tensor.dtype == "int4":
        return bytes((int(np.prod(tensor.shape)) + 1) // 2)
    if tensor.values is not None:
        return np.asarray(tensor.values, tensor.dtype).tobytes()
    return np.full(tensor.shape, tensor.fill, tensor.dtype).tobytes()


def _operator(model: Any, op: Op) -> Any:
    made = schema.OperatorT()
    made.inputs, made.outputs = list(op.inputs), list(op.outputs)
    made.opcodeIndex = len(model.operatorCodes)
    code = schema.OperatorCodeT()
    number = getattr(schema.BuiltinOperator, op.name, None)
    if number is None:
        number = schema.BuiltinOperator.CUSTOM
        code.customCode = op.name.encode()
    code.builtinCode = number
    code.deprecatedBuiltinCode = min(number, 127)
    code.version = op.version
    model.operatorCodes.append(code)
    kind = op.options.get("kind")
    if kind is not None:
        options = getattr(schema, f"{kind}T")()
        for name, value in op.options.items():
            if name != "kind":
                if not hasattr(options, name):
                    raise AttributeError(f"{kind} has no {name}")
                setattr(options, name, value)
        if hasattr(schema.BuiltinOptions, kind):
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            made.builtinOptions = options
        else:
            made.builtinOptions2Type = getattr(schema.BuiltinOptions2, kind)
            made.builtinOptions2 = options
    return made
