"""Hard variants of activations: only what was asked for, and nothing that only looks like it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapting import adapted


def silu(x: Any) -> Any:
    import keras

    return keras.activations.silu(x)


def written_silu(x: Any) -> Any:
    import tensorflow as tf

    return tf.sigmoid(x) * x


def gelu(x: Any) -> Any:
    import keras

    return keras.activations.gelu(x, approximate=False)


def written_gelu(x: Any) -> Any:
    import tensorflow as tf

    return x * (0.5 * (1 + tf.math.erf(x / np.float32(np.sqrt(2)))))


def sigmoid(x: Any) -> Any:
    import tensorflow as tf

    return tf.sigmoid(x)


def hard_swish(x: Any) -> Any:
    return x * np.clip(x + 3, 0, 6) / 6


def gelu_tanh(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@pytest.mark.parametrize(
    ("name", "call", "becomes"),
    [
        ("hard_swish", silu, hard_swish),
        ("hard_swish", written_silu, hard_swish),
        ("hard_sigmoid", sigmoid, lambda x: np.clip(x + 3, 0, 6) / 6),
        ("gelu_tanh", gelu, gelu_tanh),
        ("gelu_tanh", written_gelu, gelu_tanh),
    ],
)
@pytest.mark.parametrize("shape", [(1, 3), (1, 4, 5, 60)])
def test_activations_become_cheaper_ones(
    name: str, call: Any, becomes: Any, shape: tuple[int, ...], tmp_path: Path
) -> None:
    run = adapted(name, call, shape, tmp_path)
    assert len(run.adapted.places) == 1
    assert run.adapted.snr_db is None, "nobody claims that the function is the same"
    x = np.random.default_rng(3).normal(size=shape).astype("f4") * 2
    np.testing.assert_allclose(run.results[1], becomes(x), atol=1e-5)


def test_a_tensor_that_is_biased_before(tmp_path: Path) -> None:
    bias = np.arange(3, dtype="f4")
    run = adapted("hard_swish", lambda x: silu(x + bias), (1, 3), tmp_path)
    assert len(run.adapted.places) == 1


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("hard_sigmoid", silu),
        ("hard_swish", sigmoid),
        ("hard_swish", lambda x: x * sigmoid(1.702 * x)),
        ("hard_swish", lambda x: x * sigmoid(x[:, ::-1])),
        ("gelu_tanh", silu),
        ("gelu_tanh", lambda x: gelu_in(x)),
    ],
)
def test_nothing_that_only_looks_like_it(name: str, call: Any, tmp_path: Path) -> None:
    run = adapted(name, call, (1, 6), tmp_path)
    assert run.adapted.places == ()
    np.testing.assert_array_equal(*run.results)


def gelu_in(x: Any) -> Any:
    import keras

    return keras.activations.gelu(x, approximate=True)
