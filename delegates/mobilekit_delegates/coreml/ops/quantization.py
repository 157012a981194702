"""Quantisation of values while the program runs: `real = scale * (stored - zero_point)`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


@op("quantize", exact=True)
def quantize(graph: Graph, op: Op) -> str:
    """`round(input / scale) + zero_point`, halves to even, within the range of the dtype."""
    dtype = op.text("output_dtype")
    if dtype not in ("int8", "uint8"):
        raise op.unsupported(f"the output_dtype {dtype!r}")
    scale, zero_point = _parameters(op)
    steps = graph.node("Round", graph.node("Div", op.tensor("input"), graph.constant(scale)))
    stored = graph.node("Add", steps, graph.constant(zero_point, "float32"))
    limits = np.iinfo(dtype)
    within = [graph.constant(float(limit)) for limit in (limits.min, limits.max)]
    return graph.cast(graph.node("Clip", stored, *within), "int32")


@op("dequantize")
def dequantize(graph: Graph, op: Op) -> str | NDArray[Any]:
    """`scale * (input - zero_point)`."""
    scale, zero_point = _parameters(op)
    stored = graph.cast(op.tensor("input"), "float32")
    difference = graph.node("Sub", stored, graph.constant(zero_point, "float32"))
    return graph.node("Mul", difference, graph.constant(scale))


def _parameters(op: Op) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scales and zero points in the shape in which they broadcast along their axis."""
    scale, zero_point = op.array("scale"), op.array("zero_point", 0)
    shape = [1] * op.input("input").rank
    if scale.ndim == 0 and zero_point.ndim == 0:
        op.ignore("axis")  # There is nothing along it.
        return scale, zero_point
    shape[op.integer("axis")] = -1
    return (
        scale.reshape(shape) if scale.ndim else scale,
        zero_point.reshape(shape) if zero_point.ndim else zero_point,
    )
