"""Values taken from, and put to, places that indices name."""

from __future__ import annotations

from typing import Any

import numpy as np

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op

_REDUCTIONS = {"update": "none", "add": "add", "sub": "add", "mul": "mul", "div": "mul",
               "max": "max", "min": "min"}  # fmt: skip
"""ONNX's reduction for each mode of scattering; `sub` and `div` prepare their updates for it."""


@op("gather", exact=True)
def gather(graph: Graph, op: Op) -> str:
    """Slices of `x` along an axis; with `batch_dims`, each batch has indices of its own."""
    rank = op.input("x").rank
    axis, batches = op.integer("axis", 0) % rank, op.integer("batch_dims", 0)
    if batches == 0:
        return graph.node("Gather", op.tensor("x"), _indices(graph, op), axis=axis)
    # The axis comes right behind the batches for ONNX, and its answer's new axes go back.
    others = [dim for dim in range(batches, rank) if dim != axis]
    first = graph.node("Transpose", op.tensor("x"), perm=[*range(batches), axis, *others])
    new = op.input("indices").rank - batches
    taken = graph.node("GatherND", first, _points(graph, op), batch_dims=batches)
    before = axis - batches
    order = [
        *range(batches),
        *range(batches + new, batches + new + before),
        *range(batches, batches + new),
        *range(batches + new + before, rank - 1 + new),
    ]
    return graph.node("Transpose", taken, perm=order)


@op("gather_along_axis", exact=True)
def gather_along_axis(graph: Graph, op: Op) -> str:
    """One value of `x` for each index, along an axis."""
    return graph.node(
        "GatherElements", op.tensor("x"), _indices(graph, op), axis=op.integer("axis", 0)
    )


@op("gather_nd", exact=True)
def gather_nd(graph: Graph, op: Op) -> str:
    """Slices of `x` at points, whose coordinates are along the last axis of `indices`."""
    return graph.node(
        "GatherND",
        op.tensor("x"),
        graph.cast(_indices(graph, op), "int64"),
        batch_dims=op.integer("batch_dims", 0),
    )


@op("scatter")
def scatter(graph: Graph, op: Op) -> str:
    """Put slices to places along an axis, which comes first for ONNX and then goes back."""
    rank, new = op.input("data").rank, op.input("indices").rank
    axis = op.integer("axis", 0) % rank
    first = [axis, *(dim for dim in range(rank) if dim != axis)]
    places = [*range(axis, axis + new), *range(axis), *range(axis + new, rank - 1 + new)]
    data = graph.node("Transpose", op.tensor("data"), perm=first)
    updates = graph.node("Transpose", op.tensor("updates"), perm=places)
    result = _scattered(graph, op, "ScatterND", data, _points(graph, op), updates)
    return graph.node("Transpose", result, perm=[first.index(dim) for dim in range(rank)])


@op("scatter_along_axis")
def scatter_along_axis(graph: Graph, op: Op) -> str:
    """Put one value for each index, along an axis."""
    data, updates = op.tensor("data"), op.tensor("updates")
    axis = op.integer("axis", 0)
    return _scattered(graph, op, "ScatterElements", data, _indices(graph, op), updates, axis=axis)


@op("scatter_nd")
def scatter_nd(graph: Graph, op: Op) -> str:
    """Put slices to points, whose coordinates are along the last axis of `indices`."""
    indices = graph.cast(_indices(graph, op), "int64")
    return _scattered(graph, op, "ScatterND", op.tensor("data"), indices, op.tensor("updates"))


def _scattered(
    graph: Graph, op: Op, operator: str, data: str, indices: str, updates: str, **attributes: Any
) -> str:
    """Scatter in the operation's mode. Values that meet in one place all count."""
    mode = op.text("mode", "add")
    if mode not in _REDUCTIONS:
        raise op.unsupported(f"the mode {mode!r}")
    if mode == "sub":
        updates = graph.node("Neg", updates)
    target = data
    if mode == "div":
        one = graph.constant(1.0 if op.output.is_float else 1)
        target = graph.node("Expand", one, graph.node("Shape", data))
    result = graph.node(
        operator, target, indices, updates, reduction=_REDUCTIONS[mode], **attributes
    )
    return graph.node("Div", data, result) if mode == "div" else result


def _points(graph: Graph, op: Op) -> str:
    """The indices as points of one coordinate each."""
    indices = graph.cast(_indices(graph, op), "int64")
    return graph.node("Unsqueeze", indices, graph.constant([-1], dtype="int64"))


def _indices(graph: Graph, op: Op) -> str:
    """The indices. From iOS 17 on none may count from the end: Core ML's answer is undefined.

    It is made a failed run here, as ONNX Runtime makes it of indices beyond the end, whether or
    not the program asks for validation.
    """
    op.ignore("validate_indices")
    indices = op.tensor("indices")
    if op.opset in ("CoreML5", "CoreML6"):
        return indices
    negative = graph.node("Less", indices, graph.constant(0))
    beyond = graph.constant(np.iinfo(np.int32).max)
    return graph.node("Where", negative, beyond, indices)
