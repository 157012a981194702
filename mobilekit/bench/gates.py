"""What the project file asks of times and memory, decided: met, not met, or too noisy to tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mobilekit.bench.bounds import Bound, bounds_for, bounds_of
from mobilekit.bench.results import Benchmark, BenchVerdict, Gate, GateStatus, Startup
from mobilekit.bench.statistics import (
    FEWEST_ROUNDS,
    interval_of_starts,
    median,
    percentile_interval,
)

Range = tuple[float, float, float]
"""A figure, and the lower and the upper end of its 95 % interval; NaN for what is not known."""


def check_gates(benchmarks: Iterable[Benchmark], table: Mapping[str, Any]) -> tuple[Gate, ...]:
    """Hold benchmarks to the bounds of the project file's table `[latency]`.

    A bound is met where the whole 95 % interval of the figure is under it, and not met where all of
    it is over; between them it is `undecided`. A bound that no measurement answers is `not_run`.

    Raises:
        ProjectError: the table is wrong.
    """
    bounds = bounds_of(table)
    gates: list[Gate] = []
    answered: set[Bound] = set()
    for benchmark in benchmarks:
        ranked = [b for b in bounds if b.rank(benchmark.variant, benchmark.target) is not None]
        answered.update(ranked)
        gates += [
            _gate(benchmark, bound)
            for bound in bounds_for(bounds, benchmark.variant, benchmark.target)
        ]
    return (*gates, *(_unanswered(bound) for bound in bounds if bound not in answered))


def verdict(gates: Iterable[Gate], benchmarks: Sequence[Benchmark] | None = None) -> BenchVerdict:
    """Return what all gates come to. A gate that was not decided, or not run, is never a pass.

    Args:
        gates: every one that was asked for; none is no reason to fail.
        benchmarks: where given, one that failed fails all, one that was asked for by name and not
            measured is no pass, and where nothing was measured there is nothing to decide.
    """
    statuses = {gate.status for gate in gates}
    found = {benchmark.status for benchmark in benchmarks} if benchmarks is not None else None
    if "fail" in statuses or (found and "failed" in found):
        return "fail"
    lacking = any(_is_lacking(benchmark) for benchmark in benchmarks or ())
    nothing = found is not None and "measured" not in found
    if statuses & {"undecided", "not_run"} or lacking or nothing:
        return "undecided"
    return "pass"


def reasons(gates: Iterable[Gate]) -> tuple[str, ...]:
    """Return a sentence for each gate that is no pass."""
    words = {"fail": "failed", "undecided": "undecided", "not_run": "not run"}
    return tuple(
        f"{gate.variant or 'Every variant'} on {gate.target}: {gate.rule}: {words[gate.status]}. "
        f"{gate.reason}".rstrip()
        for gate in gates
        if gate.status != "pass"
    )


def case_reasons(benchmarks: Iterable[Benchmark]) -> tuple[str, ...]:
    """Return a sentence for each case that stands against a pass by itself."""
    cases = tuple(benchmarks)
    return (
        *(
            f"{item.variant} on {item.target} failed: {item.reason}"
            for item in cases
            if item.status == "failed"
        ),
        *(
            f"{item.variant} on {item.target} was asked for and not measured: {item.reason}"
            for item in cases
            if _is_lacking(item)
        ),
    )


def _is_lacking(benchmark: Benchmark) -> bool:
    return benchmark.required and benchmark.status == "not_run"


def _unanswered(bound: Bound) -> Gate:
    return Gate(
        variant=bound.variant,
        target=bound.place,
        rule=bound.rule,
        status="not_run",
        bound=bound.most,
        reason="Nothing was measured there.",
    )


def _gate(benchmark: Benchmark, bound: Bound) -> Gate:
    figure, low, high = _FIGURES[bound.figure](benchmark)
    status, reason = _decide(benchmark, bound, (figure, low, high))
    return Gate(
        variant=benchmark.variant,
        target=benchmark.target,
        rule=bound.rule,
        status=status,
        measured=figure,
        bound=bound.most,
        reason=reason,
    )


def _decide(benchmark: Benchmark, bound: Bound, found: Range) -> tuple[GateStatus, str]:
    figure, low, high = found
    unit = "MB" if bound.figure.endswith("_mb") else "ms"
    if benchmark.status != "measured":
        return "not_run", benchmark.reason
    if benchmark.emulated:
        return "not_run", "It is emulated, and an emulator's time is not a device's."
    if math.isnan(figure):
        return "not_run", f"{bound.figure} was not measured."
    if math.isnan(low) or math.isnan(high):
        return "undecided", (
            f"{figure:.4g} {unit} was measured, but not how sure that is: it takes "
            f"{FEWEST_ROUNDS} rounds or cold starts, each with its times."
        )
    span = f"{low:.4g} to {high:.4g} {unit} at 95 % confidence"
    if high <= bound.most:
        return "pass", ""
    if low <= bound.most:
        return "undecided", f"{span}: more runs, or a quieter machine, would tell."
    if benchmark.disturbed:
        return "undecided", f"{span}, but the machine was disturbed: {benchmark.disturbed}"
    return "fail", span + "."


def _percentile(share: float, name: str) -> Callable[[Benchmark], Range]:
    def figure(benchmark: Benchmark) -> Range:
        latency = benchmark.latency
        if latency is None:
            return math.nan, math.nan, math.nan
        return (getattr(latency, name), *percentile_interval(latency.rounds, share))

    return figure


def _median(benchmark: Benchmark) -> Range:
    latency = benchmark.latency
    if latency is None:
        return math.nan, math.nan, math.nan
    return latency.median_ms, latency.median_low_ms, latency.median_high_ms


def _cold(time: Callable[[Startup], float]) -> Callable[[Benchmark], Range]:
    def figure(benchmark: Benchmark) -> Range:
        times = [time(startup) for startup in benchmark.startups]
        return (median([times]), *interval_of_starts(times))

    return figure


def _until_ready(startup: Startup) -> float:
    return startup.load_ms + (0.0 if math.isnan(startup.prepare_ms) else startup.prepare_ms)


def _memory(benchmark: Benchmark) -> Range:
    """Return the peak, which is one number and varies little: it is its own interval."""
    peak = benchmark.peak_memory_bytes
    megabytes = math.nan if peak is None else peak / 1e6
    return megabytes, megabytes, megabytes


_FIGURES: Mapping[str, Callable[[Benchmark], Range]] = {
    "median_ms": _median,
    "p90_ms": _percentile(0.90, "p90_ms"),
    "p95_ms": _percentile(0.95, "p95_ms"),
    "p99_ms": _percentile(0.99, "p99_ms"),
    "load_ms": _cold(_until_ready),
    "first_run_ms": _cold(lambda startup: startup.first_run_ms),
    "peak_memory_mb": _memory,
}
"""How each figure of `bounds.FIGURES` is read from a benchmark."""
