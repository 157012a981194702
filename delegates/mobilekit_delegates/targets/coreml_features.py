"""Values to a Core ML package's features and back: its own names, images as pixels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mobilekit_converters.errors import DataError, TargetError
from mobilekit_converters.signature import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]
    Reals = NDArray[np.float64]
    Scales = Mapping[str, tuple[Reals, Reals]]


def image_scales(spec: Any) -> Scales:
    """Return the scale and offset of each image input, by the source's names.

    Args:
        spec: a package's `Model_pb2.Model`; only mobilekit's own say it.

    Raises:
        TargetError: the package's metadata is damaged.
    """
    import numpy as np

    from mobilekit_converters.coreml.canonical import IMAGES_KEY  # it brings numpy

    stored = dict(spec.description.metadata.userDefined).get(IMAGES_KEY, "{}")
    try:
        return {
            name: (np.asarray(image["scale"], float), np.asarray(image["offset"], float))
            for name, image in json.loads(stored).items()
        }
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise TargetError(f"The metadata {IMAGES_KEY} cannot be read: {error!r}.") from error


def feature_of(spec: TensorSpec, inputs: Arrays, scales: Scales) -> NDArray[np.generic]:
    """Return what a program takes for an input: images by channel, as whole pixels.

    Raises:
        DataError: the input is missing, or has another shape or dtype than `spec`.
    """
    import numpy as np

    if spec.name not in inputs:
        raise DataError(f"There is no input {spec.name!r}, only {sorted(inputs)}.")
    values = inputs[spec.name]
    if values.shape != spec.shape:
        raise DataError(f"Input {spec.name!r} is {spec.shape}, not {values.shape}.")
    if spec.dtype != "uint8":
        if values.dtype.kind not in ("f" if spec.dtype.startswith("float") else "iub"):
            raise DataError(f"Input {spec.name!r} is {spec.dtype}, not {values.dtype}.")
        return values
    if values.dtype.kind == "f" and spec.name in scales:
        scale, offset = scales[spec.name]
        pixels = (values.astype(np.float64) - offset) / scale
        values = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    if values.dtype != np.uint8:
        raise DataError(f"Input {spec.name!r} takes the pixels of an image, not {values.dtype}.")
    return np.moveaxis(values, -1, 1)


def output_of(spec: TensorSpec, outputs: Arrays, native: str) -> NDArray[np.generic]:
    """Return an output in the signature's dtype; `native` is the package's name for it.

    Raises:
        TargetError: it is not there.
    """
    if native not in outputs:
        raise TargetError(f"The package has no output {native!r}, only {sorted(outputs)}.")
    return outputs[native].astype(spec.dtype, copy=False)
