"""Channel shuffle and its like, without tensors of five or more dimensions.

Reshape, transpose, reshape is written with a dimension for every axis that is told apart. Axes that
stay beside each other need none: (batch, height, width, groups, channels) with the last two swapped
is (batch, height × width, groups, channels), four dimensions, with the last two swapped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mobilekit_converters.adaptations.adaptation import Adaptation, Place
from mobilekit_converters.adaptations.operations import (
    constant,
    is_fixed,
    operations,
    plain,
    shape_of,
)

if TYPE_CHECKING:
    import tensorflow as tf

MOST_DIMENSIONS = 4


def _find(graph: tf.Graph, _: frozenset[str]) -> Iterator[Place]:
    for transpose in operations(graph, "Transpose"):
        whole, order = transpose.inputs[0], constant(transpose.inputs[1])
        before = plain(whole).op
        after = list(_users(transpose.outputs[0]))
        if order is None or len(order) <= MOST_DIMENSIONS or not after:
            continue
        if before.type != "Reshape" or not all(map(_is_small_reshape, after)):
            continue
        source = before.inputs[0]
        shape, merged = merged_transpose(shape_of(whole), [int(axis) for axis in order])
        if not is_fixed(source) or len(source.shape) > MOST_DIMENSIONS:
            continue
        if len(shape) <= MOST_DIMENSIONS:
            for reshape in after:
                yield _place(reshape, source, shape, merged)


def _place(reshape: tf.Operation, source: tf.Tensor, shape: list[int], order: list[int]) -> Place:
    result = shape_of(reshape.outputs[0])

    def build(tensor: Any) -> Any:
        import tensorflow as tf

        return tf.reshape(tf.transpose(tf.reshape(tensor, shape), order), result)

    return Place(operation=reshape, inputs=(source,), build=build)


def merged_transpose(shape: Sequence[int], order: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the shape and the order of the same transposition with as few axes as it takes.

    Axes of size one go, and axes that follow each other before and after become one. The first axis
    is kept apart where it stays first and there is room for it: it is the batch.
    """
    runs = _runs(shape, order, apart=order[0] == 0)
    if len(runs) > MOST_DIMENSIONS:
        runs = _runs(shape, order, apart=False)
    before = sorted(runs)
    return (
        [math.prod(shape[axis] for axis in run) for run in before],
        [before.index(run) for run in runs],
    )


def _runs(shape: Sequence[int], order: Sequence[int], *, apart: bool) -> list[list[int]]:
    """Return the axes in their new order, those together that follow each other before as well."""
    runs: list[list[int]] = [[0]] if apart else []
    for axis in order[1:] if apart else order:
        if shape[axis] == 1:
            continue
        last = runs[-1] if runs and not (apart and len(runs) == 1) else [axis]
        if last[-1] < axis and all(shape[i] == 1 for i in range(last[-1] + 1, axis)):
            last.append(axis)
        else:
            runs.append([axis])
    return runs


def _users(tensor: tf.Tensor) -> Iterator[tf.Operation]:
    for user in tensor.consumers():
        if user.type == "Identity":
            yield from _users(user.outputs[0])
        else:
            yield user


def _is_small_reshape(operation: tf.Operation) -> bool:
    output = operation.outputs[0] if operation.outputs else None
    return (
        operation.type == "Reshape"
        and output is not None
        and is_fixed(output)
        and len(output.shape) <= MOST_DIMENSIONS
    )


CHANNEL_SHUFFLE = Adaptation(
    name="channel_shuffle",
    summary="Transposes of five and more dimensions between two reshapes, such as channel "
    "shuffles, become transposes of at most four.",
    delegates=("gpu", "nnapi"),
    find=_find,
)
