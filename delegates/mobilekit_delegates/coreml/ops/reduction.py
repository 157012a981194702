"""Sums, means, extremes and the like, along axes."""

from __future__ import annotations

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op

_ONNX_NAMES = {
    "reduce_l1_norm": "ReduceL1", "reduce_l2_norm": "ReduceL2", "reduce_log_sum": "ReduceLogSum",
    "reduce_log_sum_exp": "ReduceLogSumExp", "reduce_max": "ReduceMax", "reduce_mean": "ReduceMean",
    "reduce_min": "ReduceMin", "reduce_prod": "ReduceProd", "reduce_sum": "ReduceSum",
    "reduce_sum_square": "ReduceSumSquare",
}  # fmt: skip


@op(*_ONNX_NAMES)
def reduce(graph: Graph, op: Op) -> str:
    """Along the given axes, or all."""
    axes = [graph.constant(op.integers("axes"), dtype="int64")] if op.has("axes") else []
    return graph.node(
        _ONNX_NAMES[op.type], op.tensor("x"), *axes, keepdims=int(op.flag("keep_dims", False))
    )


@op("reduce_argmax", "reduce_argmin")
def reduce_arg(graph: Graph, op: Op) -> str:
    """The index of the largest or the smallest value along an axis, the first of several."""
    # It names the output's type, which is declared.
    op.ignore("output_dtype")
    index = graph.node(
        "ArgMax" if op.type == "reduce_argmax" else "ArgMin",
        op.tensor("x"),
        axis=op.integer("axis", -1),
        keepdims=int(op.flag("keep_dims", False)),
    )
    return graph.cast(index, "int32")
