"""What `benchmark_model` prints: TFLite's since 2017, LiteRT's, and litert-benchmark's own.

Sources: `tflite/tools/benchmark/benchmark_model.cc`, `litert/tools/benchmark_litert_model.h` and
`litert/python/tools/benchmark_litert_model.py` of LiteRT, and older states of the first in
TensorFlow. None of them says its version. Lines may stand behind what logs put before them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mobilekit.bench.importing.content import Content
from mobilekit.bench.importing.figures import count, memory, milliseconds, require_order
from mobilekit.bench.importing.operator_table import read_operators
from mobilekit.bench.results import Benchmark, Latency, Startup
from mobilekit_converters.errors import DataError

NAME = "the text that benchmark_model prints (TFLite's, LiteRT's, litert-benchmark's)"

# `\S` and not a number's own form, so that what is none is seen and named.
_CLASSIC = re.compile(
    r"Inference timings in us: Init: (?P<load>[^,\s]+), First inference: (?P<first>[^,\s]+), "
    r"Warmup \(avg\): [^,\s]+, Inference \(avg\): (?P<average>\S+)"
)
_OLDEST = re.compile(
    r"Average inference timings in us: Warmup: [^,\s]+, Init: (?P<load>[^,\s]+), "
    r"(?:Inference|no stats): (?P<average>[^,\s]+)"
)
_SUMMARY = re.compile(r"=+ BENCHMARK RESULTS =+|=+\s+BENCHMARK RESULTS\s+=+")
_SUMMARY_LINE = re.compile(
    r"(?P<key>Model initialization|Warmup \((?:first|avg)\)|Inference \(\w+\)):\s+"
    r"(?P<value>\S+)(?: ms)?(?: \((?P<runs>\S+) runs\))?"
)
_COUNTED = re.compile(r"\bcount=(?P<count>\S+)(?P<rest>(?: \w+=\S+)*)")
_PEAK = re.compile(
    r"(?:Overall peak memory footprint \(MB\) via periodic monitoring:|Peak memory:)\s+(\S+)"
)
_THREADS = re.compile(r"(?:Num threads: \[|#threads used for CPU inference: \[)(\d+)\]")
_FALLBACK = re.compile(r"Though .{1,80} delegate is explicitly applied, the model graph will not.*")
_DELEGATED = re.compile(
    r"Explicitly applied .{1,80} delegate, and the model graph will be (?:completely|partially).*"
)
_BEGUN = re.compile(r"Running benchmark for at least|Log parameter values verbosely|count=\d+ ")


@dataclass(frozen=True, kw_only=True)
class _Figures:
    """What any of the outputs says, in milliseconds."""

    tool: str
    runs: int
    warm_up_runs: int
    load: float
    first: float
    average: float
    percentiles: Mapping[str, float]


def recognises(content: Content) -> bool:
    """Say whether the content is such an output, or the beginning of one."""
    text = content.text or ""
    return not content.looks_like_json and any(
        pattern.search(text) for pattern in (_CLASSIC, _OLDEST, _SUMMARY, _BEGUN)
    )


def read(content: Content) -> tuple[Benchmark, ...]:
    """Return the one result; see `ResultFormat.read`."""
    text = content.text or ""
    results = len(_CLASSIC.findall(text)) + len(_OLDEST.findall(text)) + len(_SUMMARY.findall(text))
    if results > 1:
        raise DataError(
            f"{content.name} holds the output of {results} benchmarks. Keep each in a file of its "
            "own: it does not say which artifact each is of."
        )
    if fallback := _FALLBACK.search(text):
        reason = f"The tool said: {fallback[0].strip()[:300]} So these are the CPU's times."
        return (_benchmark(status="failed", reason=reason),)
    figures = _summary(text, content.name) or _classic(text, content.name)
    if figures is None:
        raise DataError(
            f"{content.name} begins like benchmark_model's output but has no result: it was cut "
            "off, or the tool ended early. Its last line is: "
            f"{(text.strip().splitlines() or [''])[-1][:200]!r}."
        )
    if figures.runs == 0:
        raise DataError(f"{content.name} is of a benchmark without a run: a dry run, or a failure.")
    known = figures.percentiles
    require_order(
        {name: known.get(name, math.nan) for name in ("min", "p5", "median", "p95", "max")},
        content.name,
    )
    peak, threads = _PEAK.search(text), _THREADS.search(text)
    operators = read_operators(text, content.name)
    return (
        _benchmark(
            origin=figures.tool,
            threads=count(threads[1], f"{content.name}: threads") if threads else None,
            latency=Latency(
                runs=figures.runs,
                median_ms=known.get("median", math.nan),
                p90_ms=math.nan,
                p95_ms=known.get("p95", math.nan),
                p99_ms=math.nan,
                median_low_ms=math.nan,
                median_high_ms=math.nan,
                warm_up_runs=figures.warm_up_runs,
            ),
            startups=(
                Startup(load_ms=figures.load, prepare_ms=math.nan, first_run_ms=figures.first),
            ),
            peak_memory_bytes=memory(peak[1], f"{content.name}: peak memory", unit=float(2**20))
            if peak
            else None,
            operators=operators,
            notes=tuple(_notes(text, figures, bool(operators))),
        ),
    )


def _benchmark(**known: object) -> Benchmark:
    given = {"status": "measured", "origin": "benchmark_model", **known}
    return Benchmark(variant="", target="", **given)  # type: ignore[arg-type]


def _notes(text: str, figures: _Figures, operators: bool) -> Iterator[str]:
    yield f"The average of its runs is {figures.average:.4g} ms."
    if figures.tool == "litert-benchmark":
        yield "It was given random inputs, and times are rounded to 0.01 ms."
    if delegated := _DELEGATED.search(text):
        yield f"The tool said: {delegated[0].strip()[:300]}"
    if operators:
        yield "Its times of operators are averages."


def _classic(text: str, name: str) -> _Figures | None:
    """Read the line that ends a classic output, and the lines of counts before it."""
    ending = _CLASSIC.search(text) or _OLDEST.search(text)
    if ending is None:
        return None
    counted = [_counted(found, name) for found in _COUNTED.finditer(text[: ending.start()])]
    if not counted:
        raise DataError(f"{name} has no line with the count of its runs before its result.")
    runs, percentiles = counted[-1]
    parts = ending.groupdict()
    first = parts.get("first")
    return _Figures(
        tool="benchmark_model",
        runs=runs,
        warm_up_runs=counted[-2][0] if len(counted) > 1 else 0,
        load=milliseconds(parts["load"], f"{name}: Init", unit=1e-3),
        first=math.nan
        if first is None
        else milliseconds(first, f"{name}: First inference", unit=1e-3),
        average=milliseconds(parts["average"], f"{name}: Inference (avg)", unit=1e-3),
        percentiles=percentiles,
    )


def _counted(found: re.Match[str], name: str) -> tuple[int, dict[str, float]]:
    """Read `count=50 first=1 … median=2 p95=3`, in microseconds; some versions have less of it."""
    runs = count(found["count"], f"{name}: count")
    pairs = dict(pair.split("=", 1) for pair in found["rest"].split())
    wanted = ("min", "max", "p5", "median", "p95")
    figures = {
        key: milliseconds(pairs[key], f"{name}: {key}", unit=1e-3) for key in wanted if key in pairs
    }
    # Where all runs took the same time, that is all that is said.
    if runs and set(pairs) == {"curr"}:
        same = milliseconds(pairs["curr"].split("(")[0], f"{name}: curr", unit=1e-3)
        figures = dict.fromkeys(wanted, same)
    return runs, figures


def _summary(text: str, name: str) -> _Figures | None:
    """Read the block that ends LiteRT's outputs; the classic lines of counts stand before it."""
    begun = _SUMMARY.search(text)
    if begun is None:
        return None
    lines = {line["key"]: line for line in _SUMMARY_LINE.finditer(text, begun.end())}
    missing = {"Model initialization", "Warmup (avg)", "Inference (avg)"} - lines.keys()
    if missing:
        raise DataError(
            f"{name} has the heading of LiteRT's results, but not all of them: "
            f"{', '.join(sorted(missing))} is missing. It was cut off, or is of another version."
        )

    def time(key: str) -> float:
        line = lines.get(key)
        return math.nan if line is None else milliseconds(line["value"], f"{name}: {key}")

    def runs(key: str) -> int:
        return count(lines[key]["runs"], f"{name}: runs of {key}")

    counted = [_counted(found, name) for found in _COUNTED.finditer(text[: begun.start()])]
    shown = {
        key.removeprefix("Inference (").rstrip(")"): time(key)
        for key in lines
        if key.startswith("Inference (") and key not in ("Inference (avg)", "Inference (std)")
    }
    # The lines of counts have microseconds, and in newer versions percentiles; the block rounds.
    precise = counted[-1][1] if counted and counted[-1][0] == runs("Inference (avg)") else {}
    python = "Inference (median)" in lines
    return _Figures(
        tool="litert-benchmark" if python else "benchmark_model of LiteRT",
        runs=runs("Inference (avg)"),
        warm_up_runs=runs("Warmup (avg)"),
        load=time("Model initialization"),
        first=time("Warmup (first)"),
        average=time("Inference (avg)"),
        percentiles={**shown, **precise},
    )
