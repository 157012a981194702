"""Dense layers as 1×1 convolutions, with the elementwise operations after them in four dimensions.

The Neural Engine works on images of (batch, channels, 1, sequence) (Apple, "Deploying Transformers
on the Apple Neural Engine", 2022), and a linear layer of two dimensions with a hard swish after it
is inexact there, which four dimensions avoid (apple/coreai-torch issue 51).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mobilekit_converters.adaptations.adaptation import Adaptation, Place
from mobilekit_converters.adaptations.operations import (
    again,
    constant,
    is_fixed,
    operations,
    shape_of,
)

if TYPE_CHECKING:
    import tensorflow as tf

_ELEMENTWISE = frozenset(
    {
        "Add", "AddV2", "BiasAdd", "Elu", "Erf", "Erfc", "Identity", "LeakyRelu", "Maximum",
        "Minimum", "Mul", "Neg", "RealDiv", "Relu", "Relu6", "Selu", "Sigmoid", "Softplus",
        "Square", "Sub", "Tanh",
    }
)  # fmt: skip


def _find(graph: tf.Graph, _: frozenset[str]) -> Iterator[Place]:
    for dense in operations(graph, "MatMul", "BatchMatMulV2"):
        if _is_dense(dense):
            inside = _followers(dense)
            for operation in inside.values():
                users = operation.outputs[0].consumers()
                if not users or any(user.name not in inside for user in users):
                    yield _place(dense, operation, inside)


def _is_dense(operation: tf.Operation) -> bool:
    source, weights = operation.inputs
    transposed = "transpose_a" if operation.type == "MatMul" else "adj_x"
    return (
        is_fixed(source)
        and len(weights.shape) == 2
        and constant(weights) is not None
        and not operation.get_attr(transposed)
    )


def _followers(dense: tf.Operation) -> dict[str, tf.Operation]:
    """Return a dense layer and what reads it and constants alone, in running order, by name."""
    inside = {dense.name: dense}
    channels = int(dense.outputs[0].shape[-1])
    waiting = list(dense.outputs[0].consumers())
    while waiting:
        operation = waiting.pop(0)
        if operation.name in inside or not _stays_elementwise(operation, inside, channels):
            continue
        if operation.outputs[0].shape == dense.outputs[0].shape:
            inside[operation.name] = operation
            waiting += operation.outputs[0].consumers()
    order = {operation.name: index for index, operation in enumerate(dense.graph.get_operations())}
    return dict(sorted(inside.items(), key=lambda item: order[item[0]]))


def _stays_elementwise(
    operation: tf.Operation, inside: dict[str, tf.Operation], channels: int
) -> bool:
    return operation.type in _ELEMENTWISE and all(
        tensor.op.name in inside or _is_for_each_channel(tensor, channels)
        for tensor in operation.inputs
    )


def _is_for_each_channel(tensor: tf.Tensor, channels: int) -> bool:
    """Whether a tensor is one constant, or one for each channel."""
    if not is_fixed(tensor) or constant(tensor) is None:
        return False
    shape = shape_of(tensor)
    return math.prod(shape) == 1 or (math.prod(shape) == channels == shape[-1])


def _place(dense: tf.Operation, last: tf.Operation, inside: dict[str, tf.Operation]) -> Place:
    source, weights = dense.inputs
    rows, channels = math.prod(shape_of(source)[:-1]), int(source.shape[-1])
    result = shape_of(last.outputs[0])
    transposed = dense.get_attr("transpose_b" if dense.type == "MatMul" else "adj_y")
    steps = _needed_for(last, inside)
    values = {
        tensor.name: constant(tensor)
        for step in steps
        for tensor in step.inputs
        if tensor.op.name not in inside
    }

    def build(tensor: Any, matrix: Any) -> Any:
        import tensorflow as tf

        kernel = tf.transpose(matrix) if transposed else matrix
        image = tf.reshape(tensor, (1, 1, rows, channels))
        made = {dense.name: tf.nn.conv2d(image, kernel[None, None], 1, "VALID")}
        for step in steps:
            inputs = [
                made[given.op.name] if given.op.name in made else _flat(values[given.name])
                for given in step.inputs
            ]
            made[step.name] = again(step, inputs)
        return tf.reshape(made[last.name], result)

    return Place(operation=last, inputs=(source, weights), build=build)


def _needed_for(last: tf.Operation, inside: dict[str, tf.Operation]) -> list[tf.Operation]:
    """Return what an operation is computed by after the dense layer, in running order."""
    needed = {last.name}
    for operation in reversed(inside.values()):
        if operation.name in needed:
            needed |= {tensor.op.name for tensor in operation.inputs}
    return [operation for name, operation in list(inside.items())[1:] if name in needed]


def _flat(value: Any) -> Any:
    """Return a constant as a number, or as one number for each channel."""
    import tensorflow as tf

    return tf.constant(value.reshape(-1) if value.size > 1 else value.reshape(()))


DENSE_AS_CONVOLUTION = Adaptation(
    name="dense_as_convolution",
    summary="Dense layers become 1×1 convolutions, with the activations after them in four "
    "dimensions.",
    delegates=("neural_engine",),
    find=_find,
)
