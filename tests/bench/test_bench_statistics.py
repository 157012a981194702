"""Percentiles, intervals and noise of times that were measured in rounds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from simulated_machine import MACHINES, Machine, Rounds, Workload, measure, without_change

from mobilekit.bench.statistics import (
    interval,
    is_settled,
    latency_of,
    median,
    noise_of,
    percentile,
    percentile_interval,
    student,
)

TIMES = some.floats(min_value=1e-4, max_value=1e4)
ROUNDS = some.lists(some.lists(TIMES, min_size=1, max_size=12), min_size=4, max_size=12)


def long_run(machine: Machine, workload: Workload, share: float) -> float:
    """Return a percentile of very many runs."""
    random = np.random.default_rng(1)
    (rounds,) = measure(machine, [workload], random, rounds=4000, most_runs=50)
    return float(np.quantile(np.concatenate(rounds), share))


@pytest.mark.parametrize(("rounds", "least"), [(12, 0.84), (25, 0.9), (50, 0.92)])
@pytest.mark.parametrize("kind", ["quiet", "as measured"])
@pytest.mark.parametrize("milliseconds", [0.2, 4.0])
def test_the_interval_of_a_median_holds_where_rounds_are_alike_to_their_neighbours(
    kind: str, milliseconds: float, rounds: int, least: float
) -> None:
    machine = without_change(MACHINES[kind])
    workload = Workload(milliseconds=milliseconds, sensitivity=0.12)
    truth = long_run(machine, workload, 0.5)
    random = np.random.default_rng(rounds)
    held = 0
    for _ in range(300):
        (times,) = measure(machine, [workload], random, rounds=rounds, most_runs=50)
        low, high = interval(times)
        held += low <= truth <= high
    # 300 trials have a standard error of 0.015; `least` is two below what the docstring says.
    assert held / 300 >= least


def test_runs_taken_for_independent_would_make_intervals_that_do_not_hold() -> None:
    machine = without_change(MACHINES["as measured"])
    workload = Workload(milliseconds=0.2, sensitivity=0.12)
    truth = long_run(machine, workload, 0.5)
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        (times,) = measure(machine, [workload], random, rounds=12, most_runs=50)
        runs = np.sort(np.concatenate(times))
        # The order statistics of a binomial count: the usual interval of a median.
        reach = int(1.96 * math.sqrt(len(runs)) / 2)
        held += runs[len(runs) // 2 - reach] <= truth <= runs[len(runs) // 2 + reach]
    assert held / 200 < 0.7


@pytest.mark.parametrize("share", [0.1, 0.9, 0.95, 0.99])
def test_the_interval_of_a_percentile_holds(share: float) -> None:
    machine = without_change(MACHINES["as measured"])
    workload = Workload(milliseconds=0.5, sensitivity=0.12)
    truth = long_run(machine, workload, share)
    random = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        (times,) = measure(machine, [workload], random, rounds=25, most_runs=50)
        low, high = percentile_interval(times, share)
        held += low <= truth <= high
    assert held / 200 >= 0.885


def test_few_runs_do_not_bound_the_longest_ones() -> None:
    rounds = [[1.0 + 0.01 * run for run in range(5)] for _ in range(10)]
    low, high = percentile_interval(rounds, 0.99)
    assert low <= 1.04
    assert high == math.inf


@given(ROUNDS)
def test_an_interval_holds_its_own_median_and_scales_with_the_times(rounds: Rounds) -> None:
    low, high = interval(rounds)
    assert low <= median(rounds) <= high
    doubled = interval([[2 * time for time in times] for times in rounds])
    assert doubled == pytest.approx((2 * low, 2 * high), rel=1e-6)


@given(ROUNDS, some.sampled_from([0.1, 0.5, 0.9, 0.99]))
def test_the_interval_of_a_percentile_holds_its_own(rounds: Rounds, share: float) -> None:
    low, high = percentile_interval(rounds, share)
    assert low <= percentile(rounds, share) <= high


@pytest.mark.parametrize(
    "rounds", [[], [[]], [[1.0], [1.0], [1.0]], [[1.0, 2.0]], [[1.0], [], [1.0], [1.0]]]
)
def test_too_few_rounds_have_no_interval(rounds: list[list[float]]) -> None:
    assert all(map(math.isnan, interval(rounds)))
    assert all(map(math.isnan, percentile_interval(rounds, 0.9)))
    assert math.isnan(noise_of(rounds).between_rounds)


def test_a_time_that_is_no_number_leaves_no_interval() -> None:
    rounds = [[1.0, 1.0]] * 5 + [[math.nan, 1.0]]
    assert all(map(math.isnan, interval(rounds)))
    assert math.isnan(median(rounds))


@pytest.mark.parametrize(
    ("share", "freedom", "expected"),
    # Tables of Student's distribution.
    [(0.975, 3, 3.182), (0.975, 5, 2.571), (0.975, 24, 2.064), (0.995, 10, 3.169)],
)
def test_quantiles_of_student(share: float, freedom: float, expected: float) -> None:
    assert student(share, freedom) == pytest.approx(expected, rel=0.01)


def test_a_warm_up_has_settled_once_its_last_runs_are_no_faster() -> None:
    settling = [5.0, 3.0, 2.0, 1.6, 1.3, 1.15, 1.1, 1.05, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    settled = [is_settled(settling[:count]) for count in range(len(settling) + 1)]
    assert not any(settled[:11])
    assert settled[-1]


def test_times_that_scatter_settle_too() -> None:
    random = np.random.default_rng(0)
    times = list(1 + 0.3 * random.exponential(size=300))
    ready = sum(is_settled(times[:count]) for count in range(10, 300)) / 290
    assert ready > 0.7


def test_nothing_has_settled_after_few_runs_or_with_times_that_are_no_numbers() -> None:
    assert not is_settled([])
    assert not is_settled([1.0] * 9)
    assert is_settled([1.0] * 10)
    assert not is_settled([1.0] * 9 + [math.nan])


def test_noise_is_told_apart_between_rounds_and_within() -> None:
    random = np.random.default_rng(0)
    rounds = [10 * np.exp(random.normal(0, 0.05) + random.normal(0, 0.01, 40)) for _ in range(200)]
    noise = noise_of(rounds, reference="a loop")
    assert noise.between_rounds == pytest.approx(0.05, rel=0.2)
    assert noise.within == pytest.approx(0.01, rel=0.2)
    assert noise.reference_ms == pytest.approx(10, rel=0.02)
    assert noise.reference == "a loop"
    assert len(noise.reference_rounds) == 200
    assert "200 rounds" in noise.sentence


def test_the_figures_of_a_latency_are_those_of_all_its_runs() -> None:
    rounds = [[1.0, 2.0, 3.0], [4.0, 5.0], [6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]
    latency = latency_of(rounds, warm_up_runs=3, stable=False)
    assert latency.runs == 11
    assert latency.median_ms == 6.0
    assert latency.p90_ms == 10.0
    assert latency.median_low_ms <= 6.0 <= latency.median_high_ms
    assert (latency.warm_up_runs, latency.stable) == (3, False)
    assert latency.rounds == tuple(map(tuple, rounds))
    assert replace(latency, rounds=()) != latency
