"""Which variant to ship on which accelerator, from what was checked and measured.

The rule, in order:

1. Only a variant that passed counts: no check of it failed, and it passed one where it would run.
2. It must be as good as the best of those: accuracy within `_ACCURACY`, or where there are no
   labels the classes within `_AGREEMENT`, or where there are no classes `_SNR_DB` to the source.
3. Of what is left, only choices on the Pareto front of size, time and quality count.
4. The fastest wins, but among those within `_SAME_TIME` of it the smallest does. Where no time is
   known, the smallest wins.

Times count that were measured on devices of the platform; where there is none, for TFLite those of
this computer's CPU. Emulated times never count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Literal

from mobilekit.bench.results import Benchmark, Recommendation
from mobilekit.report.formats import significant, size
from mobilekit.results import Check, Report, VariantResult
from mobilekit_converters.variants import VARIANTS, Format

Platform = Literal["android", "ios"]

_ACCURACY = 0.01
"""One point of accuracy is what a budget of 8 bits costs; see `parity.budgets`."""

_AGREEMENT = 0.02
_SNR_DB = 20.0
"""The error has a hundredth of the signal's power."""

METRICS = ("accuracy", "agreement", "snr_db")
"""What quality is, the most telling first."""

_SAME_TIME = 0.1
"""Times nearer than this are no reason to ship a larger file."""

_HERE = "cpu"
"""The target that is this computer's CPU."""


@dataclass(frozen=True, kw_only=True)
class _Rules:
    """Where artifacts of a platform run: in which format, on targets of which families."""

    format: Format
    families: tuple[str, ...]
    device: str
    fallback: str


