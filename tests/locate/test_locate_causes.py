"""The table of hypotheses, on values that are made up: each fault is told from all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mobilekit.parity.locate_causes import Evidence, likely_cause, odd_channel

RNG = np.random.default_rng(0)
PLAIN = RNG.normal(0, 2, (6, 1, 8, 8, 16)).astype("f4")


def evidence(
    change: Callable[[NDArray[np.float32]], NDArray[np.float32]], activation: str = ""
) -> Evidence:
    """What changes before the activation does to a layer."""
    limits = {"": (-np.inf, np.inf), "Relu": (0, np.inf), "Relu6": (0, 6)}[activation]
    return Evidence(
        actual=np.clip(change(PLAIN.copy()), *limits).astype("f4"),
        expected=np.clip(PLAIN, *limits),
        unactivated=PLAIN,
        activation=activation,
    )


def one_channel(values: NDArray[np.float32]) -> NDArray[np.float32]:
    values[..., 5] *= 3
    return values


def some_gain(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values * np.linspace(0.5, 2, 16, dtype="f4")


def some_bias(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values + np.linspace(-1, 2, 16, dtype="f4")


@pytest.mark.parametrize("activation", ["", "Relu", "Relu6"])
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda v: -v, "the sign of its values is flipped"),
        (lambda v: 1.7 * v, "its values are 1.7 times the source's: a scale is wrong"),
        (lambda v: v + 0.75, "all its values are off by +0.75: a constant was added or dropped"),
        (some_bias, "each channel is off by a constant of its own: its bias was dropped"),
        (some_gain, "each channel is off by a factor of its own: the scales of its weights"),
        (lambda v: 2 * v + np.linspace(-1, 2, 16), "its weights are 2 times the source's"),
        (lambda v: np.linspace(-1, 2, 16) - v, "the sign of its weights is flipped"),
        (one_channel, "only channel 5 of 16 differs: weights or bias of it were changed"),
        (lambda v: v[..., ::-1], "its channels are in reverse order"),
        (lambda v: np.roll(v, 3, -1), "16 of its 16 channels are in another order"),
        (lambda v: v.swapaxes(2, 3), "height and width are transposed"),
        (lambda v: v[:, :, ::-1], "it is upside down"),
        (lambda v: v[:, :, :, ::-1], "it is mirrored"),
        (lambda v: np.roll(v, (1, -1), (2, 3)), "it is shifted by 1 rows and -1 columns"),
        (lambda v: 0 * v, "it gives 0 for everything: its weights are zero or were lost"),
        (lambda v: RNG.permutation(v.ravel()).reshape(v.shape), "no simple change explains it"),
    ],
)
def test_a_change_before_an_activation_is_recognised(
    change: Callable[[NDArray[np.float32]], NDArray[np.float32]], cause: str, activation: str
) -> None:
    assert likely_cause(evidence(change, activation)).startswith(cause)


@pytest.mark.parametrize("activation", ["Relu", "Relu6"])
def test_a_missing_activation(activation: str) -> None:
    found = replace(evidence(lambda v: v, activation), actual=PLAIN)
    assert likely_cause(found).startswith(f"its activation, {activation}, is missing: the source's")


def test_a_softmax_that_is_missing_or_on_the_wrong_axis() -> None:
    def softmax(axis: int) -> NDArray[np.float32]:
        shares = np.exp(PLAIN)
        return (shares / shares.sum(axis, keepdims=True)).astype("f4")

    right = Evidence(actual=PLAIN, expected=softmax(-1), unactivated=PLAIN, activation="Softmax")
    assert likely_cause(right).startswith("its activation, Softmax, is missing")
    wrong = replace(right, actual=softmax(2))
    assert likely_cause(wrong) == (
        "its values add up to 1 along axis 1: the softmax is on the wrong axis"
    )


@pytest.mark.parametrize(
    ("quantised", "what"),
    [
        (True, "the range of its quantisation is too small for these inputs"),
        (False, "something limits them"),
    ],
)
def test_values_that_are_cut_off(quantised: bool, what: str) -> None:
    found = replace(evidence(lambda v: np.clip(v, -1.5, 1.5)), quantised=quantised)
    assert likely_cause(found).startswith("its values stop at -1.5 to 1.5, and the source's reach ")
    assert likely_cause(found).endswith(what)


def test_a_zero_point_that_is_off() -> None:
    found = replace(evidence(lambda v: v + 0.5), quantised=True)
    assert likely_cause(found) == "all its values are off by +0.5: a zero point is off"


@pytest.mark.parametrize(("value", "kind"), [(np.nan, "NaN"), (np.inf, "Inf"), (-np.inf, "Inf")])
def test_what_is_no_number_comes_first(value: float, kind: str) -> None:
    def spoil(values: NDArray[np.float32]) -> NDArray[np.float32]:
        values[..., 3] = value
        return values

    assert likely_cause(evidence(spoil)) == (
        f"{kind} first appears here in channel 3: a weight of it is {kind}, or a sum overflows"
    )
    everywhere = likely_cause(evidence(lambda v: v * np.float32(np.nan)))
    assert everywhere.startswith("NaN first appears here: ")


def test_numbers_beyond_float16() -> None:
    large = PLAIN * 20000
    found = Evidence(
        actual=np.where(np.abs(large) > 65504, np.inf, large).astype("f4"),
        expected=large,
        unactivated=large,
    )
    assert "beyond the largest number of float16, 65504" in likely_cause(found)
    stopped = replace(found, actual=np.clip(large, -65504, 65504))
    assert "float16 holds no more than 65504" in likely_cause(stopped)


IMAGES = RNG.normal(0.5, 0.3, (1, 8, 8, 3)).astype("f4")
KERNEL = RNG.normal(0, 1, (3, 16)).astype("f4")


def reads(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """A layer that reads its input: each pixel and its right neighbour."""
    return np.asarray((image + 0.5 * np.roll(image, 1, 2)) @ KERNEL, np.float32)[None]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda x: x[..., ::-1], "red and blue of its input were swapped: RGB is taken for BGR"),
        (lambda x: x.swapaxes(1, 2), "height and width of its input were transposed"),
        (lambda x: x * 2 - 1, "its input went from -1 to 1 instead of 0 to 1"),
        (lambda x: np.roll(x, 1, 1), "its input were shifted by one row"),
    ],
)
def test_an_input_that_is_read_in_another_way(
    change: Callable[[NDArray[np.float32]], NDArray[np.float32]], cause: str
) -> None:
    found = Evidence(
        actual=reads(change(IMAGES)),
        expected=reads(IMAGES),
        unactivated=reads(IMAGES),
        with_inputs=lambda how: reads(how(IMAGES)),
    )
    # A shift of the input is one of the output too, which is the simpler of the two.
    if "row" not in cause:
        assert likely_cause(found) == f"it answers as if {cause}"
    else:
        assert likely_cause(found).startswith("it is shifted by 1 rows and 0 columns")


def test_inputs_that_are_no_pictures_are_not_turned() -> None:
    values = RNG.normal(0, 1, (4, 1, 10)).astype("f4")
    found = Evidence(
        actual=values * 255,
        expected=values,
        unactivated=values,
        with_inputs=lambda how: np.stack([how(row) for row in values]).astype("f4"),
    )
    assert "255 times" in likely_cause(found)


def test_the_odd_channel_of_many() -> None:
    actual = PLAIN.copy()
    assert odd_channel(actual, PLAIN) is None
    actual[..., 7] += 1
    assert odd_channel(actual, PLAIN) == 7
    assert odd_channel(actual[..., :8], PLAIN[..., :8]) is None
    assert odd_channel(PLAIN + 0.1, PLAIN) is None


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), min_size=2, max_size=5).map(tuple),
    seed=st.integers(0, 9),
    scale=st.sampled_from([0.0, 1e-30, 1.0, 1e30]),
    activation=st.sampled_from(["", "Relu", "Relu6", "Softmax", "Tanh"]),
)
def test_any_values_have_an_answer_in_one_line(
    shape: tuple[int, ...], seed: int, scale: float, activation: str
) -> None:
    rng = np.random.default_rng(seed)
    actual, expected, before = ((scale * rng.normal(size=shape)).astype("f4") for _ in range(3))
    cause = likely_cause(
        Evidence(actual=actual, expected=expected, unactivated=before, activation=activation)
    )
    assert cause
    assert "\n" not in cause
