"""Which variant to ship on which accelerator, from what was checked and measured.

The rule, in order:

1. Only a variant that passed counts: no check of it failed, and it passed one where it would run,
   in the release's report or on the device that measured it (`Benchmark.checked`).
2. It must be as good as the best of those: accuracy within `ACCURACY`, or where there are no
   labels the classes within `AGREEMENT`, or where there are no classes `SNR_DB` to the source.
3. Of what is left, only choices on the Pareto front of size, time and quality count.
4. The fastest wins, but among those within `SAME_TIME` of it the smallest does. Where no time is
   known, the smallest wins.

Times count that were measured on devices of the platform; where there is none, for TFLite those of
this computer's CPU. Emulated times never count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Literal

from mobilekit.bench.choices import (
    AGREEMENT,
    METRICS,
    SAME_TIME,
    SNR_DB,
    Choice,
    Pair,
    best_of,
    front_of,
    good,
)
from mobilekit.bench.results import Benchmark, Recommendation
from mobilekit.report.formats import significant, size
from mobilekit.results import Check, Report, VariantResult
from mobilekit_converters.variants import VARIANTS, Format

Platform = Literal["android", "ios"]

_MOST_NAMED = 3

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
class _Proof:
    """Which pairs answered rightly, by the release's own checks and by devices' own."""

    release: frozenset[Pair]
    device: frozenset[Pair]

    @property
    def pairs(self) -> frozenset[Pair]:
        return self.release | self.device


@dataclass(frozen=True, kw_only=True)
class _Basis:
    """What a recommendation stands on: `unproved` was measured and has no proof."""

    choices: Sequence[Choice]
    times: Sequence[Benchmark]
    source: str
    proof: _Proof
    unproved: tuple[Pair, ...]


def recommend(report: Report, benchmarks: Iterable[Benchmark]) -> tuple[Recommendation, ...]:
    """Return what to ship on each platform that a release has a passing variant for."""
    known = tuple(benchmarks)
    found = (_for_platform(platform, report, known) for platform in _PLATFORMS)
    return tuple(item for item in found if item is not None)


def _for_platform(
    platform: Platform, report: Report, benchmarks: Sequence[Benchmark]
) -> Recommendation | None:
    rules = _PLATFORMS[platform]
    variants = [
        variant
        for variant in report.variants
        if VARIANTS[variant.name].format == rules.format and _passed(variant)
    ]
    timed = [
        (_on_devices(benchmarks, rules), "device"),
        ([item for item in benchmarks if item.target == rules.fallback], "here"),
    ]
    unproved: tuple[Pair, ...] = ()
    for items, source in (*timed, ([], "none")):
        times = [item for item in items if _is_timed(item)]
        if source != "none" and not times:
            continue
        proof = _proof(variants, items)
        unproved += tuple(pair for pair in _pairs(variants, times) if pair not in proof.pairs)
        choices = good(_choices(variants, times, proof))
        if choices:
            best = best_of(front_of(choices))
            basis = _Basis(
                choices=choices, times=times, source=source, proof=proof, unproved=unproved
            )
            return Recommendation(
                platform=platform,
                variant=best.variant,
                target=best.accelerator,
                reason=_reason(best, basis, rules, variants),
            )
    return None


def _on_devices(benchmarks: Iterable[Benchmark], rules: _Rules) -> list[Benchmark]:
    return [item for item in benchmarks if item.target.partition(":")[0] in rules.families]


def _is_timed(item: Benchmark) -> bool:
    latency = item.latency
    known = latency is not None and latency.median_ms > 0
    return item.status == "measured" and not item.emulated and known


def _passed(variant: VariantResult) -> bool:
    statuses = {check.status for check in variant.checks}
    return variant.status == "built" and "pass" in statuses and "fail" not in statuses


def _pair(item: Benchmark) -> Pair:
    return item.variant, _split(item.target)[1]


def _pairs(variants: Iterable[VariantResult], items: Iterable[Benchmark]) -> Iterator[Pair]:
    """Yield the variants that passed with the accelerators that they have results of, each once."""
    names = {variant.name for variant in variants}
    yield from dict.fromkeys(_pair(item) for item in items if item.variant in names)


def _proof(variants: Iterable[VariantResult], items: Iterable[Benchmark]) -> _Proof:
    """Return which pairs answered rightly. One device's pass is none where another failed."""
    known = tuple(item for item in items if not item.emulated)
    wrong = {_pair(item) for item in known if item.status == "failed"}
    return _Proof(
        release=frozenset(
            (variant.name, _split(check.target)[1])
            for variant in variants
            for check in _passed_checks(variant)
        ),
        device=frozenset(_pair(item) for item in known if item.checked) - wrong,
    )


