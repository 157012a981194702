from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mobilekit.parity.metrics import (
    DB_CAP,
    HISTOGRAM_EDGES,
    METRICS,
    IncomparableError,
    accuracy_metrics,
    agreement_metrics,
    error_histogram,
    tensor_metrics,
    top_1,
    wilson_interval,
)

floats = st.floats(-(2.0**100), 2.0**100, allow_nan=False, width=32)
arrays = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=3), elements=floats)
pairs = hnp.array_shapes(min_dims=2, max_dims=3).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.float32, shape, elements=floats),
        hnp.arrays(np.float32, shape, elements=floats),
    )
)


def _noisy(db: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    reference = random.normal(size=(50, 1000))
    return reference + random.normal(size=reference.shape) * 10 ** (-db / 20), reference


@pytest.mark.parametrize("db", [10, 30, 60])
def test_snr_is_what_the_noise_was_made_with(db: float) -> None:
    metrics = tensor_metrics(*_noisy(db))
    assert metrics["snr_db"] == pytest.approx(db, abs=0.2)


def test_psnr_is_against_the_largest_value() -> None:
    reference = np.array([[0.0, 10.0]])
    assert tensor_metrics(reference + 0.1, reference)["psnr_db"] == pytest.approx(40)


def test_max_abs_is_in_the_outputs_unit() -> None:
    assert tensor_metrics(np.array([[1.0, -7.5]]), np.array([[1.0, 2.0]]))["max_abs"] == 9.5


@given(arrays)
def test_identical_outputs_get_the_cap(reference: np.ndarray) -> None:
    metrics = tensor_metrics(reference, reference.copy())
    assert metrics["snr_db"] == metrics["psnr_db"] == DB_CAP
    assert metrics["max_abs"] == 0
    assert metrics["cosine"] == pytest.approx(1)


@given(pairs)
def test_metrics_are_finite_and_within_their_ranges(pair: tuple[np.ndarray, np.ndarray]) -> None:
    metrics = tensor_metrics(*pair)
    assert all(math.isfinite(value) for value in metrics.values())
    assert -DB_CAP <= metrics["snr_db"] <= metrics["psnr_db"] + 1e-6 <= DB_CAP + 1e-6
    assert -1 <= metrics["cosine"] <= 1
    assert metrics["max_abs"] >= 0


@given(pairs, st.floats(1e-3, 1e3))
def test_ratios_do_not_depend_on_the_unit(
    pair: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    output, reference = (array.astype("f8") for array in pair)
    one, other = (
        tensor_metrics(output, reference),
        tensor_metrics(output * factor, reference * factor),
    )
    assert one["cosine"] == pytest.approx(other["cosine"], abs=1e-6)
    if abs(one["snr_db"]) < 100:
        assert one["snr_db"] == pytest.approx(other["snr_db"], abs=1e-3)


def test_a_reference_of_zeros_passes_only_zeros() -> None:
    zeros = np.zeros((3, 4))
    assert tensor_metrics(zeros, zeros)["snr_db"] == DB_CAP
    assert tensor_metrics(zeros, zeros)["cosine"] == 1
    assert tensor_metrics(zeros + 1e-30, zeros)["snr_db"] == -DB_CAP
    assert tensor_metrics(zeros + 1e-30, zeros)["cosine"] == 0


def test_the_largest_floats_do_not_overflow() -> None:
    huge = np.full((2, 2), 1e308)
    assert tensor_metrics(huge, huge / 2)["snr_db"] == pytest.approx(0, abs=0.01)


def test_integers_and_booleans_are_compared_as_numbers() -> None:
    assert tensor_metrics(np.array([[3]], "i8"), np.array([[3]], "i8"))["snr_db"] == DB_CAP
    assert tensor_metrics(np.array([[True]]), np.array([[False]]))["max_abs"] == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["it", "the reference"])
def test_nan_and_inf_are_never_a_number(bad: float, side: str) -> None:
    clean, broken = np.ones((2, 3)), np.ones((2, 3))
    broken[1, 2] = bad
    pair = (broken, clean) if side == "it" else (clean, broken)
    for function in (tensor_metrics, error_histogram, agreement_metrics):
        with pytest.raises(
            IncomparableError, match=f"{side} has 1 values of 6 that are NaN or Inf"
        ):
            function(*pair)


def test_nan_at_the_same_place_is_no_agreement() -> None:
    broken = np.array([[np.nan, 1.0]])
    with pytest.raises(IncomparableError):
        tensor_metrics(broken, broken)


@pytest.mark.parametrize(
    ("output", "reference", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 2)), r"shape is \(2, 3\) and the reference's \(3, 2\)"),
        (np.ones((2, 0)), np.ones((2, 0)), "empty"),
        (np.ones((0, 3)), np.ones((0, 3)), "empty"),
        (np.array([["a"]]), np.array([["a"]]), "not both real numbers"),
    ],
)
def test_what_cannot_be_compared_is_said(
    output: np.ndarray, reference: np.ndarray, message: str
) -> None:
    with pytest.raises(IncomparableError, match=message):
        tensor_metrics(output, reference)


