"""The range of every value that a program computes on calibration data.

Nothing here can run a program: who can is passed in, because the evaluator of Core ML packages
knows this package and not the other way round. coremltools' own calibration needs a Mac, and keeps
no more than the last sample's ranges (its issue 2704).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mobilekit_converters.artifact import Artifact

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

Ranges = dict[str, tuple[float, float]]
"""The lowest and the highest value by the program's own name; NaN in both where one was NaN."""


class Trace(Protocol):
    """Runs a Core ML package."""

    def __call__(
        self, artifact: Artifact, batches: Iterable[Mapping[str, Array]]
    ) -> Iterator[tuple[str, Array]]:
        """Yield every value that the program computes on each batch, with its name.

        Args:
            artifact: the package.
            batches: arrays by the source's input names, in the signature's shapes.
        """


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Calibration data, an `.npz` with an array per input name, and what runs a package on it."""

    data: Path
    trace: Trace


def measure_ranges(
    artifact: Artifact, batches: Iterable[Mapping[str, Array]], trace: Trace
) -> Ranges:
    """Return the range of every floating-point value over all batches."""
    import numpy as np

    ranges: Ranges = {}
    for name, array in trace(artifact, batches):
        if array.dtype.kind != "f" or array.size == 0:
            continue
        low, high = ranges.get(name, (np.inf, -np.inf))
        # Unlike Python's, numpy's minimum of a number and NaN is NaN.
        ranges[name] = (
            float(np.minimum(low, np.min(array))),
            float(np.maximum(high, np.max(array))),
        )
    return ranges
