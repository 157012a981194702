"""All turns of a case as one benchmark: figures, and sentences on how far they can be believed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from mobilekit.bench.measuring import disturbance
from mobilekit.bench.measuring.rounds import Effort, Series
from mobilekit.bench.results import Benchmark, Noise, Startup
from mobilekit.bench.statistics import latency_of, noise_of
from mobilekit_delegates.targets.timed import TimedRuns


def benchmark_of(series: Series, empty: Benchmark, effort: Effort) -> Benchmark:
    """Return what a case's turns found.

    Args:
        series: its turns, which are over.
        empty: the benchmark without figures: variant, target, file.
        effort: what was asked for.
    """
    if series.error is not None:
        reason = str(series.error).rstrip(".")
        if not series.supported:
            return replace(empty, status="not_run", reason=f"{reason}.")
        if series.turns:
            reason = f"It failed in turn {len(series.turns) + 1}, after others went well: {reason}"
        return replace(empty, status="failed", reason=f"{reason}.")
    found = [turn.runs for turn in series.turns if turn.runs]
    if not found or series.ended == "clock":
        return replace(
            empty,
            status="failed",
            reason=f"{len(series.thrown)} turns were thrown away, the last because "
            f"{series.thrown[-1]}: this machine's clocks do not measure.",
        )
    last = series.turns[-1]
    peaks = [runs.peak_memory_bytes for runs in found if runs.peak_memory_bytes]
    bare = [runs.bare_memory_bytes for runs in found if runs.bare_memory_bytes]
    return replace(
        empty,
        status="measured",
        place=found[-1].place,
        threads=found[-1].threads,
        latency=latency_of(
            series.rounds,
            warm_up_runs=round(median(runs.warm_up_runs for runs in found)),
            stable=all(runs.settled for runs in found),
        ),
        startups=tuple(map(_startup, found)),
        peak_memory_bytes=max(peaks, default=None),
        bare_memory_bytes=round(median(bare)) if bare else None,
        before=series.turns[0].before,
        after=last.after,
        disturbed=disturbance.sentence(turn.disturbance for turn in series.turns),
        notes=tuple(dict.fromkeys((*_notes(series, found, effort), *empty.notes))),
    )


def noise_of_series(series: Series) -> Noise:
    """Return how much the machine's times vary, from the turns of the reference workload."""
    places = [turn.runs.place for turn in series.turns if turn.runs]
    return noise_of(series.rounds, reference=places[-1] if places else "")


def _startup(runs: TimedRuns) -> Startup:
    return Startup(
        load_ms=runs.load_ns / 1e6,
        prepare_ms=math.nan if runs.prepare_ns is None else runs.prepare_ns / 1e6,
        first_run_ms=runs.first_ns / 1e6,
    )


def _notes(series: Series, found: list[TimedRuns], effort: Effort) -> Iterator[str]:
    yield f"A run's time holds {found[-1].clocked}, and no setting of inputs."
    if lacking := tuple(series.lacking(effort)):
        yield (
            f"Measuring ended after {effort.most_seconds:g} s, which were not enough for "
            f"{' and '.join(lacking)}."
        )
    unsettled = sum(not runs.settled for runs in found)
    if unsettled:
        yield (
            f"In {unsettled} of {len(found)} turns the warm-up ended because it had lasted long "
            "enough, not because the times had settled."
        )
    if series.thrown:
        count = len(series.thrown)
        yield (f"{count} turn{'s were' if count > 1 else ' was'} thrown away: {series.thrown[-1]}.")
    for runs in found:
        yield from runs.notes
