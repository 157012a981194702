"""Grouped convolutions as one convolution for each group, or as a depthwise one.

LiteRT's GPU accelerator takes every grouped convolution and says so. Measured with LiteRT 2.3.0 on
Vulkan: where a group has a number of channels, in or out, that is no multiple of 4, it ends the
process (18 channels in 3 groups) or answers wrong (32 groups of one channel to two, 0 dB), but for
the depthwise form, one channel to one. NNAPI takes none before Android 10
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


def _find(graph: tf.Graph, delegates: frozenset[str]) -> Iterator[Place]:
    for convolution in operations(graph, "Conv2D"):
        image, weights = convolution.inputs
        channels, inside = image.shape[-1], weights.shape[2]
        if not is_channels_last(convolution) or channels is None or inside in (None, channels):
            continue
        groups = channels // inside
        outside = weights.shape[3] // groups
        if "nnapi" in delegates or _is_trouble_on_the_gpu(inside, outside):
            if inside == 1 and _can_be_depthwise(convolution):
                yield _as_depthwise(convolution)
            elif groups <= MOST_GROUPS:
                yield _split(convolution, groups)


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


def _split(convolution: tf.Operation, groups: int) -> Place:
    def build(image: Any, weights: Any) -> Any:
        import tensorflow as tf

        size = image.shape[-1] // groups
        filters = weights.shape[-1] // groups
        results = []
        for group in range(groups):
            # Slices of whole tensors, because NNAPI has no split where it has no groups.
            part = tf.slice(image, (0, 0, 0, group * size), (*image.shape[:3], size))
            kernel = weights[..., group * filters : (group + 1) * filters]
            results.append(again(convolution, [part, kernel]))
        return tf.concat(results, axis=3)

    return Place(operation=convolution, inputs=tuple(convolution.inputs), build=build)


SPLIT_GROUPS = Adaptation(
    name="split_groups",
    summary="Grouped convolutions become a depthwise one, or one for each group: those that break "
    "LiteRT's GPU accelerator, and for NNAPI all.",
    delegates=("gpu", "nnapi"),
    find=_find,
)
