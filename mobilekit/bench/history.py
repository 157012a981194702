"""How size, quality and latency went over the releases that a folder holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mobilekit.bench.baseline import IDENTITY
from mobilekit.bench.choices import METRICS
from mobilekit.bench.files import REPORT, parse_bench, read_json
from mobilekit.bench.results import SCHEMA as BENCH_SCHEMA
from mobilekit.bench.results import Benchmark, BenchReport
from mobilekit.report.findings import worst_check
from mobilekit.report.json_file import read_report
from mobilekit.results import Report
from mobilekit_converters.errors import DataError

SCHEMA = "mobilekit/history/1"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One report of the folder: `name` is its path there, `started` when it was made (ISO 8601).

    `machine` is where it was benchmarked, empty where it was not: times of different machines say
    nothing of each other.
    """

    name: str
    model: str
    started: str
    machine: str = ""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value in the release of an index, with the ends of its 95 % interval; NaN if unknown."""

    release: int
    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Line:
    """How one thing went, in the order of the releases; those that lack it have no point.

    `what` is `median_ms` on a `target`, or `bytes`, `accuracy`, `agreement` or `snr_db` of the
    variant, the last three at their worst over its checks.
    """

    model: str
    variant: str
    what: str
    target: str
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file of the folder that is not in the history, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class History:
    """All that a folder of releases tells, the oldest release first."""

    releases: tuple[Release, ...]
    lines: tuple[Line, ...]
    left_out: tuple[LeftOut, ...] = ()
    schema: str = SCHEMA


@dataclass(frozen=True, kw_only=True)
class _Found:
    release: Release
    report: Report | None
    bench: BenchReport | None


def history(folder: Path) -> History:
    """Read every `report.json` below a folder, and every other `.json` file right in it.

    Emulated times are left out. What cannot be read, or is no report, is named in `left_out`.

    Raises:
        DataError: there is no such folder, or no report in it can be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder. Name one that holds releases.")
    found: list[_Found] = []
    left_out: list[LeftOut] = []
    for file in sorted({*folder.rglob(REPORT), *folder.glob("*.json")}):
        name = file.relative_to(folder).as_posix()
        try:
            found.append(_read(file, name.removesuffix(f"/{REPORT}")))
        except DataError as error:
            left_out.append(LeftOut(file=name, reason=str(error)))
    if not found:
        listed = "".join(f"\n  {item.reason}" for item in left_out)
        raise DataError(f"{folder} holds no report that can be read.{listed}")
    found.sort(key=_moment)
    return History(
        releases=tuple(item.release for item in found),
        lines=tuple(_lines(found)),
        left_out=tuple(left_out),
    )


def _moment(item: _Found) -> tuple[str, str, str]:
    """Return what releases are ordered by: when each was made, then when it was benchmarked.

    ISO 8601 sorts as text. A report that does not say when it was made comes first.
    """
    return item.release.started, item.bench.started if item.bench else "", item.release.name


def _read(file: Path, name: str) -> _Found:
    content = read_json(file)
    if content.get("schema") == BENCH_SCHEMA:
        bench = parse_bench(content, file)
        release = Release(
            name=name, model=bench.model, started=bench.started, machine=_machine(bench)
        )
        return _Found(release=release, report=None, bench=bench)
    report = read_report(file)
    release = Release(
        name=name,
        model=report.model.name,
        started=report.started,
        machine=_machine(report.bench),
    )
    return _Found(release=release, report=report, bench=report.bench)


def _machine(bench: BenchReport | None) -> str:
    if bench is None:
        return ""
    return ", ".join(bench.machine.get(key, "unknown") for key in IDENTITY)


def _lines(found: list[_Found]) -> Iterator[Line]:
    """Yield the lines: times first, then sizes and qualities."""
    for collect in (_times, _sizes, _qualities):
        lines: dict[tuple[str, str, str, str], list[Point]] = {}
        for index, item in enumerate(found):
            for (variant, what, target), value, low, high in collect(item):
                if math.isfinite(value):
                    key = (item.release.model, variant, what, target)
                    point = Point(release=index, value=value, low=low, high=high)
                    lines.setdefault(key, []).append(point)
        for (model, variant, what, target), points in lines.items():
            yield Line(model=model, variant=variant, what=what, target=target, points=tuple(points))


_Values = Iterable[tuple[tuple[str, str, str], float, float, float]]


def _times(item: _Found) -> _Values:
    for benchmark in _benchmarks(item):
        latency = benchmark.latency
        if _counts(benchmark) and latency is not None:
            key = (benchmark.variant, "median_ms", benchmark.target)
            yield key, latency.median_ms, latency.median_low_ms, latency.median_high_ms


def _sizes(item: _Found) -> _Values:
    sizes = {benchmark.variant: benchmark.file_bytes for benchmark in _benchmarks(item)}
    if item.report is not None:
        sizes = {v.name: v.bytes for v in item.report.variants if v.status == "built"}
    for variant, size in sizes.items():
        if size:
            yield (variant, "bytes", ""), float(size), math.nan, math.nan


def _qualities(item: _Found) -> _Values:
    for variant in item.report.variants if item.report else ():
        worst = {metric: worst_check(variant, metric) for metric in METRICS}
        for metric, check in worst.items():
            if check is not None:
                yield (variant.name, metric, ""), check.metrics[metric], math.nan, math.nan
                break


def _benchmarks(item: _Found) -> tuple[Benchmark, ...]:
    return item.bench.benchmarks if item.bench else ()


def _counts(benchmark: Benchmark) -> bool:
    return benchmark.status == "measured" and not benchmark.emulated
