"""The plots of a benchmark: which there are, what they show, and what their captions say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from mobilekit.bench.choices import METRICS, pareto_front
from mobilekit.bench.results import Benchmark, Startup
from mobilekit.report.bench_front_chart import Choice, draw_front
from mobilekit.report.bench_start_chart import Start, draw_starts
from mobilekit.report.bench_strip_chart import Strip, draw_strips
from mobilekit.report.findings import ran, worst_check
from mobilekit.report.plots import QUALITIES, Plot
from mobilekit.results import VariantResult

EMULATED = "emulated: not a device's time, no gate reads it"

_MOST_TARGETS = 8
"""More targets than this would bury the rest of the page; the table has all."""


def bench_plots(
    benchmarks: Sequence[Benchmark], variants: Sequence[VariantResult]
) -> tuple[Plot, ...]:
    """Return the plots that the measurements allow: choices, latencies and starts."""
    measured = [item for item in benchmarks if item.status == "measured"]
    targets = list(dict.fromkeys(item.target for item in measured))
    # A device's own times come before an emulator's.
    targets.sort(key=lambda name: any(item.emulated for item in measured if item.target == name))
    groups = [
        (name, [item for item in measured if item.target == name])
        for name in targets[:_MOST_TARGETS]
    ]
    return (
        *_fronts(groups, variants),
        *_latencies(groups),
        *_starts(groups),
    )


def _fronts(
    groups: Iterable[tuple[str, Sequence[Benchmark]]], variants: Sequence[VariantResult]
) -> Iterator[Plot]:
    """Yield what can be chosen on each real target: size, time and quality."""
    metrics = {key for variant in variants for check in ran(variant) for key in check.metrics}
    key = next((name for name in METRICS if name in metrics), None)
    if key is None:
        return
    for index, (target, items) in enumerate(groups):
        choices = _choices(key, items, variants)
        if len(choices) < 2:
            continue
        quality = QUALITIES[key]
        name = quality.title if quality.title == "SNR" else quality.title.lower()
        title = f"Size, latency and {name} on {target}"
        drawing = draw_front(choices, quality, title=title, id=f"bench-front-{index}")
        beaten = sum(not choice.on_front for choice in choices)
        caption = (
            "Up and to the left is better, and so is a smaller mark: areas stand for sizes on disk."
            " Full marks are the Pareto front: no other is at least as good in all three."
        )
        if beaten:
            caption += f" {beaten} of {len(choices)} are beaten."
        if drawing.unnamed:
            caption += " Some marks have no room for a name: the table below gives their values."
        yield Plot(title=title, drawing=drawing, caption=caption)


def _choices(
    key: str, items: Sequence[Benchmark], variants: Sequence[VariantResult]
) -> list[Choice]:
    known = {variant.name: variant for variant in variants}
    found: list[tuple[str, int, float, float]] = []
    for item in items:
        variant = known.get(item.variant)
        check = worst_check(variant, key) if variant is not None else None
        if item.emulated or item.latency is None or variant is None or check is None:
            continue
        # Equal tensors have an infinite SNR, which has no place on an axis.
        quality = min(check.metrics[key], 160.0)
        if math.isfinite(item.latency.median_ms) and math.isfinite(quality):
            found.append((item.variant, variant.bytes, item.latency.median_ms, quality))
    front = pareto_front([(float(bytes), time, -quality) for _, bytes, time, quality in found])
    return [
        Choice(name=name, bytes=bytes, milliseconds=time, quality=quality, on_front=index in front)
        for index, (name, bytes, time, quality) in enumerate(found)
    ]


def _latencies(groups: Iterable[tuple[str, Sequence[Benchmark]]]) -> Iterator[Plot]:
    """Yield each target's distributions."""
    for index, (target, items) in enumerate(groups):
        strips = [strip for strip in map(_strip, items) if strip and strip.figures]
        if not strips:
            continue
        title = f"Latency on {target}"
        sentences = ["Further left is better."]
        if any(strip.times for strip in strips):
            sentences.append("Bars are single runs; those beyond the right end are not drawn.")
        if not all(strip.times for strip in strips):
            sentences.append("Where there are no bars, the tool reported figures alone.")
        if any(item.emulated for item in items):
            sentences.append(f"{EMULATED.capitalize()}.")
        drawing = draw_strips(strips, title=title, id=f"bench-latency-{index}")
        yield Plot(title=title, drawing=drawing, caption=" ".join(sentences))


def _strip(item: Benchmark) -> Strip | None:
    latency = item.latency
    if latency is None:
        return None
    return Strip(
        name=item.variant,
        times=tuple(
            time for turn in latency.rounds for time in turn if math.isfinite(time) and time >= 0
        ),
        median=latency.median_ms,
        low=latency.median_low_ms,
        high=latency.median_high_ms,
        p90=latency.p90_ms,
        p99=latency.p99_ms,
        quiet=item.emulated,
    )


def _starts(groups: Sequence[tuple[str, Sequence[Benchmark]]]) -> Iterator[Plot]:
    """Yield the cold starts on real targets, and those on emulated ones apart."""
    for emulated in (False, True):
        found = [
            (target, [_start(item) for item in items if item.emulated == emulated])
            for target, items in groups
        ]
        known = [(name, [start for start in starts if start.whole > 0]) for name, starts in found]
        shown = [(name, starts) for name, starts in known if starts]
        if shown:
            title = "Start-up against steady state" + (", emulated" if emulated else "")
            caption = (
                "What the first answer of a new process waits for, and below it what every later "
                "one takes. Medians over cold starts; each target has an axis of its own."
            )
            if emulated:
                caption += f" {EMULATED.capitalize()}."
            drawing = draw_starts(shown, title=title, id=f"bench-start-{int(emulated)}")
            yield Plot(title=title, drawing=drawing, caption=caption)


def _start(item: Benchmark) -> Start:
    return Start(
        name=item.variant,
        load=_middle(item.startups, "load_ms"),
        prepare=_middle(item.startups, "prepare_ms"),
        first=_middle(item.startups, "first_run_ms"),
        steady=item.latency.median_ms if item.latency else math.nan,
        quiet=item.emulated,
    )


def _middle(startups: Sequence[Startup], field: str) -> float:
    known = [time for start in startups if math.isfinite(time := getattr(start, field))]
    return median(known) if known else math.nan
