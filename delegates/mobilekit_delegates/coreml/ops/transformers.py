"""Attention."""

from __future__ import annotations

import math

import numpy as np

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


@op("scaled_dot_product_attention")
def scaled_dot_product_attention(graph: Graph, op: Op) -> str:
    """`softmax(query @ transpose(key) / sqrt(width) + mask) @ value`, along the last two axes."""
    key = op.input("key")
    width = key.shape[-1]
    if width is None:
        raise op.unsupported("a width that is not fixed")
    order = [*range(key.rank - 2), key.rank - 1, key.rank - 2]
    scores = graph.node(
        "MatMul", op.tensor("query"), graph.node("Transpose", op.tensor("key"), perm=order)
    )
    scores = graph.node("Div", scores, graph.constant(math.sqrt(width)))
    if op.has("attn_mask"):
        mask = op.tensor("attn_mask")
        if op.input("attn_mask").dtype == "bool":
            excluded = graph.constant(-np.inf)
            mask = graph.node("Where", mask, graph.constant(0.0), excluded)
        scores = graph.node("Add", scores, mask)
    return graph.node("MatMul", graph.node("Softmax", scores, axis=-1), op.tensor("value"))
