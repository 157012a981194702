"""Proves by running that what a rewrite computes at a place is what was computed there before."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mobilekit_converters.adaptations.adaptation import Place
from mobilekit_converters.adaptations.operations import constant, is_fixed, shape_of

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray

LEAST_SNR_DB = 100.0
"""Sums of float32 in another order differ by some 130 dB; half precision would show 70."""

_SEED = 0


def why_unproved(place: Place) -> str:
    """Say why no proof can be run at a place; empty where one can."""
    if len(place.operation.outputs) != 1:
        return "it has several results"
    if not all(map(is_fixed, (*place.inputs, *place.operation.outputs))):
        return "its shapes are not fixed"
    if not all(tensor.dtype.is_floating for tensor in place.inputs):
        return "it computes with integers"
    return ""


def agreement_db(graph: tf.Graph, place: Place) -> float:
    """Compare old and new at a place on values that are fed there.

    The values are small and large normal ones, and zeros, so that borders and signs show. Constants
    stay what they are.

    Args:
        graph: the graph that the place is in; operations are added to it.
        place: one that can be proved.

    Returns:
        The least signal-to-noise ratio in decibels; infinite where all numbers are the same, and
        minus infinity where the new way fails, gives another shape or numbers that are not finite.
    """
    import tensorflow as tf

    old = place.operation.outputs[0]
    with graph.as_default():
        new = place.build(*place.inputs)
    if new.dtype != old.dtype or not new.shape.is_compatible_with(old.shape):
        return -math.inf
    fed = [tensor for tensor in place.inputs if constant(tensor) is None]
    with tf.compat.v1.Session(graph=graph) as session:
        return min(
            snr_db(*session.run((new, old), dict(zip(fed, values, strict=True))))
            for values in _values(fed)
        )


def _values(tensors: list[tf.Tensor]) -> Iterator[list[NDArray[np.generic]]]:
    import numpy as np

    generator = np.random.default_rng(_SEED)
    for size in (1.0, 30.0, 0.0):
        yield [
            (generator.normal(size=shape_of(tensor)) * size).astype(tensor.dtype.as_numpy_dtype)
            for tensor in tensors
        ]


def snr_db(found: Any, expected: Any) -> float:
    """Return the signal-to-noise ratio of an array, in decibels; infinite where nothing differs."""
    import numpy as np

    if found.shape != expected.shape:
        return -math.inf
    if not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return -math.inf
    signal = np.square(expected.astype("f8")).sum()
    noise = np.square(found.astype("f8") - expected).sum()
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf
