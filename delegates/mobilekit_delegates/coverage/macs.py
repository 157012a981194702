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


def _transposed_coreml(
    inputs: tuple[GraphTensor, ...], _: tuple[GraphTensor, ...], __: GraphNode
) -> int:
    """Each value of the image meets a kernel of input channels × output channels × window."""
    return inputs[0].elements * math.prod(inputs[1].shape[1:])


def _summed(inputs: tuple[GraphTensor, ...], _: tuple[GraphTensor, ...], node: GraphNode) -> int:
    """A product for each combination of indices; those of more than two factors count as one."""
    terms = str(node.attributes.get("equation", "")).replace(" ", "").split("->")[0].split(",")
    if [len(term) for term in terms] != [tensor.rank for tensor in inputs]:
        return 0
    sizes = {
        letter: size
        for term, tensor in zip(terms, inputs, strict=True)
        for letter, size in zip(term, tensor.shape, strict=True)
    }
    return math.prod(sizes.values())


def _recurrent(inputs: tuple[GraphTensor, ...], _: tuple[GraphTensor, ...], node: GraphNode) -> int:
    """Each step multiplies its input and the state by a matrix for every gate and direction.

    The sequence is steps × batch × features; states follow it, and then the matrices, which are
    gates · units × features or units.
    """
    sequence, states = inputs[0], 2 if node.operator == "lstm" else 1
    if sequence.rank != 3:
        return 0
    matrices = (tensor.elements for tensor in inputs[1 + states :] if tensor.rank == 2)
    return sequence.shape[0] * sequence.shape[1] * sum(matrices)


def _attention(
    inputs: tuple[GraphTensor, ...], outputs: tuple[GraphTensor, ...], _: GraphNode
) -> int:
    """Queries × keys, and what comes of that × values."""
    query, key = inputs[:2]
    if query.rank < 2 or key.rank < 2:
        return 0
    return (query.elements + outputs[0].elements) * key.shape[-2]


_COUNTS: dict[str, Count] = {
    "CONV_2D": _output_channels_first,
    "CONV_3D": _output_channels_last,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "FULLY_CONNECTED": _output_channels_first,
    "BATCH_MATMUL": _matrices,
    "conv": _output_channels_first,
    "conv_transpose": _transposed_coreml,
    "einsum": _summed,
    "gru": _recurrent,
    "linear": _output_channels_first,
    "lstm": _recurrent,
    "matmul": _matrices,
    "rnn": _recurrent,
    "scaled_dot_product_attention": _attention,
}
"""By operator, TFLite's in capitals and Core ML's in small letters."""