_PLATFORMS: Mapping[Platform, _Rules] = {
    "android": _Rules(
        format="tflite", families=("adb",), device="an Android device", fallback=_HERE
    ),
    "ios": _Rules(format="coreml", families=("ios",), device="an iPhone", fallback=""),
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A variant on an accelerator: what there is to choose by. `milliseconds` is NaN if unknown.

    `metric` names what `quality` is; more is better.
    """

    variant: str
    accelerator: str
    bytes: int
    milliseconds: float
    metric: str
    quality: float


def recommend(report: Report, benchmarks: Iterable[Benchmark]) -> tuple[Recommendation, ...]:
    """Return what to ship on each platform that a release has a passing variant for."""
    measured = [
        item
        for item in benchmarks
        if item.status == "measured" and not item.emulated and item.latency is not None
    ]
    found = (_for_platform(platform, report, measured) for platform in _PLATFORMS)
    return tuple(item for item in found if item is not None)


def pareto_front(points: Sequence[tuple[float, ...]]) -> tuple[int, ...]:
    """Return the indices of points that no other is better than.

    Args:
        points: numbers that should be small, as many in each. A point with a NaN is on no front.
    """
    whole = [
        index
        for index, point in enumerate(points)
        if not any(math.isnan(number) for number in point)
    ]
    return tuple(
        index
        for index in whole
        if not any(_dominates(points[other], points[index]) for other in whole)
    )


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def front_of(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return the choices on the front of size, quality and, where all have one, time."""
    timed = not any(math.isnan(choice.milliseconds) for choice in choices)
    points = [
        (float(choice.bytes), choice.milliseconds if timed else 0.0, -choice.quality)
        for choice in choices
    ]
    return tuple(choices[index] for index in pareto_front(points))


def _for_platform(
    platform: Platform, report: Report, measured: Sequence[Benchmark]
) -> Recommendation | None:
    rules = _PLATFORMS[platform]
    variants = [
        variant
        for variant in report.variants
        if VARIANTS[variant.name].format == rules.format and _passed(variant)
    ]
    on_devices = [item for item in measured if item.target.partition(":")[0] in rules.families]
    here = [item for item in measured if item.target == rules.fallback]
    timed = [(times, at) for times, at in ((on_devices, "device"), (here, "here")) if times]
    for times, source in (*timed, ([], "none")):
        choices = _good(_choices(variants, times))
        if choices:
            best = _best(front_of(choices))
            return Recommendation(
                platform=platform,
                variant=best.variant,
                target=best.accelerator,
                reason=_reason(best, choices, rules, source, times),
            )
    return None


def _passed(variant: VariantResult) -> bool:
    statuses = {check.status for check in variant.checks}
    return variant.status == "built" and "pass" in statuses and "fail" not in statuses


def _choices(variants: Sequence[VariantResult], times: Sequence[Benchmark]) -> tuple[Choice, ...]:
    """Return each variant on each accelerator that was timed, or once where nothing was.

    Several devices count alike, by the geometric mean: those that the pair with the most has.
    """
    if not times:
        return tuple(_choice(variant, "", math.nan) for variant in variants)
    found: dict[tuple[str, str], dict[str, float]] = {}
    for item in times:
        device, accelerator = _split(item.target)
        if item.latency is not None and item.latency.median_ms > 0:
            devices = found.setdefault((item.variant, accelerator), {})
            devices[device] = min(item.latency.median_ms, devices.get(device, math.inf))
    proved = {
        (variant.name, accelerator): variant
        for variant in variants
        for accelerator in {_split(check.target)[1] for check in _passed_checks(variant)}
    }
    known = {pair: devices for pair, devices in found.items() if pair in proved}
    most = max(known.values(), key=len, default={})
    return tuple(
        _choice(proved[pair], pair[1], geometric_mean(devices[name] for name in most))
        for pair, devices in known.items()
        if devices.keys() >= most.keys()
    )


def _choice(variant: VariantResult, accelerator: str, milliseconds: float) -> Choice:
    metric, value = _quality(variant)
    return Choice(
        variant=variant.name,
        accelerator=accelerator,
        bytes=variant.bytes,
        milliseconds=milliseconds,
        metric=metric,
        quality=value,
    )


def _quality(variant: VariantResult) -> tuple[str, float]:
    """Return the metric that says most of a variant, as it is where it was least good.

    What is emulated ran on few samples, which say little of shares; it counts if nothing else does.
    """
    # Comparing programs is a check without metrics, which no emulator has to make up for.
    passed = [check for check in _passed_checks(variant) if check.metrics.keys() & set(METRICS)]
    checks = [check for check in passed if not check.emulated] or passed
    for metric in METRICS:
        values = [check.metrics[metric] for check in checks if metric in check.metrics]
        if values:
            return metric, min(values)
    return "", math.nan


def _passed_checks(variant: VariantResult) -> list[Check]:
    return [check for check in variant.checks if check.status == "pass"]


def _good(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return the choices that are as good as the best, by the second rule."""
    slack = {"accuracy": _ACCURACY, "agreement": _AGREEMENT}
    # Variants of one release have the same metrics, unless a check lacks one.
    metrics = {choice.metric for choice in choices}
    metric = next((name for name in METRICS if name in metrics), "")
    same = [choice for choice in choices if choice.metric == metric and metric]
    if not same:
        return ()
    best = max(choice.quality for choice in same)
    least = best - slack[metric] if metric in slack else min(_SNR_DB, best)
    # Accuracies are shares of samples: their differences are exact but for rounding.
    return tuple(choice for choice in same if choice.quality >= least - 1e-9)


def _best(front: Sequence[Choice]) -> Choice:
    if any(math.isnan(choice.milliseconds) for choice in front):
        return min(front, key=lambda choice: (choice.bytes, -choice.quality))
    fastest = min(choice.milliseconds for choice in front)
    near = [choice for choice in front if choice.milliseconds <= fastest * (1 + _SAME_TIME)]
    return min(near, key=lambda choice: (choice.bytes, choice.milliseconds, -choice.quality))


def _reason(
    best: Choice, choices: Sequence[Choice], rules: _Rules, source: str, times: Sequence[Benchmark]
) -> str:
    quality = _quality_words(best)
    among = f"the {len(choices)} choices" if len(choices) > 1 else "one choice"
    if source == "none":
        return (
            f"With {size(best.bytes)} it is the smallest of {among} as good as the best ({quality})"
            f"; only size and quality decided, because no time was measured on {rules.device}."
        )
    fastest = min(choice.milliseconds for choice in choices)
    near = f"within {100 * _SAME_TIME:.0f} % of the fastest, and the smallest of those,"
    lead = "the fastest" if best.milliseconds <= fastest else near
    where = (
        f"on {', '.join(dict.fromkeys(item.place or _split(item.target)[0] for item in times))}"
        if source == "device"
        else f"on this computer's CPU, because none was measured on {rules.device}"
    )
    return (
        f"With a median of {significant(best.milliseconds)} ms it is {lead} of {among} as good as "
        f"the best ({quality}), and has {size(best.bytes)}; times are of runs {where}."
    )


def _quality_words(choice: Choice) -> str:
    if choice.metric == "snr_db":
        return f"{choice.quality:.1f} dB to the source"
    return f"{choice.metric} {100 * choice.quality:.1f} %"


def _split(target: str) -> tuple[str, str]:
    """Return the device and the accelerator that a target's name holds: `adb:X1`, `gpu`."""
    device, slash, accelerator = target.rpartition("/")
    if slash:
        return device, accelerator
    # `ios:UDID` leaves the choice of the compute unit to Core ML.
    return target, "any" if ":" in target else target
