"""Bounds of `[latency]`, held against benchmarks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gate_samples import benchmark, cold, steady

from mobilekit.bench.bounds import FIGURES
from mobilekit.bench.gates import check_gates, reasons, verdict
from mobilekit.bench.results import Benchmark, Gate
from mobilekit.bench.statistics import interval_of_starts


def noisy(milliseconds: float) -> list[list[float]]:
    random = np.random.default_rng(0)
    return [list(milliseconds * random.lognormal(0, 0.2, 20)) for _ in range(10)]


def one(item: Benchmark, **bounds: float) -> Gate:
    (gate,) = check_gates([item], {item.target: bounds})
    return gate


def test_a_bound_is_met_or_not_where_the_whole_interval_says_so() -> None:
    item = benchmark(steady(5.0))
    assert one(item, median_ms=5.2).status == "pass"
    failed = one(item, median_ms=4.9)
    assert failed.status == "fail"
    assert failed.rule == "median_ms <= 4.9"
    assert failed.measured == pytest.approx(5.01)
    assert failed.bound == 4.9
    assert "95 % confidence" in failed.reason


def test_a_bound_within_the_interval_is_undecided() -> None:
    gate = one(benchmark(noisy(5.0)), median_ms=5.0)
    assert gate.status == "undecided"
    assert "more runs, or a quieter machine" in gate.reason


@pytest.mark.parametrize("figure", ["p90_ms", "p95_ms"])
def test_percentiles_are_bounded(figure: str) -> None:
    item = benchmark(steady(5.0))
    assert one(item, **{figure: 5.5}).status == "pass"
    assert one(item, **{figure: 4.5}).status == "fail"


def test_a_percentile_that_few_runs_cannot_tell_is_undecided() -> None:
    item = benchmark(steady(5.0, rounds=5, runs=10))
    assert one(item, p99_ms=10).status == "undecided"
    assert one(item, p99_ms=1).status == "fail"


def test_cold_starts_are_bounded() -> None:
    item = benchmark(**cold(30, 31, 29, 30.5, 30, prepare=10))
    assert one(item, first_run_ms=35).status == "pass"
    assert one(item, first_run_ms=25).status == "fail"
    assert one(item, first_run_ms=30.2).status == "undecided"
    loaded = one(item, load_ms=12.5)
    assert (loaded.status, loaded.measured) == ("pass", 12)


def test_a_delegate_that_is_prepared_while_loading_counts_once() -> None:
    gate = one(benchmark(**cold(30, 31, 29, 30, load=4)), load_ms=5)
    assert (gate.status, gate.measured) == ("pass", 4)


def test_few_cold_starts_decide_nothing() -> None:
    gate = one(benchmark(**cold(30, 30, 30)), first_run_ms=100)
    assert gate.status == "undecided"
    assert "4 rounds or cold starts" in gate.reason


def test_the_interval_of_cold_starts_holds() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(500):
        low, high = interval_of_starts(list(random.lognormal(0, 0.1, 5)))
        held += low <= 1 <= high
    assert held / 500 >= 0.93


def test_memory_is_compared_as_it_is() -> None:
    item = benchmark(peak_memory_bytes=40_000_000)
    assert one(item, peak_memory_mb=40).status == "pass"
    assert one(item, peak_memory_mb=39.9).status == "fail"


def test_an_emulated_time_is_never_a_pass() -> None:
    item = benchmark(steady(1.0), target="adb:emulator-5554/cpu", emulated=True)
    gate = one(item, median_ms=1000)
    assert gate.status == "not_run"
    assert "emulat" in gate.reason


@pytest.mark.parametrize("figure", FIGURES)
def test_what_was_not_measured_is_never_a_pass(figure: str) -> None:
    assert one(benchmark(), **{figure: 1e9}).status == "not_run"


def test_a_target_that_went_away_is_never_a_pass() -> None:
    item = benchmark(target="adb:X1/gpu", status="failed", reason="The device went away.")
    gate = one(item, median_ms=1e9)
    assert (gate.status, gate.reason) == ("not_run", "The device went away.")


def test_figures_without_single_runs_decide_nothing() -> None:
    item = benchmark(steady(5.0))
    assert item.latency is not None
    imported = benchmark(
        latency=type(item.latency)(
            runs=50,
            median_ms=5,
            p90_ms=5,
            p95_ms=5,
            p99_ms=math.nan,
            median_low_ms=math.nan,
            median_high_ms=math.nan,
        )
    )
    assert one(imported, median_ms=1000).status == "undecided"
    assert one(imported, p90_ms=1000).status == "undecided"
    assert one(imported, p99_ms=1000).status == "not_run"


def test_a_disturbed_machine_cannot_fail_what_is_slow() -> None:
    item = benchmark(steady(5.0), disturbed="another process took a core.")
    gate = one(item, median_ms=4)
    assert gate.status == "undecided"
    assert "another process took a core." in gate.reason
    assert one(item, median_ms=6).status == "pass"


def test_a_family_bounds_all_its_devices_and_a_name_goes_before_it() -> None:
    items = [
        benchmark(steady(5.0), target=name) for name in ("adb:A/cpu", "adb:A/gpu", "adb:B/gpu")
    ]
    table = {"adb": {"median_ms": 6}, "adb/gpu": {"median_ms": 5.5}, "adb:B/gpu": {"median_ms": 3}}
    gates = check_gates(items, table)
    assert [(gate.target, gate.bound, gate.status) for gate in gates] == [
        ("adb:A/cpu", 6, "pass"),
        ("adb:A/gpu", 5.5, "pass"),
        ("adb:B/gpu", 3, "fail"),
    ]


def test_a_variants_bound_goes_before_one_for_all() -> None:
    items = [benchmark(steady(5.0), variant=name) for name in ("tflite-fp16", "tflite-int8")]
    table = {
        "cpu": {"median_ms": 6, "p90_ms": 7},
        "tflite-int8": {"cpu": {"median_ms": 2}},
    }
    gates = check_gates(items, table)
    assert [(gate.variant, gate.rule, gate.status) for gate in gates] == [
        ("tflite-fp16", "median_ms <= 6", "pass"),
        ("tflite-fp16", "p90_ms <= 7", "pass"),
        ("tflite-int8", "median_ms <= 2", "fail"),
        ("tflite-int8", "p90_ms <= 7", "pass"),
    ]


def test_a_bound_that_nothing_answers_is_not_run_and_no_pass() -> None:
    gates = check_gates([benchmark(steady(5.0))], {"adb": {"p90_ms": 8}})
    assert [(gate.target, gate.status) for gate in gates] == [("adb", "not_run")]
    assert verdict(gates) == "undecided"
    assert reasons(gates) == (
        "Every variant on adb: p90_ms <= 8: not run. Nothing was measured there.",
    )


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((), "pass"),
        (("pass", "pass"), "pass"),
        (("pass", "undecided"), "undecided"),
        (("pass", "not_run"), "undecided"),
        (("undecided", "fail", "pass"), "fail"),
    ],
)
def test_the_verdict_is_the_worst_of_all_gates(statuses: tuple[str, ...], expected: str) -> None:
    gates = [Gate(variant="a", target="b", rule="c", status=status) for status in statuses]  # type: ignore[arg-type]
    assert verdict(gates) == expected


def test_the_verdict_is_no_pass_where_nothing_was_measured_or_something_failed() -> None:
    missing = benchmark(status="not_run", reason="There is no device.")
    failed = benchmark(status="failed", reason="It crashed.")
    good = benchmark(steady(1.0))
    assert verdict([], [good, missing]) == "pass"
    assert verdict([], [missing]) == "undecided"
    assert verdict([], []) == "undecided"
    assert verdict([], [good, failed]) == "fail"
