"""Cheaper activations in place of exact ones. They change the function: only for who asks.

An activation is found by what it computes: operations that depend on one tensor alone and have the
activation's values, in whatever way a framework wrote it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mobilekit_converters.adaptations.adaptation import Adaptation, Place
from mobilekit_converters.adaptations.operations import constant, operations, shape_of

if TYPE_CHECKING:
    import tensorflow as tf

_PARTS = frozenset(
    {"Add", "AddV2", "Erf", "Erfc", "Identity", "Mul", "Neg", "RealDiv", "Sigmoid", "Sub"}
)
_MOST_STEPS = 8
_VALUES = [step / 4 for step in range(-32, 33)]
_NEAR = 1e-4
"""How near, over those inputs, values have to come to be those of an activation."""


def _finder(last: str, exact: Callable[[Any], Any], hard: Callable[[Any], Any]) -> Any:
    """Return how an activation whose last operation is a `last` is found and replaced."""

    def find(graph: tf.Graph, _: frozenset[str]) -> Iterator[Place]:
        for operation in list(operations(graph, last)):
            if last == "Sigmoid" and _is_part_of_swish(operation):
                continue
            source = _source(operation, exact)
            if source is not None:
                yield Place(operation=operation, inputs=(source,), build=hard)

    return find


def _source(operation: tf.Operation, exact: Callable[[Any], Any]) -> tf.Tensor | None:
    """Return the tensor of which an operation computes an activation; None where there is none."""
    for tensor in _candidates(operation):
        same_shape = tensor.shape == operation.outputs[0].shape
        if (
            same_shape
            and _depends_on(operation, tensor)
            and _has_values_of(operation, tensor, exact)
        ):
            return tensor
    return None


def _candidates(operation: tf.Operation) -> list[tf.Tensor]:
    """Return what goes into an operation, and into what goes into it, the nearest first."""
    found: list[tf.Tensor] = []
    waiting = list(operation.inputs)
    while waiting and len(found) < 2 * _MOST_STEPS:
        tensor = waiting.pop(0)
        if constant(tensor) is None and not any(tensor is other for other in found):
            found.append(tensor)
            if tensor.op.type in _PARTS:
                waiting += tensor.op.inputs
    return found


def _depends_on(operation: tf.Operation, source: tf.Tensor) -> bool:
    """Whether an operation reads nothing but a tensor and single constants, in a few steps."""
    waiting, steps = list(operation.inputs), 0
    while waiting:
        tensor = waiting.pop()
        if tensor is source:
            continue
        value = constant(tensor)
        if value is not None and value.size == 1:
            continue
        steps += 1
        if value is not None or tensor.op.type not in _PARTS or steps > _MOST_STEPS:
            return False
        waiting += tensor.op.inputs
    return True


def _has_values_of(operation: tf.Operation, source: tf.Tensor, exact: Callable[[Any], Any]) -> bool:
    """Compare an operation with an activation, tensor by tensor until all values were there."""
    import numpy as np
    import tensorflow as tf

    shape = shape_of(source)
    size = max(math.prod(shape), 1)
    tensors = -(-len(_VALUES) // size)
    values = np.resize(np.array(_VALUES), (tensors, *shape)).astype(source.dtype.as_numpy_dtype)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        expected = session.run(exact(tf.constant(values)))
    with tf.compat.v1.Session(graph=operation.graph) as session:
        found = [session.run(operation.outputs[0], {source: tensor}) for tensor in values]
    return bool(np.allclose(found, expected, rtol=0, atol=_NEAR))


def _is_part_of_swish(operation: tf.Operation) -> bool:
    users = operation.outputs[0].consumers()
    return any(user.type == "Mul" and _source(user, _swish) is not None for user in users)


def _swish(x: Any) -> Any:
    import tensorflow as tf

    return x * tf.sigmoid(x)


def _hard_swish(x: Any) -> Any:
    """As converters know it: they make one operator of these four."""
    import tensorflow as tf

    return x * tf.nn.relu6(x + 3.0) * (1 / 6)


def _sigmoid(x: Any) -> Any:
    import tensorflow as tf

    return tf.sigmoid(x)


def _hard_sigmoid(x: Any) -> Any:
    import tensorflow as tf

    return tf.nn.relu6(x + 3.0) * (1 / 6)


def _gelu(x: Any) -> Any:
    import tensorflow as tf

    return 0.5 * x * (1 + tf.math.erf(x * 0.5**0.5))


def _gelu_tanh(x: Any) -> Any:
    """Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2."""
    import tensorflow as tf

    return 0.5 * x * (1 + tf.tanh((2 / math.pi) ** 0.5 * (x + 0.044715 * x * x * x)))


HARD_SWISH = Adaptation(
    name="hard_swish",
    summary="x · sigmoid(x) becomes x · relu6(x + 3) / 6, which changes the function.",
    keeps_function=False,
    find=_finder("Mul", _swish, _hard_swish),
)

HARD_SIGMOID = Adaptation(
    name="hard_sigmoid",
    summary="sigmoid(x) becomes relu6(x + 3) / 6, which changes the function.",
    keeps_function=False,
    find=_finder("Sigmoid", _sigmoid, _hard_sigmoid),
)

GELU_TANH = Adaptation(
    name="gelu_tanh",
    summary="The exact GELU becomes its approximation with tanh, which changes the function.",
    keeps_function=False,
    find=_finder("Mul", _gelu, _gelu_tanh),
)
