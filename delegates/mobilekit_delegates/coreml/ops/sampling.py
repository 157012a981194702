"""Where the points of a resized image lie in the original, in each of MIL's sampling modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_delegates.coreml.op import Op

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Points along one axis: `fractions * max(least, length - inset) + shift`.

    `length` is that of the original, or of a box in it.
    """

    fractions: Array
    inset: int = 0
    least: float = 0.0
    shift: float = 0.0

    def positions(self, length: int) -> Array:
        """Return the points in an image of that length, none of them outside of it."""
        points = self.fractions * max(self.least, length - self.inset) + self.shift
        return np.clip(points, 0, length - 1)


def grid(op: Op, mode: str, count: int) -> Grid:
    """Return `count` points in a sampling mode of Apple's reference of `resize_bilinear`."""
    steps = np.arange(count, dtype=np.float64)
    between = steps / max(1, count - 1)
    if mode == "STRICT_ALIGN_CORNERS":
        return Grid(fractions=between, inset=1)
    if mode == "ALIGN_CORNERS":
        return Grid(fractions=between if count > 1 else np.array([0.5]), inset=1)
    if mode == "DEFAULT":
        return Grid(fractions=steps / count)
    if mode == "OFFSET_CORNERS":
        return Grid(fractions=(steps + 0.5) / count, inset=1, least=1.0)
    if mode == "UNALIGN_CORNERS":
        return Grid(fractions=(steps + 0.5) / count, shift=-0.5)
    raise op.unsupported(f"the sampling_mode {mode!r}")


def interpolation(positions: Array, length: int) -> Array:
    """Return the matrix, one row for each position, that interpolates linearly between values."""
    return np.maximum(0.0, 1.0 - np.abs(positions[:, None] - np.arange(length)))
