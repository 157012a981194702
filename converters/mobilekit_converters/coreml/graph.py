"""The frozen graph as coremltools wants it: Core ML's names and types at its ends, images first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mobilekit_converters.coreml.loops import mend_loops
from mobilekit_converters.coreml.options import CHANNELS, CoreMLOptions, ImageInput
from mobilekit_converters.errors import ConversionError
from mobilekit_converters.frozen import FrozenModel
from mobilekit_converters.signature import TensorSpec

if TYPE_CHECKING:
    import tensorflow as tf


def boundary_dtype(dtype: str) -> str:
    """Return the dtype that a Core ML feature has for a tensor: `float32` or `int32`.

    Multi-arrays of other types either do not exist (`bool`, `int64`) or need a newer system, so the
    graph casts at its ends.
    """
    return "float32" if dtype.startswith(("float", "bfloat")) else "int32"


def function_for_coreml(frozen: FrozenModel, names: dict[str, str], options: CoreMLOptions) -> Any:
    """Wrap the frozen graph in a function whose inputs and outputs are called by `names`.

    An image input takes pixels; its scale and offset are operations of the graph, so that
    per-channel scales work as well, which Core ML's own image preprocessing lacks.

    Returns:
        A `ConcreteFunction` without variables.

    Raises:
        ConversionError: an image input has no image's shape or type, or is no input at all.
    """
    import tensorflow as tf

    images = _images_by_name(frozen, options)
    graph = frozen.graph_def()
    mend_loops(graph)

    def function(*features: tf.Tensor) -> list[tf.Tensor]:
        inputs = {
            f"input_{index}:0": _value(feature, spec, images.get(spec.name))
            for index, (feature, spec) in enumerate(
                zip(features, frozen.signature.inputs, strict=True)
            )
        }
        results = tf.graph_util.import_graph_def(
            graph,
            input_map=inputs,
            return_elements=[f"output_{i}:0" for i in range(len(frozen.signature.outputs))],
            name="frozen",
        )
        return [
            tf.identity(_cast(tensor, boundary_dtype(spec.dtype)), name=names[spec.name])
            for spec, tensor in zip(frozen.signature.outputs, results, strict=True)
        ]

    return tf.compat.v1.wrap_function(
        function,
        [
            tf.TensorSpec(spec.shape, boundary_dtype(spec.dtype), name=names[spec.name])
            for spec in frozen.signature.inputs
        ],
    )


def _images_by_name(frozen: FrozenModel, options: CoreMLOptions) -> dict[str, ImageInput]:
    specs = {spec.name: spec for spec in frozen.signature.inputs}
    for image in options.images:
        if image.name not in specs:
            raise ConversionError(
                f"There is no input {image.name!r} to take an image; the model has "
                f"{', '.join(map(repr, specs))}."
            )
        _refuse_what_is_no_image(specs[image.name], image)
    return {image.name: image for image in options.images}


def _refuse_what_is_no_image(spec: TensorSpec, image: ImageInput) -> None:
    channels = CHANNELS[image.color]
    if len(spec.shape) != 4 or spec.shape[0] != 1 or spec.shape[3] != channels:
        raise ConversionError(
            f"The input {spec} cannot be a {image.color} image: that needs the shape "
            f"1×height×width×{channels}. Set its kind to 'tensor', or change its color."
        )
    if not spec.dtype.startswith("float"):
        raise ConversionError(
            f"The input {spec} cannot be an image with a scale: it holds integers. Set its kind to "
            "'tensor'."
        )
    for key, value in (("scale", image.scale), ("offset", image.offset)):
        if isinstance(value, tuple) and len(value) != channels:
            raise ConversionError(
                f"The image input {spec.name!r} has {channels} channels and {len(value)} values of "
                f"{key}. Give one number, or one for each channel."
            )


def _value(feature: tf.Tensor, spec: TensorSpec, image: ImageInput | None) -> tf.Tensor:
    """What the model gets for a feature: the tensor itself, or the pixels' values."""
    import tensorflow as tf

    value = feature
    if image is not None and np.any(np.asarray(image.scale) != 1):
        value = value * tf.constant(image.scale, value.dtype)
    if image is not None and np.any(np.asarray(image.offset) != 0):
        value = value + tf.constant(image.offset, value.dtype)
    return _cast(value, spec.dtype)


def _cast(tensor: Any, dtype: str) -> Any:
    import tensorflow as tf

    return tensor if tensor.dtype.name == dtype else tf.cast(tensor, dtype)
