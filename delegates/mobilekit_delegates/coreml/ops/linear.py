"""Products of matrices."""

from __future__ import annotations

import numpy as np

from mobilekit_delegates.coreml.graph import Graph, carrier
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


@op("linear")
def linear(graph: Graph, op: Op) -> str:
    """`x @ transpose(weight) + bias`."""
    dtype = _common_dtype(op, "x", "weight")
    weight = graph.constant(op.array("weight").T, dtype)
    product = graph.node("MatMul", _as(graph, op, "x", dtype), weight)
    if op.has("bias"):
        product = graph.node("Add", product, _as(graph, op, "bias", dtype))
    return _as_declared(graph, op, product, dtype)


@op("matmul")
def matmul(graph: Graph, op: Op) -> str:
    """A product with numpy's rules of broadcasting."""
    dtype = _common_dtype(op, "x", "y")
    operands = [_transposed(graph, op, name, dtype) for name in ("x", "y")]
    return _as_declared(graph, op, graph.node("MatMul", *operands), dtype)


def _common_dtype(op: Op, *names: str) -> str:
    """The dtype to compute in: from iOS 17 on, an operand may hold integers and another floats."""
    return "float32" if any(op.input(name).is_float for name in names) else "int32"


def _as(graph: Graph, op: Op, name: str, dtype: str) -> str:
    value = op.tensor(name)
    return value if carrier(op.input(name).dtype) == dtype else graph.cast(value, dtype)


def _as_declared(graph: Graph, op: Op, value: str, dtype: str) -> str:
    declared = carrier(op.output.dtype)
    return value if declared == dtype else graph.cast(value, declared)


def _transposed(graph: Graph, op: Op, name: str, dtype: str) -> str:
    rank = op.input(name).rank
    if not op.flag(f"transpose_{name}", False) or rank < 2:
        return _as(graph, op, name, dtype)
    if op.is_constant(name):
        return graph.constant(np.swapaxes(op.array(name), -1, -2), dtype)
    order = [*range(rank - 2), rank - 1, rank - 2]
    return graph.node("Transpose", _as(graph, op, name, dtype), perm=order)


@op("einsum")
def einsum(graph: Graph, op: Op) -> str:
    """A sum of products in Einstein's notation."""
    return graph.node("Einsum", *op.tensors("values"), equation=op.text("equation"))
