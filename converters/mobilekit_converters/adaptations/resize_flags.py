"""Resizing without the flags `align_corners` and `half_pixel_centers`, where other words say it.

NNAPI refuses both flags up to Android 10 (tflite/delegates/nnapi/nnapi_delegate.cc, Validate,
RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR). Which pixels a resize reads follows from the sizes
alone: often it is every n-th one, or the same ones as without the flag, or the mean of pairs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mobilekit_converters.adaptations.adaptation import Adaptation, Place
from mobilekit_converters.adaptations.operations import is_fixed, operations, shape_of

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class Resize:
    """One axis of a resize: from how many pixels to how many, and how they are chosen."""

    size: int
    result: int
    nearest: bool
    align_corners: bool = False
    half_pixel_centers: bool = False

    def positions(self) -> list[Fraction]:
        """Return where each pixel of the result is read, a whole number where only one is.

        The rules are those of TensorFlow's kernels (core/util/image_resizer_state.h).
        """
        return [self._position(index) for index in range(self.result)]

    def _position(self, index: int) -> Fraction:
        last = Fraction(self.size - 1)
        if self.align_corners and self.result > 1:
            place = index * last / (self.result - 1)
            rounded = math.floor(place + Fraction(1, 2))
        elif self.half_pixel_centers:
            place = (index + Fraction(1, 2)) * self.size / self.result
            rounded = math.floor(place)
            place -= Fraction(1, 2)
        else:
            place = Fraction(index * self.size, self.result)
            rounded = math.floor(place)
        return min(max(Fraction(rounded) if self.nearest else place, Fraction(0)), last)


def _find(graph: tf.Graph, _: frozenset[str]) -> Iterator[Place]:
    for operation in operations(graph, "ResizeBilinear", "ResizeNearestNeighbor"):
        image = operation.inputs[0]
        flagged = operation.get_attr("align_corners") or operation.get_attr("half_pixel_centers")
        if flagged and is_fixed(image) and image.dtype == operation.outputs[0].dtype:
            build = _other_words(operation)
            if build is not None:
                yield Place(operation=operation, inputs=(image,), build=build)


def _other_words(operation: tf.Operation) -> Any:
    nearest = operation.type == "ResizeNearestNeighbor"
    sizes = zip(
        shape_of(operation.inputs[0])[1:3], shape_of(operation.outputs[0])[1:3], strict=True
    )
    flags = {key: operation.get_attr(key) for key in ("align_corners", "half_pixel_centers")}
    axes = [Resize(size=size, result=result, nearest=nearest, **flags) for size, result in sizes]
    steps = [every_nth(axis) for axis in axes]
    if all(steps):
        return _slices(axes, [step for step in steps if step])
    unflagged = [Resize(size=axis.size, result=axis.result, nearest=nearest) for axis in axes]
    if all(map(_reads_the_same, axes, unflagged)):
        return _without_flags(operation, axes)
    if not nearest and all(map(_is_mean_of_pairs, axes)):
        return _means_of_pairs
    return None


def every_nth(axis: Resize) -> tuple[int, int] | None:
    """Return the first pixel and the step where a resize reads every n-th one, else None."""
    places = axis.positions()
    step = places[1] - places[0] if len(places) > 1 else Fraction(1)
    regular = all(b - a == step for a, b in itertools.pairwise(places))
    if not regular or step < 1 or any(place.denominator != 1 for place in (*places, step)):
        return None
    return int(places[0]), int(step)


def _reads_the_same(axis: Resize, other: Resize) -> bool:
    # Between one pixel and itself there is nothing to mix.
    return axis.size == 1 or axis.positions() == other.positions()


def _is_mean_of_pairs(axis: Resize) -> bool:
    return axis.half_pixel_centers and axis.size == 2 * axis.result


def _slices(axes: list[Resize], steps: list[tuple[int, int]]) -> Any:
    starts = [0, *(start for start, _ in steps), 0]
    strides = [1, *(step for _, step in steps), 1]

    def build(image: Any) -> Any:
        import tensorflow as tf

        ends = [start + step * (axis.result - 1) + 1
                for axis, (start, step) in zip(axes, steps, strict=True)]  # fmt: skip
        if strides == [1, 1, 1, 1] and [axis.result for axis in axes] == image.shape[1:3].as_list():
            return tf.identity(image)
        return tf.strided_slice(image, starts, [image.shape[0], *ends, image.shape[3]], strides)

    return build


def _without_flags(operation: tf.Operation, axes: list[Resize]) -> Any:
    size = [axis.result for axis in axes]

    def build(image: Any) -> Any:
        import tensorflow as tf

        return getattr(tf.raw_ops, operation.type)(images=image, size=size)

    return build


def _means_of_pairs(image: Any) -> Any:
    import tensorflow as tf

    return tf.nn.avg_pool2d(image, 2, 2, "VALID")


RESIZE_FLAGS = Adaptation(
    name="resize_flags",
    summary="Resizing with align_corners or half_pixel_centers becomes a slice, a mean of pairs, "
    "or resizing without flags, where the sizes make it the same.",
    delegates=("nnapi",),
    find=_find,
)
