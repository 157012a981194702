"""Builds an ONNX graph node by node; the functions in `ops` see nothing else of ONNX.

All floats are carried as float32 and all integers as int32, whatever type the program declares for
them: ONNX Runtime has kernels for those. `round_to` brings a value into its declared type.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)

Array = NDArray[Any]

ONNX_OPSET = 21
"""New enough for all that we use, and old enough for every ONNX Runtime that we allow."""

ONNX_ML_OPSET = 4
"""Of the domain `ai.onnx.ml`, which has maps and labels."""

_IR_VERSION = 10
"""The file format that came with ONNX's opset 21."""

_ELEMENT_TYPES = {
    "float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "float64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8, "int16": TensorProto.INT16, "int32": TensorProto.INT32,
    "int64": TensorProto.INT64, "uint8": TensorProto.UINT8, "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32, "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL, "string": TensorProto.STRING,
}  # fmt: skip

_NARROW_INTEGERS = {"int8", "uint8", "int16", "uint16"}


class Graph:
    """An ONNX graph in the making. Values are known by their names in it.

    `rounds` says whether float16 values are rounded to float16.
    """

    def __init__(self, *, rounds: bool) -> None:
        """Begin an empty graph."""
        self.rounds = rounds
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []

    def input(self, name: str, dtype: str, shape: tuple[int | None, ...]) -> str:
        """Add an input of the graph, in one of ONNX's dtypes, and return its name."""
        self._inputs.append(helper.make_tensor_value_info(name, _ELEMENT_TYPES[dtype], shape))
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and return its name; an absent input is an empty text."""
        return self.nodes(operator, *inputs, count=1, domain=domain, **attributes)[0]

    def nodes(
        self, operator: str, *inputs: str, count: int, domain: str = "", **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node with several outputs and return their names."""
        number = len(self._nodes)
        outputs = tuple(f"n{number}.{index}" for index in range(count))
        self._nodes.append(
            helper.make_node(
                operator, inputs, outputs, name=f"n{number}", domain=domain, **attributes
            )
        )
        return outputs

    def constant(self, values: Any, dtype: str | None = None) -> str:
        """Add a constant, in `dtype` or else in the dtype that values of its kind are carried in.

        Shapes, axes and other parameters of ONNX's own are `dtype="int64"`.
        """
        array = np.asarray(values)
        array = array.astype(dtype or carrier(array.dtype.name), copy=False)
        name = f"c{len(self._constants)}"
        self._constants.append(
            numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        )
        return name

    def cast(self, value: str, dtype: str) -> str:
        """Convert a value to one of ONNX's dtypes; floats lose their fraction in an integer."""
        return self.node("Cast", value, to=_ELEMENT_TYPES[dtype])

    def round_to(self, value: str, dtype: str) -> str:
        """Return a carried value as the nearest that MIL's `dtype` holds, still carried.

        Floats round to the nearest, halves to even; integers wrap around.
        """
        if dtype == "float16" and self.rounds:
            return self.cast(self.cast(value, "float16"), "float32")
        if dtype in _NARROW_INTEGERS:
            return self.cast(self.cast(value, dtype), "int32")
        return value

    def model(self, outputs: dict[str, str]) -> ModelProto:
        """Return the graph as an ONNX model whose outputs, by name, are the named values."""
        last = [
            helper.make_node("Identity", [value], [name], name=f"output {index}")
            for index, (name, value) in enumerate(outputs.items())
        ]
        graph = GraphProto(
            name="program",
            node=[*self._nodes, *last],
            initializer=self._constants,
            input=self._inputs,
            # ONNX Runtime infers the types.
            output=[ValueInfoProto(name=name) for name in outputs],
        )
        opsets = [
            helper.make_opsetid("", ONNX_OPSET),
            helper.make_opsetid("ai.onnx.ml", ONNX_ML_OPSET),
        ]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def __len__(self) -> int:
        return len(self._nodes)


def carrier(dtype: str) -> str:
    """Return the dtype in which values of MIL's or numpy's `dtype` are carried."""
    if dtype.startswith(("float", "bfloat")):
        return "float32"
    if dtype.startswith(("int", "uint")):
        return "int32"
    return "object" if dtype in ("string", "object") or dtype.startswith("str") else dtype
