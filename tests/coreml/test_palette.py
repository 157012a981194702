from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mobilekit_converters.coreml.palette import MOST_VALUES, palette_of

RANDOM = np.random.default_rng(0)
WEIGHTS = {
    "normal": RANDOM.normal(size=(200, 200)),
    "heavy tails": RANDOM.standard_t(2, size=20_000),
    "two far apart": np.concatenate([RANDOM.normal(size=9000), RANDOM.normal(50, 0.1, 1000)]),
    "few": RANDOM.normal(size=500),
}


def squared_error(palette: NDArray[Any], indices: NDArray[Any], weights: NDArray[Any]) -> float:
    difference = palette[indices].astype(np.float64) - weights.ravel().astype(np.float64)
    return float(np.mean(difference**2))


@pytest.mark.parametrize("bits", [4, 6, 8])
@pytest.mark.parametrize("name", WEIGHTS)
def test_the_error_is_no_larger_than_scikit_learns(name: str, bits: int) -> None:
    from sklearn.cluster import KMeans

    weights = WEIGHTS[name].astype(np.float16)
    palette, indices = palette_of(bits)(weights)
    assert (palette.shape, palette.dtype) == ((2**bits,), np.float16)
    assert (indices.shape, indices.dtype) == ((weights.size,), np.uint8)
    # The settings that coremltools clusters with.
    rival = KMeans(2**bits, init="k-means++", tol=1e-2, n_init=1, random_state=0)
    rival.fit(weights.reshape(-1, 1).astype(np.float64))
    theirs = squared_error(
        rival.cluster_centers_.ravel().astype(np.float16), rival.labels_, weights
    )
    assert squared_error(palette, indices, weights) <= theirs


def test_thinning_loses_next_to_nothing() -> None:
    """Against the optimum over all values, which takes far longer."""
    from coremltools._deps import kmeans1d

    weights = RANDOM.normal(size=MOST_VALUES * 4)
    best = kmeans1d.cluster(weights, 64)
    optimum = squared_error(np.array(best.centroids), np.array(best.clusters), weights)
    assert squared_error(*palette_of(6)(weights), weights) <= 1.01 * optimum


@given(st.lists(st.floats(-1e4, 1e4, width=16), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_every_weight_gets_its_nearest_value(values: list[float]) -> None:
    weights = np.array(values, np.float32)
    palette, indices = palette_of(4)(weights)
    distances = np.abs(palette[None, :].astype(np.float64) - weights[:, None])
    chosen = distances[np.arange(len(weights)), indices]
    assert chosen == pytest.approx(distances.min(axis=1), abs=1e-3, rel=1e-3)


def test_few_different_values_are_kept_exactly() -> None:
    weights = np.array([[0.5, -1.0], [0.5, 2.0]], np.float16)
    palette, indices = palette_of(4)(weights)
    assert palette[indices].tolist() == [0.5, -1.0, 0.5, 2.0]