@given(pairs)
def test_a_histogram_counts_every_value(pair: tuple[np.ndarray, np.ndarray]) -> None:
    histogram = error_histogram(*pair)
    assert sum(histogram.counts) == pair[0].size
    assert histogram.edges == HISTOGRAM_EDGES
    assert len(histogram.counts) == len(histogram.edges) - 1


def test_a_histogram_puts_errors_where_they_belong() -> None:
    reference = np.full((1, 4), 2.0)
    output = reference * np.array([1, 1 + 1e-3, 1 + 1e-3, 1e9])
    counts = dict(zip(HISTOGRAM_EDGES, error_histogram(output, reference).counts, strict=False))
    assert counts[-8.0] == 1
    assert counts[-3.0] + counts[-3.5] == 2
    assert counts[1.5] == 1


def test_top_1_takes_the_first_of_the_highest() -> None:
    assert top_1(np.array([[1, 3, 3], [2, 0, 1]])).tolist() == [1, 0]
    assert top_1(np.array([[0.4], [0.5]])).tolist() == [0, 1]


def test_agreement_counts_samples() -> None:
    reference = np.eye(4)[[0, 1, 2, 3] * 8]
    output = reference.copy()
    output[0] = [0, 1, 0, 0]
    metrics = agreement_metrics(output, reference)
    assert metrics["agreement"] == 31 / 32
    assert metrics["agreement_low"] < 31 / 32 < metrics["agreement_high"]


def test_a_tie_of_the_reference_lets_either_class_agree() -> None:
    reference = np.array([[0.5, 0.5, 0.0]])
    assert agreement_metrics(np.array([[0.4, 0.6, 0.0]]), reference)["agreement"] == 1
    assert agreement_metrics(np.array([[0.3, 0.3, 0.4]]), reference)["agreement"] == 0


def test_a_near_tie_is_no_tie() -> None:
    reference = np.array([[0.5001, 0.4999]])
    assert agreement_metrics(np.array([[0.4, 0.6]]), reference)["agreement"] == 0


def test_one_constant_answer_is_no_agreement() -> None:
    """An int8 file whose scores are all below one step answers class 0 for everything."""
    reference = np.eye(10)[np.arange(40) % 10]
    assert agreement_metrics(np.zeros((40, 10)), reference)["agreement"] == 0.1


def test_accuracy_and_its_drop() -> None:
    labels = np.arange(40) % 4
    reference = np.eye(4)[labels]
    output = reference.copy()
    output[:10] = np.roll(output[:10], 1, axis=1)
    metrics = accuracy_metrics(output, reference, labels)
    assert metrics["accuracy"] == 0.75
    assert metrics["source_accuracy"] == 1
    assert metrics["accuracy_drop"] == 0.25
    assert 0.05 < metrics["accuracy_drop_low"] < 0.25 < metrics["accuracy_drop_high"]


def test_an_artifact_may_be_better_than_its_source() -> None:
    labels = np.zeros(4, int)
    metrics = accuracy_metrics(np.eye(2)[[0, 0, 0, 0]], np.eye(2)[[0, 0, 0, 1]], labels)
    assert metrics["accuracy_drop"] == -0.25


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(IncomparableError, match=r"labels of shape \(3,\) for 4 samples"):
        accuracy_metrics(np.eye(4), np.eye(4), np.zeros(3, int))


def test_wilson_interval_is_the_published_one() -> None:
    # Newcombe (1998), table I: 81 of 263, and 0 of 20.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_its_share(counts: tuple[int, int]) -> None:
    hits, trials = counts
    low, high = wilson_interval(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1
    assert low < high


@pytest.mark.parametrize(("hits", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_interval_of_no_share_is_refused(hits: int, trials: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        wilson_interval(hits, trials)


def test_every_metric_stands_under_its_own_name() -> None:
    assert all(name == metric.name for name, metric in METRICS.items())
