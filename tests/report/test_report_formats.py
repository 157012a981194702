from __future__ import annotations

import math

import pytest

from mobilekit.report.formats import (
    axis_size,
    decibels,
    duration,
    interval,
    moment,
    percent,
    percent_points,
    plural,
    significant,
    size,
)
from mobilekit.report.metrics import METRICS, in_order, metric


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (12_345, "12.3 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (14_737_598, "14.7 MB"),
        (5_000_000_000, "5.00 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (100, "100 B"), (20_000, "20 kB"), (1500, "1.5 kB")]
)
def test_sizes_on_an_axis(count: int, text: str) -> None:
    assert axis_size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0042, "4 ms"),
        (1.44, "1.4 s"),
        (59.97, "1 min 00 s"),
        (125, "2 min 05 s"),
        (math.nan, "unknown"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(34.06, "34.1 dB"), (-3.0, "−3.0 dB"), (math.inf, "exact"), (math.nan, "not a number")],
)
def test_decibels(value: float, text: str) -> None:
    assert decibels(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.98, "98.0 %"), (1.0, "100 %"), (0.99999, "99.9 %"), (0, "0.0 %")]
)
def test_only_a_whole_reads_as_a_hundred_per_cent(value: float, text: str) -> None:
    assert percent(value) == text


def test_other_numbers() -> None:
    assert percent_points(-0.0028) == "−0.28 pt"
    assert percent_points(-1e-9) == "0 pt"
    assert interval(0.961, 1.0) == "96.1–100 %"
    assert significant(-0.000123456) == "−0.0001235"
    assert significant(-math.inf) == "−infinite"
    assert plural(1, "check") == "1 check"
    assert plural(1200, "check") == "1,200 checks"
    assert moment("2026-03-14T09:26:53Z") == "2026-03-14 09:26:53 UTC"


def test_each_way_of_missing_a_budget() -> None:
    assert metric("snr_db").misses(29.9, 30)
    assert not metric("snr_db").misses(30, 30)
    assert metric("max_abs").misses(0.2, 0.1)
    assert not metric("max_abs").misses(0.1, 0.1)
    assert metric("snr_db").misses(math.nan, 0)
    assert metric("max_abs").misses(math.nan, 1)


def test_worst_values() -> None:
    assert metric("snr_db").worst([30, 20, 40]) == 20
    assert metric("accuracy_drop").worst([0.1, 0.3]) == 0.3
    assert math.isnan(metric("snr_db").worst([1.0, math.nan]) or 0)
    assert metric("snr_db").worst([]) is None


def test_an_unknown_metric_reads_as_itself() -> None:
    latency = metric("latency_ms")
    assert latency.label == "latency ms"
    assert latency.bound(2) == "budget 2"
    assert not latency.misses(3, 2)


def test_metrics_keep_the_tables_order() -> None:
    shown = [item.key for item in in_order(["zeta", "agreement", "snr_db", "alpha", "snr_db"])]
    assert shown == ["snr_db", "agreement", "alpha", "zeta"]
    assert all(item.minimum is not None for item in METRICS.values())
