"""Grouped convolutions as a depthwise one, in larger groups, or as one convolution for each group.

LiteRT's GPU accelerator takes every grouped convolution and says so. Measured with LiteRT 2.3.0 on
Vulkan: where a group has a number of channels, in or out, that is no multiple of 4, it ends the
process (18 channels in 3 groups) or answers wrong (32 groups of one channel to two, 0 dB), but for
the depthwise form, one channel to one. Groups that are put together until their numbers are
multiples of 4, with zeros between what was apart, are right. NNAPI has no groups before Android 10,
and its delegate no convolution of version 6, as which converters mark all that have groups
(tflite/delegates/nnapi/nnapi_delegate.cc, Validate, CONV_2D).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mobilekit_converters.adaptations.adaptation import Adaptation, Place
from mobilekit_converters.adaptations.operations import again, is_channels_last, operations

if TYPE_CHECKING:
    import tensorflow as tf

MOST_GROUPS = 64
"""Each group costs two operators: beyond this a graph grows more than the delegate gains."""

MOST_TOGETHER = 4
"""Each group that is put to another costs its weights and its work once more."""


def _find(graph: tf.Graph, delegates: frozenset[str]) -> Iterator[Place]:
    for convolution in operations(graph, "Conv2D"):
        image, weights = convolution.inputs
        channels, inside = image.shape[-1], weights.shape[2]
        if not is_channels_last(convolution) or channels is None or inside in (None, channels):
            continue
        groups = channels // inside
        outside = weights.shape[3] // groups
        together = groups_together(groups, inside, outside)
        if "nnapi" in delegates or _is_trouble_on_the_gpu(inside, outside):
            if inside == 1 and _can_be_depthwise(convolution):
                yield _as_depthwise(convolution)
            elif "nnapi" not in delegates and together <= MOST_TOGETHER:
                yield _in_larger_groups(convolution, groups, together)
            elif groups <= MOST_GROUPS:
                yield _split(convolution, groups)


def groups_together(groups: int, inside: int, outside: int) -> int:
    """Return how many groups together have multiples of 4 channels; all of them are no group."""
    fitting = (
        count
        for count in range(1, groups)
        if groups % count == 0 and count * inside % 4 == 0 and count * outside % 4 == 0
    )
    return next(fitting, groups)


def _is_trouble_on_the_gpu(inside: int, outside: int) -> bool:
    return (inside % 4 != 0 or outside % 4 != 0) and (inside, outside) != (1, 1)


def _can_be_depthwise(convolution: tf.Operation) -> bool:
    _, down, across, _ = convolution.get_attr("strides")
    return down == across and set(convolution.get_attr("dilations")) == {1}


def _as_depthwise(convolution: tf.Operation) -> Place:
    """Each channel has filters of its own: that is what depthwise means."""
    strides = convolution.get_attr("strides")
    padding = convolution.get_attr("padding").decode()
    explicit = list(convolution.get_attr("explicit_paddings"))

    def build(image: Any, weights: Any) -> Any:
        import tensorflow as tf

        height, width, _, filters = weights.shape
        channels = image.shape[-1]
        return tf.raw_ops.DepthwiseConv2dNative(
            input=image,
            filter=tf.reshape(weights, (height, width, channels, filters // channels)),
            strides=strides,
            padding=padding,
            explicit_paddings=explicit,
        )

    return Place(operation=convolution, inputs=tuple(convolution.inputs), build=build)


def _in_larger_groups(convolution: tf.Operation, groups: int, together: int) -> Place:
    import numpy as np

    _, _, inside, filters = map(int, convolution.inputs[1].shape)
    group_of_filter = np.arange(filters) // (filters // groups) % together
    group_of_channel = np.arange(inside * together) // inside
    reads = (group_of_channel[:, None] == group_of_filter).astype("f4")

    def build(image: Any, weights: Any) -> Any:
        import tensorflow as tf

        return again(convolution, [image, tf.tile(weights, (1, 1, together, 1)) * reads])

    return Place(operation=convolution, inputs=tuple(convolution.inputs), build=build)


def _split(convolution: tf.Operation, groups: int) -> Place:
    def build(image: Any, weights: Any) -> Any:
        import tensorflow as tf

        size = image.shape[-1] // groups
        filters = weights.shape[-1] // groups
        results = []
        for group in range(groups):
            # NNAPI has SLICE and SPLIT from Android 10 on: before, the CPU cuts the image up.
            part = tf.slice(image, (0, 0, 0, group * size), (*image.shape[:3], size))
            kernel = weights[..., group * filters : (group + 1) * filters]
            results.append(again(convolution, [part, kernel]))
        return tf.concat(results, axis=3)

    return Place(operation=convolution, inputs=tuple(convolution.inputs), build=build)


SPLIT_GROUPS = Adaptation(
    name="split_groups",
    summary="Grouped convolutions that break LiteRT's GPU accelerator get larger groups or become "
    "depthwise; for NNAPI there is one convolution for each group.",
    delegates=("gpu", "nnapi"),
    find=_find,
)
