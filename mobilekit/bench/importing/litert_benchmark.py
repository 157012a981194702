"""The JSON that `litert-benchmark --result_json` writes, the command of the ai-edge-litert wheel.

Source: `litert/python/tools/benchmark_litert_model.py` of LiteRT. Times are rounded to 10 µs.
"""

from __future__ import annotations

import math
from typing import Any

from mobilekit.bench.importing.content import Content
from mobilekit.bench.importing.figures import (
    count,
    optional_milliseconds,
    require_order,
)
from mobilekit.bench.results import Benchmark, Latency, Startup
from mobilekit_converters.errors import DataError

NAME = "the JSON of litert-benchmark --result_json"

_ACCELERATORS = ("NPU", "GPU", "CPU")
"""In the order in which the runtime prefers them."""


def recognises(content: Content) -> bool:
    """Say whether the content has what this tool alone writes together."""
    return {"model", "accelerators", "latency"} <= content.object.keys()


def read(content: Content) -> tuple[Benchmark, ...]:
    """Return the one result; see `ResultFormat.read`."""
    name, found = content.name, content.object
    times: Any = found["latency"]
    accelerators: Any = found["accelerators"]
    if not isinstance(times, dict) or not isinstance(accelerators, list):
        raise DataError(f"{name} is no whole result of litert-benchmark: 'latency' is no object.")
    for key in ("median_ms", "num_runs"):
        if key not in times:
            raise DataError(
                f"{name} is a result of a litert-benchmark that is not known: its latency has no "
                f"{key!r}, but {', '.join(map(repr, list(times)[:12]))}."
            )
    percentiles = {
        key: optional_milliseconds(times, key, name)
        for key in ("min_ms", "p5_ms", "median_ms", "p95_ms", "max_ms")
    }
    require_order(percentiles, name)
    runs = count(times["num_runs"], f"{name}: num_runs")
    if runs == 0:
        raise DataError(f"{name} is of a benchmark without a run.")
    threads = found.get("num_threads")
    warm_up_runs = count(times.get("num_warmup_runs", 0), f"{name}: num_warmup_runs")
    average = optional_milliseconds(times, "avg_ms", name)
    return (
        Benchmark(
            variant="",
            target="",
            status="measured",
            origin="litert-benchmark",
            threads=None if threads is None else count(threads, f"{name}: num_threads"),
            latency=Latency(
                runs=runs,
                median_ms=percentiles["median_ms"],
                p90_ms=math.nan,
                p95_ms=percentiles["p95_ms"],
                p99_ms=math.nan,
                median_low_ms=math.nan,
                median_high_ms=math.nan,
                warm_up_runs=warm_up_runs,
            ),
            startups=(
                Startup(
                    load_ms=optional_milliseconds(times, "init_ms", name),
                    prepare_ms=math.nan,
                    first_run_ms=optional_milliseconds(times, "warmup_first_ms", name)
                    if warm_up_runs
                    else math.nan,
                ),
            ),
            notes=(
                *(
                    ()
                    if math.isnan(average)
                    else (f"The average of its runs is {average:.4g} ms.",)
                ),
                _asked(accelerators, found.get("fully_accelerated")),
                "It was given random inputs, and times are rounded to 0.01 ms.",
            ),
        ),
    )


def _asked(accelerators: list[Any], whole: Any) -> str:
    words = " and ".join(name for name in _ACCELERATORS if name in accelerators) or "nothing"
    taken = ""
    if isinstance(whole, bool):
        taken = f", which {'took' if whole else 'did not take'} all of it"
    return f"It was asked for {words}{taken}."
