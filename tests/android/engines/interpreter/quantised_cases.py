"""Real values, and what Python stores for them, for Kotlin to be compared with."""

from __future__ import annotations

import struct
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.signature import Quantisation
from mobilekit_delegates.quantised_values import dequantise, quantise

DTYPES = ("int8", "uint8", "int16")
SCALES = tuple(map(np.float32, (0.5, 0.1, 1 / 255, 0.007812502, 3.7e-9, 12345.678)))


def write_quantised_values(path: Path) -> None:
    """Write tables, big-endian: each with its scale, zero point, range and number of rows.

    A row has a real value, what is stored for it, and the real value that this stands for.
    """
    random = np.random.default_rng(8)
    tables = [
        (dtype, scale, int(zero_point))
        for dtype, scale in product(DTYPES, SCALES)
        for zero_point in (0, np.iinfo(dtype).min, np.iinfo(dtype).max, 7)
    ]
    with path.open("wb") as file:
        file.write(struct.pack(">i", len(tables)))
        for dtype, scale, zero_point in tables:
            reals = _reals(random, dtype, scale, zero_point)
            how = Quantisation(scales=(float(scale),), zero_points=(zero_point,))
            stored = quantise(reals, how, dtype)
            limits = np.iinfo(dtype)
            file.write(struct.pack(">fiiii", scale, zero_point, limits.min, limits.max, len(reals)))
            for row in zip(reals, stored, dequantise(stored, how), strict=True):
                file.write(struct.pack(">fif", *row))


def _reals(
    random: np.random.Generator, dtype: str, scale: np.float32, zero_point: int
) -> NDArray[np.float32]:
    """Return halves of steps and their neighbours, values near and far out of range, infinities."""
    limits = np.iinfo(dtype)
    steps = random.integers(limits.min - 3, limits.max + 3, 200) - zero_point
    halves = (steps + 0.5).astype("f4") * scale
    return np.concatenate(
        [
            halves,
            np.nextafter(halves, np.float32(np.inf)),
            np.nextafter(halves, np.float32(-np.inf)),
            random.normal(0, float(scale) * 100, 200).astype("f4"),
            np.asarray([0, -0.0, np.inf, -np.inf, 3e38, -3e38, 1e-45], "f4"),
        ]
    )
