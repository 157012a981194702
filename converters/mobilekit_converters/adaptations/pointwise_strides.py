"""Strided kernels of one pixel with a second pixel of zeros.

LiteRT's GPU accelerator computes 1×1 convolutions with strides wrong where weights are integers,
and says that it takes them (LiteRT 2.3.0 on Vulkan: int8 weights, and int8 throughout; the
shortcuts of every ResNet). Floats and larger kernels are right. The zeros cost as much work again
as the pixel, which is little in such a layer, and no delegate leaves it for that: a slice before
it would end XNNPACK's part of the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mobilekit_converters.adaptations.adaptation import Adaptation, Place
from mobilekit_converters.adaptations.operations import (
    again,
    is_channels_last,
    is_fixed,
    operations,
    padding_of,
)

if TYPE_CHECKING:
    import tensorflow as tf


def _find(graph: tf.Graph, _: frozenset[str]) -> Iterator[Place]:
    for convolution in operations(graph, "Conv2D"):
        weights = convolution.inputs[1]
        _, down, across, _ = convolution.get_attr("strides")
        if (
            is_channels_last(convolution)
            and padding_of(convolution) in ("SAME", "VALID")
            and is_fixed(weights)
            and weights.shape[:2] == (1, 1)
            and max(down, across) > 1
        ):
            yield _place(convolution, axis=1 if across > 1 else 0)


def _place(convolution: tf.Operation, axis: int) -> Place:
    """Widen a kernel along an axis with strides: there SAME never pads before the first pixel."""

    def build(image: Any, weights: Any) -> Any:
        import tensorflow as tf

        amounts = [[0, int(index == axis)] for index in range(4)]
        return again(convolution, [image, tf.pad(weights, amounts)], padding="SAME")

    return Place(operation=convolution, inputs=tuple(convolution.inputs), build=build)


POINTWISE_STRIDES = Adaptation(
    name="pointwise_strides",
    summary="Kernels of one pixel with strides, which LiteRT's GPU accelerator computes wrong in "
    "integers, get a second pixel of zeros.",
    delegates=("gpu",),
    find=_find,
)
