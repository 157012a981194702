"""Palettes: the few values that stand for all of a weight tensor's, with the least squared error.

coremltools clusters with scikit-learn's k-means for points of any dimension, which takes most of a
build's time and ends in the next best local optimum. Weights are plain numbers. For those the
optimum can be computed (Wang and Song, 2011), and coremltools carries a library that does. Its time
grows with the number of different values, so that large tensors are thinned out for it first; what
it finds is then refined on all values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Indices = NDArray[np.uint8]

MOST_VALUES = 1536
"""How many values the optimum is computed for: six for each of the 256 of the largest palette."""

_BINS = 1 << 16
_ITERATIONS = 100


def palette_of(bits: int) -> Callable[[NDArray[np.generic]], tuple[NDArray[np.generic], Indices]]:
    """Return the function that coremltools asks for a palette of `2**bits` values.

    It takes weights of any shape and returns the palette, of shape (2**bits,) and the weights'
    dtype, and for each weight in row-major order its index in it.
    """

    def palette_and_indices(
        weights: NDArray[np.generic],
    ) -> tuple[NDArray[np.generic], Indices]:
        values, places, counts = np.unique(
            weights.ravel().astype(np.float64), return_inverse=True, return_counts=True
        )
        centres = cluster(values, counts.astype(np.float64), 2**bits)
        nearest = np.searchsorted(_edges(centres), values).astype(np.uint8)
        return centres.astype(weights.dtype), nearest[places.ravel()]

    return palette_and_indices


def cluster(values: Reals, counts: Reals, size: int) -> Reals:
    """Choose `size` centres for numbers, so that the squared distances to them are small.

    Args:
        values: ascending, no two alike.
        counts: how often each value occurs.
        size: how many centres.

    Returns:
        The centres, ascending. Where there are no more values than centres they are the values,
        the last one repeated.
    """
    if len(values) <= size:
        return np.pad(values, (0, size - len(values)), mode="edge")
    from coremltools._deps import kmeans1d

    few, weights = _thinned(values, counts)
    centres = np.array(kmeans1d.cluster(few, size, weights=weights).centroids, np.float64)
    return centres if len(few) == len(values) else _refined(values, counts, centres)


def _thinned(values: Reals, counts: Reals) -> tuple[Reals, Reals]:
    """Merge neighbouring values until few are left; return their means and how many each holds.

    The cells are as narrow where values are dense as palettes are there: the density of an optimal
    palette goes with the cube root of the values' (Panter and Dite, 1951).
    """
    if len(values) <= MOST_VALUES:
        return values, counts
    density, borders = np.histogram(values, bins=_BINS, weights=counts)
    smooth = np.convolve(density, np.ones(_BINS // 256) / (_BINS // 256), mode="same")
    share = np.concatenate([[0.0], np.cumsum(np.cbrt(smooth))])
    edges = np.interp(np.linspace(0, share[-1], MOST_VALUES + 1)[1:-1], share, borders)
    cell = np.searchsorted(edges, values)
    held: Reals = np.bincount(cell, counts, MOST_VALUES).astype(np.float64)
    means = np.bincount(cell, counts * values, MOST_VALUES)[held > 0] / held[held > 0]
    return means, held[held > 0]


def _refined(values: Reals, counts: Reals, centres: Reals) -> Reals:
    """Move each centre to the mean of what is nearest to it, until none moves (Lloyd, 1982)."""
    number = np.concatenate([[0.0], np.cumsum(counts)])
    total = np.concatenate([[0.0], np.cumsum(counts * values)])
    for _ in range(_ITERATIONS):
        ends = np.searchsorted(values, _edges(centres))
        bounds = np.concatenate([[0], ends, [len(values)]])
        inside, sums = np.diff(number[bounds]), np.diff(total[bounds])
        moved = np.where(inside > 0, sums / np.maximum(inside, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def _edges(centres: Reals) -> Reals:
    """Return the borders between the ranges of values that are nearest to each centre."""
    edges: Reals = (centres[1:] + centres[:-1]) / 2
    return edges
