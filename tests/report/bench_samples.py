"""Reports with what a benchmark found: clear, crowded, hostile."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import report_samples

from mobilekit.bench.results import (
    Benchmark,
    BenchReport,
    Condition,
    Gate,
    Latency,
    Noise,
    OperatorTime,
    Recommendation,
    Startup,
)
from mobilekit.bench.statistics import latency_of
from mobilekit.results import Report

PHONE = "adb:R5CT20A1B2C/gpu"


def latency(centre: float, *, spread: float = 0.03, runs: int = 200, slow: int = 4) -> Latency:
    draw = random.Random(round(centre * 1e6))
    turns = [
        tuple(
            centre * math.exp(draw.gauss(0, spread) + abs(draw.gauss(0, spread))) for _ in range(20)
        )
        for _ in range(runs // 20)
    ]
    turns[0] = (*turns[0][:-slow], *(centre * 1.6 for _ in range(slow)))
    return latency_of(tuple(turns), warm_up_runs=12, stable=True)


def figures(median: float) -> Latency:
    """Return what a tool reports that tells no single runs."""
    return Latency(
        runs=134,
        median_ms=median,
        p90_ms=math.nan,
        p95_ms=median * 1.05,
        p99_ms=math.nan,
        median_low_ms=math.nan,
        median_high_ms=math.nan,
    )


def startups(load: float, prepare: float, first: float) -> tuple[Startup, ...]:
    return tuple(
        Startup(load_ms=load * factor, prepare_ms=prepare * factor, first_run_ms=first * factor)
        for factor in (0.9, 1.0, 1.2)
    )


def operators(whole: float) -> tuple[OperatorTime, ...]:
    shares = (0.5, 0.2, 0.12, 0.08, 0.05, *([0.05 / 9] * 9))
    return tuple(
        OperatorTime(
            name=f"conv2d_{index}/Relu6",
            operator="CONV_2D",
            median_ms=whole * share,
            share=share,
        )
        for index, share in enumerate(shares)
    )


def bench_report(**changed: object) -> BenchReport:
    here = {"origin": "mobilekit", "threads": 1, "place": "Xeon Platinum 8370C"}
    times = {"tflite-fp32": 1.21, "tflite-fp16": 1.19, "tflite-dynamic": 0.86, "tflite-int8": 0.52}
    benchmarks = [
        Benchmark(
            variant=name,
            target="cpu",
            status="measured",
            latency=latency(time),
            startups=startups(4.1 * time, 2.2 * time, 3.0 * time),
            peak_memory_bytes=round(48e6 + 1e6 * time),
            bare_memory_bytes=41_000_000,
            operators=operators(time) if name == "tflite-int8" else (),
            disturbed="Another process took 0.8 of a core meanwhile."
            if name == "tflite-dynamic"
            else "",
            **here,  # type: ignore[arg-type]
        )
        for name, time in times.items()
    ]
    benchmarks += [
        Benchmark(
            variant="tflite-fp16",
            target=PHONE,
            status="measured",
            origin="the generated Android module, LiteRT 2.1.0",
            place="Google Pixel 8, Tensor G3, Android 15",
            latency=latency(2.4, spread=0.06),
            startups=startups(180.0, math.nan, 9.0)[:1],
            before=Condition(governor="schedutil", thermal="none", celsius=30.5),
            after=Condition(governor="schedutil", thermal="light", celsius=32.0),
        ),
        Benchmark(
            variant="tflite-int8",
            target=PHONE,
            status="measured",
            origin="benchmark_model",
            latency=figures(3.1),
            startups=startups(95.0, math.nan, 6.0)[:1],
            notes=("The average of its runs is 3.2 ms.",),
        ),
        Benchmark(
            variant="tflite-int8",
            target="arm64",
            status="measured",
            emulated=True,
            latency=latency(41.0),
            startups=startups(300.0, math.nan, 80.0),
        ),
        Benchmark(
            variant="coreml-fp16",
            target="coreml",
            status="not_run",
            reason="mobilekit's evaluator of Core ML is no device's speed.",
        ),
    ]
    report = BenchReport(
        model="DigitClassifier",
        source_sha256="0" * 64,
        verdict="fail",
        machine={"processor": "Xeon Platinum 8370C", "cores": "2", "system": "Linux 6.1"},
        noise=Noise(
            between_rounds=0.011,
            within=0.02,
            sentence="Where nothing changes, the medians of 24 rounds vary by 1.1 % here, and "
            "single runs by 2.0 %.",
        ),
        benchmarks=tuple(benchmarks),
        gates=(
            Gate(
                variant="tflite-fp16",
                target=PHONE,
                rule="p90_ms <= 8",
                status="pass",
                measured=2.71,
                bound=8.0,
            ),
            Gate(
                variant="tflite-int8",
                target="cpu",
                rule="not slower than the baseline by more than 5 %",
                status="fail",
                measured=0.52,
                bound=0.46,
                reason="Its fastest tenth of runs changed by +14.1 % (12.9 to 15.4 %).",
                operators=("conv2d_0/Relu6 (CONV_2D): 0.2 ms to 0.26 ms",),
            ),
            Gate(
                variant="tflite-dynamic",
                target="cpu",
                rule="median_ms <= 0.9",
                status="undecided",
                measured=0.87,
                bound=0.9,
                reason="0.86 to 0.91 ms at 95 % confidence: more runs, or a quieter machine, would "
                "tell.",
            ),
            Gate(
                variant="tflite-int8",
                target="arm64",
                rule="median_ms <= 50",
                status="not_run",
                bound=50.0,
                reason="It is emulated, and an emulator's time is not a device's.",
            ),
        ),
        recommendations=(
            Recommendation(
                platform="android",
                variant="tflite-fp16",
                target="gpu",
                reason="With a median of 2.4 ms it is the fastest of the 2 choices as good as the "
                "best (accuracy 98.1 %), and has 41.2 kB; times are of runs on Google Pixel 8.",
            ),
        ),
        started="2026-03-14T09:26:53+00:00",
    )
    return replace(report, **changed)  # type: ignore[arg-type]


def benched() -> Report:
    return replace(report_samples.passing(), bench=bench_report())


def hostile() -> Report:
    """Return a report whose names and numbers are hard to lay out."""
    evil = "<script>alert(1)</script>" + "W" * 80
    strange = Benchmark(
        variant=evil,
        target="adb:" + "x" * 70 + "/gpu",
        status="measured",
        origin=evil,
        place=evil,
        disturbed=evil,
        latency=replace(figures(math.nan), p95_ms=math.nan),
        startups=startups(math.nan, math.nan, math.nan),
        notes=(evil,),
    )
    zero = replace(
        strange, variant="zero", latency=latency_of(((0.0,) * 8,) * 4, warm_up_runs=0, stable=False)
    )
    far = replace(
        strange,
        variant="far",
        latency=latency_of(((1e-4,) * 8, (9e5,) * 8), warm_up_runs=0, stable=False),
    )
    gate = Gate(variant=evil, target=evil, rule=evil, status="undecided", reason=evil)
    bench = bench_report(
        model=evil,
        benchmarks=(strange, zero, far, replace(far, target="cpu")),
        gates=(gate,),
        machine={evil: evil},
        notes=(evil,),
        noise=None,
    )
    return replace(report_samples.passing(), bench=bench)


def crowded() -> Report:
    """Return a report with many variants on many targets."""
    names = [variant.name for variant in report_samples.passing().variants]
    many = tuple(
        Benchmark(
            variant=name,
            target=f"adb:SERIAL{place:02}/gpu",
            status="measured",
            latency=latency(0.5 + index + place),
            startups=startups(30.0 + index, 3.0, 4.0),
        )
        for place in range(10)
        for index, name in enumerate(names)
    )
    return replace(report_samples.passing(), bench=bench_report(benchmarks=many))
