"""Builds an ONNX graph node by node; the functions in `ops` see nothing else of ONNX.

All floats are carried as float32 and all integers as int32, whatever type the program declares for
them: ONNX Runtime has kernels for those. `round_to` brings a value into its declared type.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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
        self._names = itertools.count()
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []

    def inner(self) -> Graph:
        """Begin the graph of a loop's body or a branch: it sees all values of this one."""
        graph = Graph(rounds=self.rounds)
        graph._names, graph._constants = self._names, self._constants
        return graph

    def body(self, outputs: Sequence[str]) -> GraphProto:
        """Return an inner graph as an attribute of a node, with the values that come out of it."""
        # A value from outside, or the same one twice, cannot be an output itself.
        own = [self.node("Identity", value) for value in outputs]
        return GraphProto(
            name=f"body {next(self._names)}",
            node=self._nodes,
            input=self._inputs,
            output=[ValueInfoProto(name=name) for name in own],
        )

    def input(self, name: str, dtype: str, shape: tuple[int | None, ...]) -> str:
        """Add an input of the graph, in one of ONNX's dtypes, and return its name.

        An empty name stands for any: that of an inner graph's input.
        """
        name = name or f"input.{next(self._names)}"
        self._inputs.append(helper.make_tensor_value_info(name, _ELEMENT_TYPES[dtype], shape))
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and return its name; an absent input is an empty text."""
        return self.nodes(operator, *inputs, count=1, domain=domain, **attributes)[0]

    def nodes(
        self, operator: str, *inputs: str, count: int, domain: str = "", **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node with several outputs and return their names."""
        number = next(self._names)
        outputs = tuple(f"node.{number}.{index}" for index in range(count))
        self._nodes.append(
            helper.make_node(
                operator, inputs, outputs, name=f"node.{number}", domain=domain, **attributes
            )
        )
        return outputs

    def constant(self, values: Any, dtype: str | None = None) -> str:
        """Add a constant, in `dtype` or else in the dtype that values of its kind are carried in.

        Shapes, axes and other parameters of ONNX's own are `dtype="int64"`.
        """
        array = np.asarray(values)
        array = array.astype(dtype or carrier(array.dtype.name), copy=False)
        name = f"constant.{len(self._constants)}"
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

    def model(self, outputs: Sequence[str]) -> ModelProto:
        """Return the graph as an ONNX model whose outputs are these values, in this order."""
        # A value may be an input, or be there twice. MIL's names hold no dots: no two names clash.
        names = [f"output.{index}" for index in range(len(outputs))]
        last = [
            helper.make_node("Identity", [value], [name], name=name)
            for name, value in zip(names, outputs, strict=True)
        ]
        graph = GraphProto(
            name="program",
            node=[*self._nodes, *last],
            initializer=self._constants,
            input=self._inputs,
            # ONNX Runtime infers the types.
            output=[ValueInfoProto(name=name) for name in names],
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
