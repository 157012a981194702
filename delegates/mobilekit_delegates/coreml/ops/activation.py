"""Activations."""

from __future__ import annotations

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


@op("relu", exact=True)
def relu(graph: Graph, op: Op) -> str:
    """Negative values become 0."""
    return graph.node("Relu", op.tensor("x"))
