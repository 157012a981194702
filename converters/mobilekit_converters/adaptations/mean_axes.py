"""Means over axes in one step, in at most four dimensions, and in a layout that delegates keep.

Means of means over single axes are one mean over all of them. Axes that stand side by side and are
averaged, or kept, alike become one, so that tensors of five dimensions have four or fewer: the GPU
accelerator knows no layout for more ("Unknown layout", LiteRT 2.3.0), nor does NNAPI
(tflite/delegates/nnapi/nnapi_delegate.cc, Validate, MEAN). The interpreter's GPU delegate drops
averaged axes without moving the others (tflite/delegates/gpu/common/model_builder.cc,
MeanOperationParser), which is right for height and width together and for no single one but the
height: those keep their axes, and a reshape drops them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mobilekit_converters.adaptations.adaptation import Adaptation, Place
from mobilekit_converters.adaptations.operations import (
    constant,
    is_fixed,
    operations,
    shape_of,
)

if TYPE_CHECKING:
    import tensorflow as tf

MOST_DIMENSIONS = 4


def _find(graph: tf.Graph, delegates: frozenset[str]) -> Iterator[Place]:
    for mean in operations(graph, "Mean"):
        if any(user.type == "Mean" for user in mean.outputs[0].consumers()):
            continue
        means = [mean, *_means_before(mean)]
        source = means[-1].inputs[0]
        axes = _axes(means)
        if axes is None or not is_fixed(source):
            continue
        shape = shape_of(source)
        moves = "gpu" in delegates and _moves(shape, shape_of(mean.outputs[0]), axes)
        if len(means) > 1 or len(shape) > MOST_DIMENSIONS or moves:
            merged, over = list(shape), sorted(axes)
            if len(shape) > MOST_DIMENSIONS:
                merged, over = merged_mean(shape, axes)
            if len(merged) <= MOST_DIMENSIONS:
                yield _place(mean, source, merged, over)


def _means_before(mean: tf.Operation) -> Iterator[tf.Operation]:
    """Return the means that a mean reads, the nearest first, as far as nothing else reads them."""
    before = mean.inputs[0].op
    while before.type == "Mean" and len(before.outputs[0].consumers()) == 1:
        yield before
        before = before.inputs[0].op


def _axes(means: Sequence[tf.Operation]) -> frozenset[int] | None:
    """Return the axes of the first mean's input over which all of them average together."""
    left = list(range(len(means[-1].inputs[0].shape)))
    found: set[int] = set()
    for mean in reversed(means):
        given = constant(mean.inputs[1])
        if given is None:
            return None
        averaged = {left[int(axis)] for axis in given.reshape(-1)}
        if not mean.get_attr("keep_dims"):
            left = [axis for axis in left if axis not in averaged]
        found |= averaged
    return frozenset(found)


def _moves(shape: Sequence[int], result: Sequence[int], axes: frozenset[int]) -> bool:
    """Whether what is left after a mean stands elsewhere in the GPU's layout than before."""
    kept = [1 if axis in axes else size for axis, size in enumerate(shape)]
    return len(shape) <= MOST_DIMENSIONS and _on_the_gpu(kept) != _on_the_gpu(result)


def _on_the_gpu(shape: Sequence[int]) -> list[int]:
    """Return a shape as batch, height, width, channels: two dimensions are the first and last."""
    if not shape:
        return [1, 1, 1, 1]
    return [shape[0], *[1] * (MOST_DIMENSIONS - len(shape)), *shape[1:]]


def merged_mean(shape: Sequence[int], axes: frozenset[int]) -> tuple[list[int], list[int]]:
    """Return a shape of as few axes as it takes, and the axes of it to average over.

    The first axis is kept apart where it is not averaged over and there is room: it is the batch.
    """
    runs = _runs(shape, axes)
    if 0 not in axes and len(runs) < MOST_DIMENSIONS and len(runs[0]) > 1:
        runs = [runs[0][:1], runs[0][1:], *runs[1:]]
    return (
        [math.prod(shape[axis] for axis in run) for run in runs],
        [index for index, run in enumerate(runs) if run[0] in axes],
    )


def _runs(shape: Sequence[int], axes: frozenset[int]) -> list[list[int]]:
    groups = itertools.groupby(range(len(shape)), key=lambda axis: axis in axes)
    return [list(run) for _, run in groups]


def _place(mean: tf.Operation, source: tf.Tensor, shape: Sequence[int], axes: list[int]) -> Place:
    before, result = shape_of(source), shape_of(mean.outputs[0])
    left = [size for axis, size in enumerate(shape) if axis not in axes]
    drops = left == list(result) and not _moves(shape, result, frozenset(axes))

    def build(tensor: Any) -> Any:
        import tensorflow as tf

        merged = tensor if tuple(shape) == before else tf.reshape(tensor, shape)
        if drops:
            return tf.reduce_mean(merged, axes)
        return tf.reshape(tf.reduce_mean(merged, axes, keepdims=True), result)

    return Place(operation=mean, inputs=(source,), build=build)


MEAN_AXES = Adaptation(
    name="mean_axes",
    summary="Means of means over single axes become one mean, means in five or more dimensions are "
    "taken in four, and for the GPU single axes are kept until a reshape drops them.",
    delegates=("gpu", "nnapi"),
    find=_find,
)
