"""TensorFlow operations that a converter lacks, in terms of operations that it has.

A replacement is a function in a table: it gets the operation and its input tensors and returns the
output tensor, or None where it cannot replace this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

Replacement = Callable[..., Any]


def replace_operations(
    graph: tf.compat.v1.GraphDef, table: Mapping[str, Replacement]
) -> tf.compat.v1.GraphDef | None:
    """Replace operations by calls of functions, which inlining then dissolves.

    Args:
        graph: a graph of fixed shapes; it stays as it is.
        table: replacements by the operation's name.

    Returns:
        The new graph, or None where there was nothing to replace.
    """
    import tensorflow as tf

    if not any(node.op in table for node in graph.node):
        return None
    with tf.Graph().as_default() as imported:
        tf.graph_util.import_graph_def(graph, name="")
    replaced = tf.compat.v1.GraphDef()
    replaced.CopyFrom(graph)
    for node in replaced.node:
        if node.op in table:
            function = _function(table[node.op], imported.get_operation_by_name(node.name))
            if function is not None:
                inputs = [name for name in node.input if not name.startswith("^")]
                make_call(node, function, inputs)
                replaced.library.function.append(function.function_def)
    return replaced


def _function(replacement: Replacement, operation: tf.Operation) -> Any:
    import tensorflow as tf

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in operation.inputs]

    def replaced(*tensors: tf.Tensor) -> Any:
        return replacement(operation, *tensors)

    function = tf.function(replaced, input_signature=specs, autograph=False).get_concrete_function()
    return function if function.outputs else None


def make_call(node: Any, function: Any, inputs: list[str]) -> None:
    """Make a node of a graph a call of a function, whose definition goes into the graph's library.

    Args:
        node: the node; it keeps its name, and so the names of its outputs.
        function: a `ConcreteFunction` without variables.
        inputs: the names of the tensors that the function gets.
    """
    node.op = "PartitionedCall"
    node.attr.clear()
    node.attr["Tin"].list.type.extend(t.dtype.as_datatype_enum for t in function.inputs)
    node.attr["Tout"].list.type.extend(t.dtype.as_datatype_enum for t in function.outputs)
    node.attr["f"].func.name = function.name.decode()
    node.input[:] = inputs


def _pooling_3d(pool_type: str) -> Replacement:
    """Pool planes first, then depths: a maximum of maxima, a mean of means.

    The mean holds at padded edges too, because the count of values inside is a product.
    """

    def replace(operation: Any, volume: Any) -> Any:
        import tensorflow as tf

        if operation.get_attr("data_format") != b"NDHWC":
            return None
        _, *window, _ = operation.get_attr("ksize")
        _, *strides, _ = operation.get_attr("strides")
        padding = operation.get_attr("padding").decode()

        def pool(image: Any, size: list[int], step: list[int]) -> Any:
            return tf.nn.pool(image, size, pool_type, strides=step, padding=padding)

        batch, depth, height, width, channels = volume.shape
        planes = tf.reshape(volume, (batch * depth, height, width, channels))
        planes = pool(planes, window[1:], strides[1:])
        _, height, width, _ = planes.shape
        columns = tf.reshape(planes, (batch, depth, height * width, channels))
        columns = pool(columns, [window[0], 1], [strides[0], 1])
        return tf.reshape(columns, (batch, columns.shape[1], height, width, channels))

    return replace


def _bincount(operation: Any, values: Any, _: Any, weights: Any) -> Any:
    """Which numbers occur, or how often each: the maximum, or the sum, of one-hot rows."""
    import tensorflow as tf

    size = _fixed_size(operation.inputs[1])
    if size is None or weights.shape != (0,):
        return None
    rows = tf.one_hot(values, size, dtype=operation.outputs[0].dtype)
    reduce = tf.reduce_max if operation.get_attr("binary_output") else tf.reduce_sum
    return reduce(rows, axis=-2)


def _fixed_size(size: Any) -> int | None:
    """The number of bins, where it does not depend on the values.

    `tf.math.bincount` computes min(longest, max(shortest, highest value + 1)), and Keras' layers
    set the longest and the shortest to the same constant.
    """
    import tensorflow as tf

    bounds = [size]
    if size.op.type == "Minimum" and size.op.inputs[1].op.type == "Maximum":
        longest, bounded = size.op.inputs
        bounds = [longest, bounded.op.inputs[0]]
    constants = [tf.get_static_value(bound) for bound in bounds]
    if any(constant is None or constant != constants[0] for constant in constants):
        return None
    return int(constants[0])


FOR_ALL: dict[str, Replacement] = {"DenseBincount": _bincount}
"""Neither TFLite nor coremltools has these."""

FOR_TFLITE: dict[str, Replacement] = {
    "AvgPool3D": _pooling_3d("AVG"),
    "MaxPool3D": _pooling_3d("MAX"),
}
"""TFLite has no builtin for these; Core ML has."""
