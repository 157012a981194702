"""Explicit padding as padding of the operation that reads it, where `SAME` pads just as much.

Not where it pads elsewhere: a 3×3 convolution with strides of 2 over an even size pads one row
after the last under `SAME`, and one before the first as well in most other frameworks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mobilekit_converters.adaptations.adaptation import Adaptation, Place
from mobilekit_converters.adaptations.operations import (
    again,
    constant,
    is_channels_last,
    is_fixed,
    operations,
    padding_of,
    plain,
    shape_of,
)

if TYPE_CHECKING:
    import tensorflow as tf

_NEVER_NEGATIVE = {"Relu", "Relu6", "Sigmoid", "Softmax", "Square", "Abs"}
_LOWEST = -1e30
"""What is below this is below every activation: frameworks pad before a maximum so."""


def _find(graph: tf.Graph, _: frozenset[str]) -> Iterator[Place]:
    for operation in operations(graph, "Conv2D", "DepthwiseConv2dNative", "MaxPool"):
        if is_channels_last(operation) and padding_of(operation) == "VALID":
            place = _after_pad(operation)
        elif is_channels_last(operation) and padding_of(operation) == "EXPLICIT":
            place = _explicit(operation)
        else:
            place = None
        if place is not None:
            yield place


def _after_pad(operation: tf.Operation) -> Place | None:
    pad = plain(operation.inputs[0]).op
    if pad.type not in ("Pad", "PadV2") or not is_fixed(pad.inputs[0]):
        return None
    source, amounts = pad.inputs[0], constant(pad.inputs[1])
    value = constant(pad.inputs[2]) if pad.type == "PadV2" else 0
    if amounts is None or value is None or not _is_legal(operation, source, float(value)):
        return None
    same = same_padding(shape_of(source), *_window(operation))
    if [list(map(int, pair)) for pair in amounts] != same:
        return None
    # A maximum's padding may count on the values: they are made inside, so that a proof sees them.
    made_by = source.op if operation.type == "MaxPool" and value == 0 else None
    return _place(operation, source, made_by)


def _explicit(operation: tf.Operation) -> Place | None:
    source = operation.inputs[0]
    numbers = list(operation.get_attr("explicit_paddings"))
    given = [numbers[index : index + 2] for index in range(0, len(numbers), 2)]
    if operation.type == "MaxPool" or not is_fixed(source):
        return None
    if given != same_padding(shape_of(source), *_window(operation)):
        return None
    return _place(operation, source, None)


def _place(operation: tf.Operation, source: tf.Tensor, made_by: tf.Operation | None) -> Place:
    others = tuple(operation.inputs[1:])
    first = source if made_by is None else made_by.inputs[0]

    def build(tensor: Any, *weights: Any) -> Any:
        image = tensor if made_by is None else again(made_by, [tensor])
        changed: dict[str, Any] = {"padding": "SAME"}
        if padding_of(operation) == "EXPLICIT":
            changed["explicit_paddings"] = []
        return again(operation, [image, *weights], **changed)

    return Place(operation=operation, inputs=(first, *others), build=build)


def _is_legal(operation: tf.Operation, source: tf.Tensor, value: float) -> bool:
    """Whether what is padded is what `SAME` means: zeros for sums, nothing at all for a maximum."""
    if operation.type != "MaxPool":
        return value == 0
    return value <= _LOWEST or (value == 0 and source.op.type in _NEVER_NEGATIVE)


def _window(operation: tf.Operation) -> tuple[list[int], list[int]]:
    """Return the rows and columns that a result reads from first to last, and the strides."""
    strides = list(operation.get_attr("strides"))[1:3]
    if operation.type == "MaxPool":
        return list(operation.get_attr("ksize"))[1:3], strides
    size = shape_of(operation.inputs[1])[:2]
    dilations = list(operation.get_attr("dilations"))[1:3]
    return [(n - 1) * d + 1 for n, d in zip(size, dilations, strict=True)], strides


def same_padding(
    shape: Sequence[int], window: Sequence[int], strides: Sequence[int]
) -> list[list[int]]:
    """Return what `SAME` pads before and after each axis of a batch of images.

    The rule is TensorFlow's (tensorflow.org/api_docs/python/tf/nn, "Notes on padding").
    """
    pairs = []
    for size, reads, stride in zip(shape[1:3], window, strides, strict=True):
        total = max((-(-size // stride) - 1) * stride + reads - size, 0)
        pairs.append([total // 2, total - total // 2])
    return [[0, 0], *pairs, [0, 0]]


PADDING = Adaptation(
    name="padding",
    summary="Explicit padding becomes the padding of the convolution or maximum that reads it, "
    "where SAME says the same.",
    delegates=("gpu", "nnapi", "neural_engine"),
    find=_find,
)
