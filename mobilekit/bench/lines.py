"""A benchmark in lines for a terminal: a case each, then what has to be known of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mobilekit.bench.notes import shared_notes
from mobilekit.bench.results import Benchmark, BenchReport, Latency
from mobilekit.bench.statistics import median

_HEADS = ("", "median ms", "95 % interval", "p90", "p99", "cold start ms", "peak MB", "")


def lines(report: BenchReport) -> Iterator[str]:
    """Yield the lines of a report: its noise, a table, its gates and its verdict."""
    if report.noise is not None:
        yield report.noise.sentence
    measured = [item for item in report.benchmarks if item.status == "measured"]
    if measured:
        yield from _columns([_HEADS, *map(_cells, measured)])
    for item in report.benchmarks:
        if item.status != "measured":
            yield f"{_title(item)}: {item.status.replace('_', ' ')}: {item.reason}"
    yield from shared_notes(measured)
    yield from report.notes
    for advice in report.recommendations:
        place = f" on {advice.target}" if advice.target else ""
        yield f"Recommended for {advice.platform}: {advice.variant}{place}. {advice.reason}"
    passed = sum(gate.status == "pass" for gate in report.gates)
    gates = f" ({passed} of {len(report.gates)} gates passed)" if report.gates else ""
    judged = report.gates or report.verdict != "pass"
    answer = f"{report.verdict.upper()}{gates}" if judged else "measured; no gate was asked for."
    yield f"{report.model}: {answer}"
    yield from (f"  {reason}" for reason in report.reasons)


def cold_start(benchmark: Benchmark) -> float:
    """Return the median milliseconds from the file to the first answer; NaN if unknown."""
    return median(
        [
            [
                start.load_ms
                + (0.0 if math.isnan(start.prepare_ms) else start.prepare_ms)
                + start.first_run_ms
            ]
            for start in benchmark.startups
        ]
    )


def _cells(item: Benchmark) -> tuple[str, ...]:
    latency = item.latency
    peak, bare = item.peak_memory_bytes, item.bare_memory_bytes
    memory = "" if peak is None else f"{peak / 1e6:.0f}"
    if peak is not None and bare is not None:
        memory += f" ({(peak - bare) / 1e6:+.0f})"
    marks = [
        *(["emulated: no device's time"] if item.emulated else []),
        *(["disturbed"] if item.disturbed else []),
        *([f"measured before, {item.kept_from}"] if item.kept_from else []),
        *(["warm-up not settled"] if latency and not latency.stable else []),
    ]
    return (
        _title(item),
        *(_latency_cells(latency) if latency else ("",) * 4),
        _number(cold_start(item)),
        memory,
        ", ".join(marks),
    )


def _latency_cells(latency: Latency) -> tuple[str, ...]:
    low, high = latency.median_low_ms, latency.median_high_ms
    interval = "unknown" if math.isnan(low) else f"{_number(low)} to {_number(high)}"
    return (
        _number(latency.median_ms),
        interval,
        _number(latency.p90_ms),
        _number(latency.p99_ms),
    )


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *middle, last = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in middle), last[0]]
        yield "  ".join(cells).rstrip()


def _title(item: Benchmark) -> str:
    return f"{item.variant} on {item.target}"


def _number(value: float) -> str:
    return "?" if math.isnan(value) else f"{value:.4g}"
