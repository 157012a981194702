"""`benchmark.json`, which the generated tests of an Android module or a Swift package leave.

`docs/android_devices.md` and `docs/ios_devices.md` say what is in it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mobilekit.bench.importing.content import Content
from mobilekit.bench.importing.figures import (
    count,
    milliseconds,
    optional_milliseconds,
    require_order,
)
from mobilekit.bench.results import Benchmark, Condition, Latency, Startup
from mobilekit.bench.statistics import FEWEST_ROUNDS, latency_of
from mobilekit.results import SCHEMA
from mobilekit_converters.errors import DataError

NAME = "benchmark.json of a generated Android module's or Swift package's tests"

_KINDS = {
    "android-module": ("the generated Android module", "adb", "android"),
    "swift-package": ("the generated Swift package", "ios", "ios"),
}
"""By the report's kind: who measured, the family of its targets, and what the tests call a device
that was not named."""

_COOL = ("", "none", "nominal", "fair", "light")
"""What phones say of their heat while they do not run slower for it: Android's
`PowerManager.THERMAL_STATUS_LIGHT` is "UX is not impacted", Apple's `fair` likewise."""

_BLOCKS = 16
"""Runs of one process are split into so many rounds."""


def recognises(content: Content) -> bool:
    """Say whether the content is a report of tests on a device."""
    model = content.object.get("model")
    kind = model.get("kind") if isinstance(model, dict) else None
    return content.object.get("schema") == SCHEMA and isinstance(kind, str) and kind in _KINDS


def read(content: Content) -> tuple[Benchmark, ...]:
    """Return what was measured, and what was not, with the reason; see `ResultFormat.read`."""
    try:
        found = tuple(_benchmarks(content))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(
            f"{content.name} is no whole report of a generated benchmark: "
            f"{type(error).__name__}: {error}. Run the tests again with this release's module."
        ) from error
    if not found:
        raise DataError(
            f"{content.name} holds no times: it is the report of the parity tests, or every check "
            "of the benchmark was left out. Give benchmark.json."
        )
    return found


def _benchmarks(content: Content) -> Iterator[Benchmark]:
    report = content.object
    tool, family, unnamed = _KINDS[report["model"]["kind"]]
    facts: Mapping[str, Any] = report.get("environment", {})
    runtime = str(facts.get("runtime", ""))
    times = {(item["variant"], item["target"]): item for item in report["extra"]["latency"]}
    if not times:
        return
    device = re.sub(r"[^\w.,-]+", "-", str(facts.get("device", "")).strip(), flags=re.ASCII)
    for variant in report["variants"]:
        for check in variant["checks"]:
            place, _, accelerator = str(check["target"]).rpartition("/")
            if place == unnamed:
                place = f"{family}:{device or unnamed}"
            benchmark = Benchmark(
                variant=str(variant["name"]),
                target=f"{place}/{accelerator}",
                status="failed" if check["status"] == "fail" else "not_run",
                reason=str(check.get("reason", "")),
                file_sha256=str(variant["sha256"]),
                file_bytes=count(variant["bytes"], f"{content.name}: bytes"),
                place=str(check.get("execution", {}).get("place", "")),
                emulated=bool(check.get("emulated", False)),
                origin=f"{tool}, {runtime}" if runtime else tool,
            )
            measured = times.get((variant["name"], check["target"]))
            if measured is not None and check["status"] == "pass":
                benchmark = _measured(benchmark, measured, content.name)
            elif check["status"] == "pass":
                raise DataError(
                    f"{content.name} lacks the times of {benchmark.variant} on {check['target']}, "
                    "which answered rightly: it was cut off."
                )
            yield benchmark


def _measured(benchmark: Benchmark, times: Mapping[str, Any], name: str) -> Benchmark:
    before, after = (times.get(when) or {} for when in ("before", "after"))
    latency, note = _latency(times, name)
    return replace(
        benchmark,
        status="measured",
        reason="",
        checked=True,
        emulated=benchmark.emulated or bool(times.get("emulated", False)),
        latency=latency,
        startups=(
            Startup(
                load_ms=optional_milliseconds(times, "load_ms", name),
                prepare_ms=math.nan,
                first_run_ms=optional_milliseconds(times, "first_run_ms", name),
            ),
        ),
        before=_condition(before),
        after=_condition(after),
        disturbed=_disturbed(before, after),
        notes=(*benchmark.notes, *note),
    )


def _latency(times: Mapping[str, Any], name: str) -> tuple[Latency, tuple[str, ...]]:
    """Return the runs, in rounds where each is told, and what has to be said of that."""
    runs = count(times["runs"], f"{name}: runs")
    warm_up_runs = count(times.get("warm_up_runs", 0), f"{name}: warm_up_runs")
    known = {
        key: optional_milliseconds(times, key, name)
        for key in ("min_ms", "median_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms")
    }
    require_order(known, name)
    single = [milliseconds(value, f"{name}: times_ms") for value in times.get("times_ms") or ()]
    if single and len(single) != runs:
        raise DataError(f"{name} tells {len(single)} times of {runs} runs: it was cut off.")
    if not runs or math.isnan(known["median_ms"]):
        raise DataError(f"{name} is of a benchmark without a run, or without their median.")
    if len(single) >= 4 * FEWEST_ROUNDS:
        return latency_of(_blocks(single), warm_up_runs=warm_up_runs, stable=True), (
            "Its runs followed each other in one process, so intervals say nothing of what "
            "differs between one start and the next.",
        )
    return (
        Latency(
            runs=runs,
            median_ms=known["median_ms"],
            p90_ms=known["p90_ms"],
            p95_ms=known["p95_ms"],
            p99_ms=known["p99_ms"],
            median_low_ms=math.nan,
            median_high_ms=math.nan,
            warm_up_runs=warm_up_runs,
        ),
        (),
    )


def _blocks(times: list[float]) -> tuple[tuple[float, ...], ...]:
    count = min(_BLOCKS, len(times) // 4)
    ends = [round(index * len(times) / count) for index in range(count + 1)]
    return tuple(tuple(times[start:end]) for start, end in itertools.pairwise(ends))


def _condition(state: Mapping[str, Any]) -> Condition:
    celsius = state.get("battery_celsius")
    return Condition(
        governor=str(state.get("governor", "")),
        thermal=str(state.get("thermal_status", "")),
        celsius=float(celsius) if celsius is not None else math.nan,
    )


def _disturbed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say what made the device slower than it is; empty where nothing did."""
    heat = [str(state.get("thermal_status", "")) for state in (before, after)]
    sentences = []
    if any(word not in _COOL for word in heat):
        sentences.append(
            f"The device was hot: its thermal status was {heat[0] or 'unknown'} before and "
            f"{heat[1] or 'unknown'} after."
        )
    if before.get("power_save") or after.get("power_save"):
        sentences.append("The device was saving power.")
    return " ".join(sentences)
