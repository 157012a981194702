"""How many multiply-accumulates a node takes: the work that accelerators are made for."""

from __future__ import annotations

import math
from collections.abc import Callable

from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph

Count = Callable[[tuple[GraphTensor, ...], tuple[GraphTensor, ...], GraphNode], int]


def macs(graph: OperatorGraph, node: GraphNode) -> int:
    """Return a node's multiply-accumulates for one run; 0 for what only moves or maps values."""
    count = _COUNTS.get(node.operator)
    inputs = tuple(tensor for tensor in graph.inputs_of(node) if tensor is not None)
    outputs = tuple(tensor for tensor in graph.outputs_of(node) if tensor is not None)
    if count is None or len(inputs) < 2 or not outputs:
        return 0
    return count(inputs, outputs, node)


def _output_channels_first(
    inputs: tuple[GraphTensor, ...], outputs: tuple[GraphTensor, ...], _: GraphNode
) -> int:
    """A kernel of output channels × what each output value is made from; a group's alone."""
    return outputs[0].elements * math.prod(inputs[1].shape[1:])


def _depthwise(
    inputs: tuple[GraphTensor, ...], outputs: tuple[GraphTensor, ...], _: GraphNode
) -> int:
    """A kernel of 1 × height × width × channels: each output value is made from one window."""
    return outputs[0].elements * math.prod(inputs[1].shape[1:-1])


def _output_channels_last(
    inputs: tuple[GraphTensor, ...], outputs: tuple[GraphTensor, ...], _: GraphNode
) -> int:
    """A kernel of window × input channels × output channels."""
    return outputs[0].elements * math.prod(inputs[1].shape[:-1])


def _transposed(inputs: tuple[GraphTensor, ...], _: tuple[GraphTensor, ...], __: GraphNode) -> int:
    """Each value of the image (the third input) meets a kernel of output channels × window."""
    if len(inputs) < 3:
        return 0
    return inputs[2].elements * math.prod(inputs[1].shape[:-1])


def _matrices(
    inputs: tuple[GraphTensor, ...], outputs: tuple[GraphTensor, ...], node: GraphNode
) -> int:
    """A product of matrices: each output value sums over the first one's inner dimension."""
    if not inputs[0].shape:
        return 0
    transposed = node.attributes.get("adj_x") or node.attributes.get("transpose_x")
    inner = inputs[0].shape[-2] if transposed and inputs[0].rank > 1 else inputs[0].shape[-1]
    return outputs[0].elements * inner


_COUNTS: dict[str, Count] = {
    "CONV_2D": _output_channels_first,
    "CONV_3D": _output_channels_last,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "FULLY_CONNECTED": _output_channels_first,
    "BATCH_MATMUL": _matrices,
    "conv": _output_channels_first,
    "linear": _output_channels_first,
    "matmul": _matrices,
}
"""By operator, TFLite's in capitals and Core ML's in small letters."""
