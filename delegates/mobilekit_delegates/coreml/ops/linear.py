"""Products of matrices."""

from __future__ import annotations

import numpy as np

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


@op("linear")
def linear(graph: Graph, op: Op) -> str:
    """`x @ transpose(weight) + bias`."""
    product = graph.node("MatMul", op.tensor("x"), graph.constant(op.array("weight").T))
    return graph.node("Add", product, op.tensor("bias")) if op.has("bias") else product


@op("matmul")
def matmul(graph: Graph, op: Op) -> str:
    """A product with numpy's rules of broadcasting."""
    operands = [_operand(graph, op, name) for name in ("x", "y")]
    return graph.node("MatMul", *operands)


def _operand(graph: Graph, op: Op, name: str) -> str:
    rank = op.input(name).rank
    if not op.flag(f"transpose_{name}", False) or rank < 2:
        return op.tensor(name)
    if op.is_constant(name):
        return graph.constant(np.swapaxes(op.array(name), -1, -2))
    order = [*range(rank - 2), rank - 1, rank - 2]
    return graph.node("Transpose", op.tensor(name), perm=order)


@op("einsum")
def einsum(graph: Graph, op: Op) -> str:
    """A sum of products in Einstein's notation."""
    return graph.node("Einsum", *op.tensors("values"), equation=op.text("equation"))
