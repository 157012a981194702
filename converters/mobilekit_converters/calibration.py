"""Calibration data: real inputs that show a quantiser which values to expect."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit_converters.errors import DataError, nearest
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.variants import Variant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def no_calibration_data(variant: Variant) -> DataError:
    """Return the error of a variant that cannot be made without calibration data."""
    return DataError(
        f"{variant.name} needs calibration data: real inputs that show it which values to expect. "
        "Name an .npz file under [data] calibration, or leave this variant out."
    )


def calibration_batches(
    variant: Variant, signature: Signature, path: Path | None
) -> Callable[[], Iterator[dict[str, NDArray[np.generic]]]]:
    """Return a function that yields calibration data in the signature's shapes, by input name.

    A last batch that is not full is filled with samples from the start: calibration looks for the
    range of each value, and seeing a sample twice does not change a range.

    Args:
        variant: what is calibrated, for messages.
        signature: the source's.
        path: an `.npz` with an array per input name, of shape (samples, *shape without the batch).

    Raises:
        DataError: there is no file, it cannot be read, or an array is missing or has a wrong shape.
    """
    import numpy as np

    if path is None:
        raise no_calibration_data(variant)
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {
                spec.name: _calibration_array(spec, stored, path) for spec in signature.inputs
            }
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read as calibration data: {error}.") from error
    counts = {name: len(array) for name, array in arrays.items()}
    samples = min(counts.values(), default=0)
    if samples == 0 or samples != max(counts.values()):
        raise DataError(
            f"{path}: every input needs the same number of calibration samples, at least one; "
            f"found {', '.join(f'{name}: {count}' for name, count in counts.items())}."
        )

    def batches() -> Iterator[dict[str, NDArray[np.generic]]]:
        size = max(signature.inputs[0].shape[0] if signature.inputs[0].shape else 1, 1)
        for start in range(0, samples, size):
            rows = np.arange(start, start + size) % samples
            yield {
                spec.name: np.ascontiguousarray(
                    arrays[spec.name][rows].reshape(spec.shape), dtype=spec.dtype
                )
                for spec in signature.inputs
            }

    return batches


def _calibration_array(spec: TensorSpec, stored: object, path: Path) -> NDArray[np.generic]:
    names = list(stored.files)  # type: ignore[attr-defined]
    if spec.name not in names:
        raise DataError(
            f"{path} has no array {spec.name!r}; it has {', '.join(names) or 'none'}."
            f"{nearest(spec.name, names)} Store one array per input, under the input's name."
        )
    array: NDArray[np.generic] = stored[spec.name]  # type: ignore[index]
    if array.shape[1:] != spec.shape[1:] or not array.ndim:
        raise DataError(
            f"{path}: array {spec.name!r} has the shape {array.shape}, and the input needs "
            f"{('samples', *spec.shape[1:])}."
        )
    return array
