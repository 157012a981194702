"""Normalisations."""

from __future__ import annotations

import math

import numpy as np

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


def _scale_and_offset(graph: Graph, op: Op, channels: int) -> tuple[str, str]:
    """`gamma` and `beta`, or the ones and zeros that stand for them."""
    gamma = op.optional("gamma") or graph.constant(np.ones(channels))
    return gamma, op.optional("beta") or graph.constant(np.zeros(channels))


@op("batch_norm")
def batch_norm(graph: Graph, op: Op) -> str:
    """Each channel by its stored mean and variance."""
    return graph.node(
        "BatchNormalization",
        op.tensor("x"),
        *_scale_and_offset(graph, op, op.array("mean").size),
        op.tensor("mean"),
        op.tensor("variance"),
        epsilon=op.number("epsilon", 1e-5),
    )


@op("instance_norm")
def instance_norm(graph: Graph, op: Op) -> str:
    """Each channel of each sample by its own mean and variance."""
    channels = op.input("x").shape[1]
    if channels is None:
        raise op.unsupported("a number of channels that is not fixed")
    return graph.node(
        "InstanceNormalization",
        op.tensor("x"),
        *_scale_and_offset(graph, op, channels),
        epsilon=op.number("epsilon", 1e-5),
    )


@op("layer_norm")
def layer_norm(graph: Graph, op: Op) -> str:
    """The values along some axes by their mean and variance."""
    x, rank = op.input("x"), op.input("x").rank
    axes = sorted(axis % rank for axis in op.integers("axes", range(rank)))
    spread = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
    over = graph.constant(axes, "int64")
    value = op.tensor("x")
    centred = graph.node("Sub", value, graph.node("ReduceMean", value, over))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), over)
    epsilon = graph.constant(op.number("epsilon", 1e-5))
    deviation = graph.node("Sqrt", graph.node("Add", variance, epsilon))
    result = graph.node("Div", centred, deviation)
    for name, operator in (("gamma", "Mul"), ("beta", "Add")):
        if op.has(name):
            result = graph.node(operator, result, graph.constant(op.array(name).reshape(spread)))
    return result


@op("l2_norm")
def l2_norm(graph: Graph, op: Op) -> str:
    """The last three dimensions by the root of their sum of squares."""
    axes = graph.constant([-3, -2, -1], "int64")
    squares = graph.node("ReduceSumSquare", op.tensor("x"), axes)
    length = graph.node("Add", squares, graph.constant(op.number("epsilon", 1e-6)))
    return graph.node("Div", op.tensor("x"), graph.node("Sqrt", length))


@op("local_response_norm")
def local_response_norm(graph: Graph, op: Op) -> str:
    """Each value by the mean square of `size` neighbouring channels, zeros beyond the ends."""
    x, size = op.tensor("x"), op.integer("size")
    shape = op.input("x").shape
    if None in shape:
        raise op.unsupported("a shape that is not fixed")
    # As an image of one channel, as high as there are channels.
    area = math.prod(int(length or 0) for length in shape[2:])
    image = graph.constant([shape[0], 1, shape[1], area], "int64")
    mean = graph.node(
        "AveragePool",
        graph.node("Reshape", graph.node("Mul", x, x), image),
        kernel_shape=[size, 1],
        pads=[size // 2, 0, (size - 1) // 2, 0],
        count_include_pad=1,
    )
    mean = graph.node("Reshape", mean, graph.constant(shape, "int64"))
    scaled = graph.node("Mul", mean, graph.constant(op.number("alpha", 1e-4)))
    base = graph.node("Add", scaled, graph.constant(op.number("k", 1.0)))
    return graph.node("Div", x, graph.node("Pow", base, graph.constant(op.number("beta", 0.75))))
