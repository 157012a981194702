"""Real values to stored integers and back: `real = scale * (stored - zero_point)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobilekit_converters.errors import DataError
from mobilekit_converters.signature import Quantisation, TensorSpec

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


def stored_input(spec: TensorSpec, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return an input's values as what the artifact stores for them, contiguous.

    Raises:
        DataError: the shape or the dtype is not the signature's.
    """
    import numpy as np

    if values.shape != spec.shape:
        raise DataError(f"Input {spec.name!r} is {spec.shape}, not {values.shape}.")
    dtype = np.dtype(spec.dtype)
    if values.dtype == dtype:
        return np.ascontiguousarray(values)
    if spec.quantisation is not None and np.issubdtype(values.dtype, np.floating):
        return quantise(values, spec.quantisation, spec.dtype)
    raise DataError(f"Input {spec.name!r} is {spec.dtype}, not {values.dtype}.")


def real_output(spec: TensorSpec, stored: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return what an artifact gave as the values that it stands for; floats stay as they are."""
    if spec.quantisation is not None and stored.dtype.kind in "iu":
        return dequantise(stored, spec.quantisation)
    return stored


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