def _choices(
    variants: Sequence[VariantResult], times: Sequence[Benchmark], proof: _Proof
) -> tuple[Choice, ...]:
    """Return each variant on each accelerator that was timed, or once where nothing was.

    Several devices count alike, by the geometric mean: those that the pair with the most has.
    """
    if not times:
        return tuple(_choice(variant, "", math.nan) for variant in variants)
    by_name = {variant.name: variant for variant in variants}
    found: dict[Pair, dict[str, float]] = {}
    for item in times:
        pair, device = _pair(item), _split(item.target)[0]
        if item.latency is not None and item.variant in by_name and pair in proof.pairs:
            devices = found.setdefault(pair, {})
            devices[device] = min(item.latency.median_ms, devices.get(device, math.inf))
    most = max(found.values(), key=len, default={})
    return tuple(
        _choice(by_name[name], accelerator, geometric_mean(devices[place] for place in most))
        for (name, accelerator), devices in found.items()
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


def _reason(best: Choice, basis: _Basis, rules: _Rules, variants: Sequence[VariantResult]) -> str:
    choices = basis.choices
    standing = _good_words(best, choices)
    among = f"of the {len(choices)} choices {standing}"
    if basis.source == "none":
        lead = f"the smallest {among}" if len(choices) > 1 else f"the only choice {standing}"
        first = (
            f"With {size(best.bytes)} it is {lead}; only size and quality decided, because "
            f"{_why_not_on_devices(basis, rules)}."
        )
    else:
        fastest = min(choice.milliseconds for choice in choices)
        near = f"within {100 * SAME_TIME:.0f} % of the fastest, and the smallest of those,"
        lead = f"{'the fastest' if best.milliseconds <= fastest else near} {among}"
        if len(choices) == 1:
            lead = f"the only choice {standing}"
        where = (
            f"on {_places(basis.times)}"
            if basis.source == "device"
            else f"on this computer's CPU, because {_why_not_on_devices(basis, rules)}"
        )
        first = (
            f"With a median of {significant(best.milliseconds)} ms it is {lead}, and has "
            f"{size(best.bytes)}; times are of runs {where}."
        )
    return " ".join((first, *_more_words(best, basis, variants)))


def _more_words(best: Choice, basis: _Basis, variants: Sequence[VariantResult]) -> Iterator[str]:
    """Yield what has to be known of a choice: what proves it, and what is missing."""
    if basis.source != "none":
        measured = {item.variant for item in basis.times}
        missing = sum(variant.name not in measured for variant in variants)
        if missing:
            yield (
                f"{missing} of {len(variants)} variants that passed "
                f"{'were' if missing > 1 else 'was'} not measured there."
            )
    if basis.times and (best.variant, best.accelerator) not in basis.proof.release:
        yield "That its answers are right there is a check of the device's own."
    if basis.unproved:
        few = [" on ".join(pair) for pair in basis.unproved[:_MOST_NAMED]]
        rest = len(basis.unproved) - len(few)
        more = f" and {rest} more" if rest else ""
        yield f"Left out, because no check of it passed there: {', '.join(few)}{more}."


def _why_not_on_devices(basis: _Basis, rules: _Rules) -> str:
    return (
        f"none that was measured on {rules.device} passed a check there"
        if basis.unproved
        else f"{'no time' if basis.source == 'none' else 'none'} was measured on {rules.device}"
    )


def _places(times: Iterable[Benchmark]) -> str:
    return ", ".join(dict.fromkeys(item.place or _split(item.target)[0] for item in times))


def _good_words(choice: Choice, choices: Sequence[Choice]) -> str:
    """Say what choices have in common by the second rule, and where this one stands."""
    best = max(item.quality for item in choices)
    value, most = _quality_words(choice.metric, choice.quality), _quality_words(choice.metric, best)
    stands = f"{value}, the best" if value == most else f"{value}, where the best has {most}"
    if choice.metric == "snr_db":
        least = f"with {SNR_DB:g} dB to the source or more" if best > SNR_DB else "nearest to it"
        return f"{least} ({stands})"
    points = {"accuracy": "a point", "agreement": f"{100 * AGREEMENT:g} points"}
    return f"within {points[choice.metric]} of the best {choice.metric} ({stands})"


def _quality_words(metric: str, value: float) -> str:
    return f"{value:.1f} dB" if metric == "snr_db" else f"{100 * value:.1f} %"


def _split(target: str) -> tuple[str, str]:
    """Return the device and the accelerator that a target's name holds: `adb:X1`, `gpu`."""
    device, slash, accelerator = target.rpartition("/")
    if slash:
        return device, accelerator
    # `ios:UDID` leaves the choice of the compute unit to Core ML.
    return target, "any" if ":" in target else target
