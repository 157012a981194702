"""What a report keeps of runs: little enough to read, and all that gates and comparisons need."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import simulated_machine as simulated
from gate_samples import benchmark, report
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

from mobilekit.bench.comparison import FAST, TYPICAL, Series, change
from mobilekit.bench.keeping import bench_json
from mobilekit.bench.kept_runs import MOST_RUNS, kept_runs, rounded
from mobilekit.bench.statistics import latency_of, percentile, percentile_interval

TIMES = arrays.arrays(
    np.float64, some.integers(1, 4 * MOST_RUNS), elements=some.floats(1e-4, 1e4), unique=True
)


@given(TIMES)
def test_what_is_kept_are_runs_in_their_order_spread_as_all_are(times: np.ndarray) -> None:
    kept = kept_runs(times)
    assert len(kept) == min(len(times), MOST_RUNS)
    places = [int(np.flatnonzero(times == time)[0]) for time in kept]
    assert places == sorted(places)
    for share in (0.1, 0.5, 0.9, 0.99):
        bound = np.quantile(times, share)
        before, after = np.mean(times <= bound), np.mean(kept <= bound)
        assert abs(before - after) <= 1 / MOST_RUNS


def test_a_time_keeps_four_digits() -> None:
    assert rounded(np.asarray([0.00123456, 123.456, 0.0])) == (0.001235, 123.5, 0.0)


def test_figures_are_of_all_runs() -> None:
    rounds = [list(np.linspace(1, 2, 10_000))] * 5
    latency = latency_of(rounds, warm_up_runs=1, stable=True)
    assert latency.runs == 50_000
    assert [len(times) for times in latency.rounds] == [MOST_RUNS] * 5
    assert latency.p99_ms == pytest.approx(1.99, rel=1e-4)
    assert percentile(latency.rounds, 0.99) == pytest.approx(1.99, rel=1e-3)


@pytest.mark.parametrize("milliseconds", [0.007, 0.2, 4.0])
def test_comparisons_and_gates_come_out_as_with_every_run(milliseconds: float) -> None:
    random = np.random.default_rng(7)
    workloads = [simulated.REFERENCE, simulated.Workload(milliseconds=milliseconds, sensitivity=1)]
    for slower in (1.0, 1.1):
        whole, kept = [], []
        for factor in (1.0, slower):
            reference, rounds = simulated.measure(
                simulated.Machine(), workloads, random, most_runs=10_000
            )
            rounds = [factor * times for times in rounds]
            whole.append(Series(rounds=rounds, reference=reference))
            found = latency_of(rounds, warm_up_runs=1, stable=True)
            short = tuple(rounded(times) for times in reference)
            kept.append(Series(rounds=found.rounds, reference=short))
            for share in (0.5, 0.9):
                before = percentile_interval(rounds, share)
                assert percentile_interval(found.rounds, share) == pytest.approx(before, rel=0.005)
        for figure in (FAST, TYPICAL):
            of_all = change(whole[0], whole[1], figure)
            of_kept = change(kept[0], kept[1], figure)
            # What nothing shows is at least 1 %; see `Figure.shift`.
            assert of_kept.slower == pytest.approx(of_all.slower, abs=0.001)
            assert of_kept.error == pytest.approx(of_all.error, rel=0.05)


def test_a_case_takes_far_less_than_a_megabyte() -> None:
    random = np.random.default_rng(0)
    rounds = random.lognormal(-5, 0.3, (100, 5000))
    text = bench_json(report([replace(benchmark(rounds), variant="tflite-int8")]))
    assert len(text) < 500_000
    content = json.loads(text)
    # A turn is a line, so that the file can still be read and compared.
    first = content["benchmarks"][0]["latency"]["rounds"][0]
    assert any(line.count(",") >= len(first) - 1 for line in text.splitlines())
