"""What can be told of a model that nobody described: a range its inputs may have, its task.

A guess is never silent: each comes with a sentence for the report, which says how to overrule it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.inputs import InputFacts
from mobilekit_converters.signature import TensorSpec

Arrays = Mapping[str, NDArray[np.generic]]

RANGES = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0))
"""What inputs are scaled to in practice: images and audio in one of the three."""

LEAST_SIDE = 8
"""A tensor of one or three channels whose sides are at least this long is taken for an image."""

LEAST_LIVELINESS = 0.02
"""Outputs that vary less than this share of their size answer all samples alike."""


def with_range(
    facts: InputFacts, shape: tuple[int, ...], bounds: tuple[float, float]
) -> InputFacts:
    """Give an input a range, and the structure of an image if its shape is that of one.

    Args:
        facts: without a range.
        shape: of one sample.
        bounds: the lowest and the highest value.
    """
    low, high = bounds
    if len(shape) == 3 and shape[2] in (1, 3) and min(shape[:2]) >= LEAST_SIDE:
        image = InputFacts(kind="image", scale=(high - low) / 255, offset=low)
        return replace(image, color="grayscale") if shape[2] == 1 else image
    return replace(facts, low=low, high=high)


def liveliest_range(answer: Callable[[tuple[float, float]], Arrays]) -> tuple[float, float]:
    """Return the range in which the model's outputs vary most, the first of equals.

    A model that is fed values a hundred times too small or too large answers everything alike, so
    that comparing its answers proves little.

    Args:
        answer: gives the model's outputs, samples first, for inputs of a range.
    """
    return max(RANGES, key=lambda bounds: liveliness(answer(bounds)))


def liveliness(outputs: Arrays) -> float:
    """Return how much outputs vary from sample to sample, as a share of their size: 0 to about 1.

    It is the mean over the outputs of rms(output - mean over the samples) / rms(output); outputs
    with NaN or Inf count as 0.
    """
    shares = []
    for array in outputs.values():
        values = array.astype(np.float64)
        size = float(np.sqrt(np.mean(values**2))) if np.isfinite(values).all() else 0.0
        spread = float(np.sqrt(np.mean((values - values.mean(axis=0)) ** 2))) if size else 0.0
        shares.append(spread / size if size else 0.0)
    return float(np.mean(shares)) if shares else 0.0


def is_classification(values: NDArray[np.generic]) -> bool:
    """Tell whether an output, samples first, holds shares that add up to 1 for every sample."""
    if values.ndim != 2 or values.shape[1] < 2 or values.dtype.kind != "f":
        return False
    shares = values.astype(np.float64)
    return bool((shares >= 0).all() and np.abs(shares.sum(axis=1) - 1).max() < 1e-3)


def unknown(specs: tuple[TensorSpec, ...], facts: Mapping[str, InputFacts]) -> tuple[str, ...]:
    """Return the names of the floating-point inputs whose range nobody gave."""
    return tuple(
        spec.name
        for spec in specs
        if np.dtype(spec.dtype).kind == "f" and facts.get(spec.name, InputFacts()).bounds is None
    )
