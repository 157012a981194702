"""Which source pixels an output pixel is made of, and with which weights.

Rows and columns are resized apart, each by a table of windows: output pixel `o` is the weighted sum
of source pixels `start[o]`, `start[o] + 1`, …. Positions are worked out in whole numbers where that
is possible, so that every language gets the same table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.inputs import Fit, Resize


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The windows of all output pixels along one axis.

    `start` has the first source pixel of each, int64 (outputs,); `weights` float32 (outputs, taps),
    filled with zeros where a window is shorter than the longest.
    """

    start: NDArray[np.int64]
    weights: NDArray[np.float32]


def windows(resize: Resize, source: int, target: int) -> Windows:
    """Return the windows that resize `source` pixels to `target` pixels, each at least one."""
    return _RESIZES[resize](source, target)


def _nearest(source: int, target: int) -> Windows:
    """The pixel that holds the output pixel's centre, the right one if it lies between two."""
    outputs = np.arange(target, dtype=np.int64)
    return Windows(
        start=(2 * outputs + 1) * source // (2 * target), weights=np.ones((target, 1), np.float32)
    )


def _bilinear(source: int, target: int) -> Windows:
    """The two pixels whose centres enclose the output pixel's; beyond the edge, the edge's pixel.

    The centre lies at (o + 1/2) * source / target - 1/2 pixels from the first one's.
    """
    outputs = np.arange(target, dtype=np.int64)
    left, rest = np.divmod((2 * outputs + 1) * source - target, 2 * target)
    share = rest / (2 * target)
    share[(left < 0) | (left >= source - 1)] = 0
    weights = np.stack([1 - share, share], axis=1).astype(np.float32)
    return Windows(start=np.clip(left, 0, source - 1), weights=weights)


def _antialiased(source: int, target: int) -> Windows:
    """A triangle as wide as two output pixels; enlarging needs none, and is bilinear."""
    if source <= target:
        return _bilinear(source, target)
    ratio = source / target
    centre = (np.arange(target) + 0.5) * ratio
    start = np.maximum((centre - ratio + 0.5).astype(np.int64), 0)
    end = np.minimum((centre + ratio + 0.5).astype(np.int64), source)
    pixels = start[:, None] + np.arange((end - start).max())
    triangle = np.maximum(1 - np.abs((pixels + 0.5 - centre[:, None]) / ratio), 0)
    triangle[pixels >= end[:, None]] = 0
    total = np.cumsum(triangle, axis=1)[:, -1:]  # added from left to right, as the wrappers do
    return Windows(start=start, weights=(triangle / total).astype(np.float32))


_RESIZES: dict[Resize, Callable[[int, int], Windows]] = {
    "nearest": _nearest,
    "bilinear": _bilinear,
    "bilinear-antialias": _antialiased,
}


@dataclass(frozen=True, kw_only=True)
class Box:
    """A part of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int


def boxes(fit: Fit, source: tuple[int, int], target: tuple[int, int]) -> tuple[Box, Box]:
    """Return the part of the source that is used, and the part of the target that it fills.

    Args:
        fit: how sides of another ratio are brought to the target's.
        source: height and width of the image, each at least 1.
        target: height and width of the model's input.
    """
    if fit == "crop":
        return _centred(_shrunk(source, target), source), _centred(target, target)
    if fit == "pad":
        return _centred(source, source), _centred(_shrunk(target, source), target)
    return _centred(source, source), _centred(target, target)


def _shrunk(sides: tuple[int, int], ratio: tuple[int, int]) -> tuple[int, int]:
    """Return the largest sides within `sides` that have the ratio of others, to the next pixel."""
    height, width = sides
    rows, columns = ratio
    if width * rows > height * columns:
        return height, max(1, (2 * height * columns + rows) // (2 * rows))
    return max(1, (2 * width * rows + columns) // (2 * columns)), width


def _centred(inner: tuple[int, int], outer: tuple[int, int]) -> Box:
    """Place sides in the middle of others; an odd pixel is left over below and on the right."""
    return Box(
        top=(outer[0] - inner[0]) // 2,
        left=(outer[1] - inner[1]) // 2,
        height=inner[0],
        width=inner[1],
    )
