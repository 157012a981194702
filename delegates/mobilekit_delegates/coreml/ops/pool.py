"""Pools."""

from __future__ import annotations

from typing import Any

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op
from mobilekit_delegates.coreml.ops.windows import window_attributes


def _attributes(op: Op) -> dict[str, Any]:
    kernel = op.integers("kernel_sizes")
    return {
        "kernel_shape": kernel,
        "ceil_mode": int(op.flag("ceil_mode", False)),
        **window_attributes(op, kernel),
    }


@op("max_pool", exact=True)
def max_pool(graph: Graph, op: Op) -> str:
    """The greatest value in each window."""
    return graph.node("MaxPool", op.tensor("x"), **_attributes(op))


@op("avg_pool")
def avg_pool(graph: Graph, op: Op) -> str:
    """The mean of each window; padding counts as zeros unless it is excluded."""
    counts_padding = not op.flag("exclude_padding_from_average", False)
    return graph.node(
        "AveragePool", op.tensor("x"), count_include_pad=int(counts_padding), **_attributes(op)
    )


@op("l2_pool")
def l2_pool(graph: Graph, op: Op) -> str:
    """The root of the sum of squares of each window."""
    return graph.node("LpPool", op.tensor("x"), p=2, **_attributes(op))
