"""A classifier's answer."""

from __future__ import annotations

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


@op("classify", exact=True)
def classify(graph: Graph, op: Op) -> list[str]:
    """The label of the highest probability, and all probabilities.

    Core ML answers with a dictionary of the probabilities by label; here they are a list in the
    order of the labels.
    """
    scores = graph.node("Reshape", op.tensor("probabilities"), graph.constant([-1], "int64"))
    labels = graph.constant(op.array("classes"))
    best = graph.node("ArgMax", scores, axis=0, keepdims=0)
    return [graph.node("Gather", labels, best, axis=0), scores]
