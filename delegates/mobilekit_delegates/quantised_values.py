"""Real values to stored integers and back: `real = scale * (stored - zero_point)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobilekit_converters.signature import Quantisation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def quantise(
    values: NDArray[np.generic], quantisation: Quantisation, dtype: str
) -> NDArray[np.generic]:
    """Return real values as integers of `dtype`: rounded to the nearest, halves away from zero.

    That is how TFLite's own `QUANTIZE` rounds (`TfLiteRound`). Values outside of the range of the
    integers become its ends.
    """
    import numpy as np

    scales, zero_points = _along_axis(quantisation, values.ndim)
    steps = np.asarray(values, dtype=np.float64) / scales
    rounded = np.trunc(steps + np.copysign(0.5, steps)) + zero_points
    limits = np.iinfo(dtype)
    stored: NDArray[np.generic] = np.clip(rounded, limits.min, limits.max).astype(dtype)
    return stored


def dequantise(stored: NDArray[np.generic], quantisation: Quantisation) -> NDArray[np.float32]:
    """Return stored integers as the real values they stand for, in float32."""
    import numpy as np

    scales, zero_points = _along_axis(quantisation, stored.ndim)
    return ((np.asarray(stored, dtype=np.float64) - zero_points) * scales).astype(np.float32)


def _along_axis(
    quantisation: Quantisation, rank: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shape scales and zero points so that they broadcast along their axis."""
    import numpy as np

    shape = [1] * rank
    if quantisation.axis is not None:
        shape[quantisation.axis] = -1
    scales = np.asarray(quantisation.scales, dtype=np.float64)
    zero_points = np.asarray(quantisation.zero_points, dtype=np.float64)
    return scales.reshape(shape), zero_points.reshape(shape)
