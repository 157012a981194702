"""Benchmarks for tests, built from times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mobilekit.bench.results import Benchmark, BenchReport, OperatorTime, Startup
from mobilekit.bench.statistics import Rounds, latency_of, noise_of

MACHINE = {"processor": "Example 9000", "cores": "2", "system": "Linux x86_64", "governor": "none"}


def steady(milliseconds: float, *, rounds: int = 20, runs: int = 20) -> list[list[float]]:
    """Return rounds that vary by a few thousandths, without a random number."""
    return [
        [milliseconds * (1 + 0.001 * ((7 * turn + 3 * run) % 5)) for run in range(runs)]
        for turn in range(rounds)
    ]


def benchmark(
    rounds: Rounds = (), *, variant: str = "tflite-fp16", target: str = "cpu", **more: Any
) -> Benchmark:
    latency = latency_of(rounds, warm_up_runs=10, stable=True) if len(rounds) else None
    return replace(
        Benchmark(variant=variant, target=target, status="measured", latency=latency), **more
    )


def cold(*first_runs: float, load: float = 2.0, prepare: float = float("nan")) -> dict[str, Any]:
    """Return cold starts as a keyword of `benchmark`."""
    return {
        "startups": tuple(
            Startup(load_ms=load, prepare_ms=prepare, first_run_ms=time) for time in first_runs
        )
    }


def operators(**times: float) -> tuple[OperatorTime, ...]:
    total = sum(times.values())
    return tuple(
        OperatorTime(name=name, operator=name.upper(), median_ms=time, share=time / total)
        for name, time in times.items()
    )


def report(benchmarks: Iterable[Benchmark], *, reference: Rounds = (), **more: Any) -> BenchReport:
    noise = noise_of(reference, reference="matrix product, numpy 2") if len(reference) else None
    content = BenchReport(
        model="Digits",
        source_sha256="0" * 64,
        verdict="pass",
        machine=MACHINE,
        noise=noise,
        benchmarks=tuple(benchmarks),
    )
    return replace(content, **more)
