from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilekit.parity.program.comparison import compare_programs, exact_variant
from mobilekit.parity.program.program import Operator, Program, Weights
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.targets import UnsupportedError


def _conv(values: np.ndarray, **options: object) -> Operator:
    return Operator(
        kind="CONV_2D",
        result="features",
        sources=("input 0", "constant 1"),
        options={"stride": 1, **options},
        weights={"input 1": Weights(values=values, axis=0)},
    )


WEIGHTS = np.random.default_rng(0).normal(size=(4, 3, 3, 2))
HEAD = Operator(kind="SOFTMAX", result="scores", sources=(0,), options={"beta": 1.0})
EXACT: Program = (_conv(WEIGHTS), HEAD)


def _error(values: np.ndarray) -> float | None:
    return compare_programs((_conv(values), HEAD), EXACT, "the exact one").metrics.get(
        "weight_error"
    )


def test_a_program_is_itself() -> None:
    comparison = compare_programs(EXACT, EXACT, "the exact one")
    assert comparison.differences == ()
    assert comparison.metrics["weight_error"] == 0


@given(channel=st.integers(0, 3), factor=st.floats(-3, 3))
def test_the_error_is_relative_to_the_channel(channel: int, factor: float) -> None:
    values = WEIGHTS.copy()
    values[channel] *= factor
    assert _error(values) == pytest.approx(abs(factor - 1), abs=1e-6)


def test_small_channels_are_judged_beside_their_layer() -> None:
    values = WEIGHTS.copy()
    values[1] *= 1e-3
    exact = (_conv(values), HEAD)
    zeroed = values.copy()
    zeroed[1] = 0
    error = compare_programs((_conv(zeroed), HEAD), exact, "it").metrics.get("weight_error")
    assert error is not None
    assert error < 0.01


def test_less_than_a_step_of_float16_is_no_difference() -> None:
    tiny = np.full((4, 8), 1e-8)
    program = (_conv(tiny),)
    assert compare_programs((_conv(tiny * 0),), program, "it").metrics.get("weight_error") == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_has_an_infinite_error(bad: float) -> None:
    values = WEIGHTS.copy()
    values[0, 0, 0, 0] = bad
    assert _error(values) == float("inf")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (_conv(WEIGHTS, stride=2), "the CONV_2D 'features' has stride 2, and 1 in it"),
        (replace(_conv(WEIGHTS), kind="MAX"), "the MAX 'features' is a CONV_2D in it"),
        (
            replace(_conv(WEIGHTS), sources=("input 1", "constant 1")),
            "the CONV_2D 'features' reads input 1, constant 1, and input 0, constant 1 in it",
        ),
        (
            _conv(WEIGHTS[:3]),
            "the CONV_2D 'features' has weights input 1 of shape (3, 3, 3, 2), "
            "and (4, 3, 3, 2) in it",
        ),
    ],
)
def test_every_difference_is_named(changed: Operator, words: str) -> None:
    assert compare_programs((changed, HEAD), EXACT, "it").differences == (words,)


def test_the_worst_operator_is_named() -> None:
    second = replace(_conv(WEIGHTS), result="more")
    wrong = replace(_conv(WEIGHTS * 2), result="more")
    comparison = compare_programs((_conv(WEIGHTS), wrong), (_conv(WEIGHTS), second), "it")
    assert comparison.metrics["weight_error"] == pytest.approx(1)
    assert comparison.worst["weight_error"] == "the CONV_2D 'more'"


def test_weights_are_compared_where_only_other_operators_differ() -> None:
    longer = (*EXACT, replace(HEAD, kind="RESHAPE"))
    comparison = compare_programs(longer, EXACT, "it")
    assert comparison.metrics["weight_error"] == 0
    assert not comparison.paired


def test_operators_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="3 operators, 2 of them with weights, and it 2, 1"):
        compare_programs((_conv(WEIGHTS), *EXACT), EXACT, "it")


def test_every_variant_is_held_to_a_finer_one_of_its_format_or_to_none() -> None:
    alone = {name for name in VARIANTS if exact_variant(name) is None}
    assert alone == {"tflite-fp32", "coreml-fp32", "coreml-fp16"}
    for name in set(VARIANTS) - alone:
        exact = exact_variant(name)
        assert exact is not None
        assert VARIANTS[exact].format == VARIANTS[name].format


def _integers(low: float, high: float) -> Program:
    return (replace(_conv(WEIGHTS), range=(low, high)), HEAD)


def test_what_a_range_cuts_off_is_noise() -> None:
    results = {"features": np.array([3.0, 4.0, 12.0])}
    wide = compare_programs(_integers(0, 12), EXACT, "it", results)
    assert wide.metrics["range_snr_db"] == 200
    narrow = compare_programs(_integers(0, 4), EXACT, "it", results)
    assert narrow.metrics["range_snr_db"] == pytest.approx(10 * np.log10(169 / 64))
    assert narrow.worst["range_snr_db"] == "the CONV_2D 'features'"


def test_floats_have_no_ranges() -> None:
    assert "range_snr_db" not in compare_programs(EXACT, EXACT, "it", {"features": WEIGHTS}).metrics


def test_what_stands_for_infinity_is_no_weight() -> None:
    guard = Operator(
        kind="MINIMUM",
        result="guarded",
        sources=("input 0", "constant 1"),
        weights={"input 1": Weights(values=np.array([1e12]))},
    )
    ours = replace(guard, weights={"input 1": Weights(values=np.array([65504.0]))})
    assert compare_programs((ours,), (guard,), "it").metrics == {}
