"""What rewrites ask of a graph's operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray


def operations(graph: tf.Graph, *types: str) -> Iterator[tf.Operation]:
    """Return the operations of some types whose outputs have fixed shapes, in running order."""
    for operation in graph.get_operations():
        if operation.type in types and all(map(is_fixed, operation.outputs)):
            yield operation


def is_fixed(tensor: tf.Tensor) -> bool:
    """Whether all of a tensor's dimensions are known."""
    return bool(tensor.shape.is_fully_defined())


def shape_of(tensor: tf.Tensor) -> tuple[int, ...]:
    """Return a fixed shape."""
    return tuple(map(int, tensor.shape))


def constant(tensor: tf.Tensor) -> NDArray[np.generic] | None:
    """Return a tensor's value where it does not depend on the model's inputs, else None."""
    import tensorflow as tf

    value: NDArray[np.generic] | None = tf.get_static_value(tensor)
    return value


def plain(tensor: tf.Tensor) -> tf.Tensor:
    """Return what a tensor is a copy of."""
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tensor


def padding_of(operation: tf.Operation) -> str:
    """Return `SAME`, `VALID` or `EXPLICIT`."""
    return str(operation.get_attr("padding").decode())


def is_channels_last(operation: tf.Operation) -> bool:
    """Whether an operation on images has the channels last, as TFLite needs them."""
    return bool(operation.get_attr("data_format") == b"NHWC")


def again(operation: tf.Operation, inputs: list[Any], **changed: Any) -> Any:
    """Compute an operation once more on other tensors, in the graph of the moment.

    Args:
        operation: the operation; it has one output.
        inputs: the tensors that it gets now.
        changed: attributes that get another value, as `tf.raw_ops` take them.
    """
    import tensorflow as tf

    graph = tf.compat.v1.get_default_graph()
    attributes = {key: operation.node_def.attr[key] for key in operation.node_def.attr}
    for key in [key for key in attributes if key.startswith("_")]:
        del attributes[key]
    for key, value in changed.items():
        attributes[key] = tf.compat.v1.AttrValue()
        if isinstance(value, str):
            attributes[key].s = value.encode()
        elif isinstance(value, bool):
            attributes[key].b = value
        else:
            attributes[key].list.i.extend(value)
    return graph.create_op(
        operation.type,
        inputs,
        [output.dtype for output in operation.outputs],
        attrs=attributes,
        name=operation.type,
    ).outputs[0]
