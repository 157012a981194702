"""Faults in what an app feeds: the golden's inputs, changed, with the outputs that stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.signature import Quantisation
from mobilekit_delegates.quantised_values import dequantise, quantise

Array = NDArray[Any]

InputFault = Callable[[Array], Array | None]
"""Changes samples of shape (samples, …); None where it does not apply."""


def rgb_as_bgr(samples: Array) -> Array | None:
    return samples[..., ::-1] if samples.shape[-1] == 3 else None


def transposed(samples: Array) -> Array:
    """Height and width swapped, and read in the shape that the model wants."""
    axes = [axis for axis in range(1, samples.ndim) if samples.shape[axis] > 1][:2]
    return np.swapaxes(samples, *axes).reshape(samples.shape)


def shifted_by_one(samples: Array) -> Array:
    """The first row or frame is lost, and an empty one comes in at the end."""
    result = np.roll(samples, -1, axis=1)
    result[:, -1] = 0
    return result


def to_other_range(samples: Array) -> Array:
    """Scaled to -1 to 1 in place of the model's own range, or to 0 to 1 if that is it."""
    low, high = float(samples.min()), float(samples.max())
    share = (samples - low) / (high - low)
    return (share if low < -0.5 else 2 * share - 1).astype(samples.dtype)


def scale_forgotten(samples: Array) -> Array:
    """Bytes where the model wants shares, or shares where it wants bytes."""
    factor = 255 if np.abs(samples).max() < 10 else 1 / 255
    return (samples * factor).astype(samples.dtype)


def upside_down(samples: Array) -> Array:
    return samples[:, ::-1].copy()


def int8_as_uint8(samples: Array, quantisation: Quantisation) -> Array:
    """The app quantises to 0 to 255, and the model, whose input is int8, reads the same bytes."""
    stored = quantise(samples, quantisation, "int8").astype(np.int16) + 128
    read = stored.astype(np.uint8).view(np.int8)
    real: Array = dequantise(read, quantisation).astype(samples.dtype)
    return real


def sample_before(samples: Array) -> Array:
    """The sample before: an app that shows the last frame's answer."""
    return np.roll(samples, 1, axis=0)


INPUT_FAULTS: dict[str, InputFault] = {
    "RGB as BGR, in the input": rgb_as_bgr,
    "height and width transposed, in the input": transposed,
    "the input shifted by one row": shifted_by_one,
    "the input upside down": upside_down,
    "the input scaled to another range": to_other_range,
    "the input's scale forgotten": scale_forgotten,
    "the answer to the sample before": sample_before,
}


INT8_AS_UINT8 = "int8 fed as uint8"
"""The one that needs an artifact whose input is int8."""
