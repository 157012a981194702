"""What is recommended to ship, why, and how generated code comes to carry it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_samples import benchmark, steady
from gate_samples import report as bench_report
from hypothesis import given
from hypothesis import strategies as some
from release_samples import check, release

from mobilekit.bench.choices import Choice, front_of, pareto_front
from mobilekit.bench.recommendation import recommend
from mobilekit.bench.results import Benchmark, Recommendation
from mobilekit.modules import PLATFORMS, as_recommended, order_of, recommended_for
from mobilekit.project import parse_project
from mobilekit.results import Check, Plan, PlannedCandidate, Report

SIZES = {
    "tflite-fp32": 4_000_000,
    "tflite-fp16": 2_000_000,
    "tflite-int8": 1_000_000,
    "coreml-fp16": 2_000_000,
    "coreml-w8": 1_000_000,
}


def built(
    accuracies: Mapping[str, float], *, targets: Sequence[str] = ("cpu", "gpu"), **checks: Check
) -> Report:
    """Return a release whose variants have accuracies; `checks` add one, by variant."""
    return release(
        {
            name: [
                *(check(target, accuracy) for target in targets),
                *([checks[name.replace("-", "_")]] if name.replace("-", "_") in checks else ()),
            ]
            for name, accuracy in accuracies.items()
        },
        sizes=SIZES,
    )


def timed(times: Mapping[str, float], target: str = "cpu", **more: Any) -> list[Benchmark]:
    return [
        benchmark(steady(time), variant=name, target=target, **more) for name, time in times.items()
    ]


def only(found: tuple[Recommendation, ...]) -> Recommendation:
    (item,) = found
    return item


GOOD = {"tflite-fp32": 0.98, "tflite-fp16": 0.98, "tflite-int8": 0.975}
CPU = {"tflite-fp32": 5.0, "tflite-fp16": 5.05, "tflite-int8": 2.0}


def test_the_fastest_of_those_that_are_as_good_is_recommended_with_the_reason() -> None:
    item = only(recommend(built(GOOD), timed(CPU, "adb:R5CT/cpu", place="Galaxy S25")))
    assert (item.platform, item.variant, item.target) == ("android", "tflite-int8", "cpu")
    assert item.reason == (
        "With a median of 2.004 ms it is the fastest of the 3 choices within a point of the best "
        "accuracy (97.5 %, where the best has 98.0 %), and has 1.00 MB; times are of runs on "
        "Galaxy S25."
    )


def test_what_costs_more_accuracy_than_a_point_is_not_recommended() -> None:
    item = only(recommend(built({**GOOD, "tflite-int8": 0.965}), timed(CPU)))
    # 5.05 ms is no worse than 5 ms, and half as large.
    assert item.variant == "tflite-fp16"
    assert "within 10 % of the fastest, and the smallest of those, of the 2 choices" in item.reason


def test_a_device_goes_before_this_computer_and_an_accelerator_is_chosen() -> None:
    benchmarks = [
        *timed(CPU, "cpu"),
        *timed({"tflite-fp16": 6.0, "tflite-int8": 2.2}, "adb:R5CT/cpu", place="Galaxy S25"),
        *timed({"tflite-fp16": 0.9, "tflite-int8": 1.3}, "adb:R5CT/gpu", place="Galaxy S25"),
    ]
    item = only(recommend(built(GOOD), benchmarks))
    assert (item.variant, item.target) == ("tflite-fp16", "gpu")
    assert "Galaxy S25" in item.reason


def test_several_devices_count_alike() -> None:
    benchmarks = [
        *timed({"tflite-fp16": 1.0, "tflite-int8": 2.0}, "adb:A/gpu"),
        *timed({"tflite-fp16": 9.0, "tflite-int8": 3.0}, "adb:B/gpu"),
        # Only one device has this: it cannot be weighed against the others.
        *timed({"tflite-fp32": 0.1}, "adb:A/gpu"),
    ]
    item = only(recommend(built(GOOD), benchmarks))
    assert (item.variant, item.target) == ("tflite-int8", "gpu")
    assert "2.454 ms" in item.reason


def test_without_a_device_it_says_that_times_are_of_this_computer() -> None:
    item = only(recommend(built(GOOD), timed(CPU)))
    assert (item.variant, item.target) == ("tflite-int8", "cpu")
    assert "on this computer's CPU, because none was measured on an Android device" in item.reason


def test_without_any_time_it_says_that_size_and_quality_decided() -> None:
    item = only(recommend(built(GOOD), []))
    assert (item.variant, item.target) == ("tflite-int8", "")
    assert "With 1.00 MB it is the smallest of the 3 choices" in item.reason
    assert "no time was measured on an Android device" in item.reason


@pytest.mark.parametrize(
    "more",
    [{"emulated": True}, {"status": "failed"}, {"status": "not_run"}],
)
@pytest.mark.parametrize("target", ["cpu", "adb:emulator-5554/cpu"])
def test_times_that_are_emulated_or_were_not_measured_never_count(
    target: str, more: dict[str, Any]
) -> None:
    item = only(recommend(built(GOOD), timed({"tflite-fp32": 0.001}, target, **more)))
    assert item.variant == "tflite-int8"
    assert "only size and quality decided" in item.reason


def test_what_evaluates_core_ml_here_is_no_iphone() -> None:
    content = built({"coreml-fp16": 0.98, "coreml-w8": 0.979}, targets=["coreml"])
    item = only(recommend(content, timed({"coreml-fp16": 0.1, "coreml-w8": 9.0}, "coreml")))
    assert (item.platform, item.variant, item.target) == ("ios", "coreml-w8", "")
    assert "no time was measured on an iPhone" in item.reason


def test_an_iphones_compute_unit_is_recommended() -> None:
    targets = ["coreml", "ios:UDID/neural-engine", "ios:UDID"]
    content = built({"coreml-fp16": 0.98, "coreml-w8": 0.979}, targets=targets)
    benchmarks = [
        *timed({"coreml-fp16": 1.0, "coreml-w8": 1.5}, "ios:UDID/neural-engine", place="iPhone 17"),
        *timed({"coreml-fp16": 2.0, "coreml-w8": 2.5}, "ios:UDID", place="iPhone 17"),
    ]
    item = only(recommend(content, benchmarks))
    assert (item.variant, item.target) == ("coreml-fp16", "neural-engine")


def test_a_variant_that_failed_a_check_is_never_recommended() -> None:
    wrong = built(GOOD, tflite_int8=check("arm64", 0.9, status="fail"))
    assert only(recommend(wrong, timed(CPU))).variant == "tflite-fp16"


def test_an_accelerator_that_no_check_passed_on_is_never_recommended() -> None:
    benchmarks = [
        *timed({"tflite-fp16": 5.0}, "adb:R5CT/cpu"),
        *timed({"tflite-fp16": 0.1}, "adb:R5CT/npu"),
    ]
    item = only(recommend(built(GOOD), benchmarks))
    assert item.target == "cpu"
    assert item.reason.endswith("because no check of it passed there: tflite-fp16 on npu.")
    # Where nothing else was measured on devices, this computer's times decide, and that is said.
    item = only(recommend(built(GOOD), [*benchmarks[1:], *timed(CPU)]))
    assert (item.variant, item.target) == ("tflite-int8", "cpu")
    assert "because none that was measured on an Android device passed a check there" in item.reason


def test_a_devices_own_check_is_proof_for_its_accelerator() -> None:
    benchmarks = [
        *timed(CPU, "adb:R5CT/cpu"),
        *timed({"tflite-fp16": 0.1}, "adb:R5CT/npu", checked=True),
    ]
    item = only(recommend(built(GOOD), benchmarks))
    assert (item.variant, item.target) == ("tflite-fp16", "npu")
    assert item.reason.endswith("That its answers are right there is a check of the device's own.")
    # Another device whose answers were wrong, or that broke down, takes that away.
    wrong = timed({"tflite-fp16": 0.1}, "adb:B/npu", status="failed")
    assert only(recommend(built(GOOD), [*benchmarks, *wrong])).target == "cpu"
    emulated = timed({"tflite-fp16": 0.1}, "adb:E/npu", checked=True, emulated=True)
    assert only(recommend(built(GOOD), [*benchmarks[:3], *emulated])).target == "cpu"


def test_it_says_how_many_variants_were_not_measured() -> None:
    item = only(recommend(built(GOOD), timed({"tflite-int8": 2.0})))
    assert "it is the only choice within a point" in item.reason
    assert item.reason.endswith("2 of 3 variants that passed were not measured there.")


@pytest.mark.parametrize("status", ["fail", "not_run"])
def test_a_release_in_which_nothing_passed_gets_no_recommendation(status: str) -> None:
    content = release({"tflite-fp16": [check("cpu", 0.9, status=status)]})
    assert recommend(content, timed(CPU)) == ()
    failed = built(GOOD)
    failed = replace(
        failed, variants=tuple(replace(item, status="failed") for item in failed.variants)
    )
    assert recommend(failed, timed(CPU)) == ()


def test_without_labels_agreement_decides_and_without_classes_the_snr() -> None:
    agreements = {"tflite-fp16": 0.995, "tflite-int8": 0.96}
    content = release(
        {name: [check("cpu", agreement=value, snr_db=30)] for name, value in agreements.items()},
        sizes=SIZES,
    )
    item = only(recommend(content, timed(CPU)))
    assert item.variant == "tflite-fp16"
    assert "the only choice within 2 points of the best agreement (99.5 %, the best)" in item.reason
    decibels = {"tflite-fp16": 60.0, "tflite-int8": 22.0}
    content = release(
        {name: [check("cpu", snr_db=value)] for name, value in decibels.items()}, sizes=SIZES
    )
    item = only(recommend(content, timed(CPU)))
    assert item.variant == "tflite-int8"
    assert "with 20 dB to the source or more (22.0 dB, where the best has 60.0 dB)" in item.reason


def test_an_emulated_check_of_few_samples_says_little_of_accuracy() -> None:
    coarse = replace(check("arm64", 0.875), emulated=True)
    item = only(recommend(built(GOOD, tflite_int8=coarse), timed(CPU)))
    assert item.variant == "tflite-int8"


def test_a_check_without_metrics_hides_no_quality() -> None:
    """Compressed packages are compared with what they were made from: no emulator did that."""
    accuracies = {"coreml-fp16": 0.98, "coreml-w8": 0.979}
    content = release(
        {
            name: [
                replace(check("coreml", accuracy), emulated=True),
                *([check("program")] if name == "coreml-w8" else ()),
            ]
            for name, accuracy in accuracies.items()
        },
        sizes=SIZES,
    )
    item = only(recommend(content, []))
    assert item.variant == "coreml-w8"
    words = "the smallest of the 2 choices within a point of the best accuracy (97.9 %, where the"
    assert words in item.reason


POINTS = some.lists(
    some.tuples(*[some.sampled_from([0.0, 1.0, 2.0, 3.0, math.nan])] * 3), max_size=9
)


@given(POINTS)
def test_the_front_is_what_no_other_point_is_better_than(
    points: list[tuple[float, float, float]],
) -> None:
    front = pareto_front(points)
    whole = [i for i, point in enumerate(points) if not any(map(math.isnan, point))]
    assert set(front) <= set(whole)
    for index in whole:
        better = [
            other
            for other in whole
            if points[other] != points[index]
            and all(a <= b for a, b in zip(points[other], points[index], strict=True))
        ]
        assert (index in front) == (not better)
        # Whoever is not on the front is beaten by somebody who is.
        assert index in front or any(other in front for other in better)


ACCURACIES = some.dictionaries(
    some.sampled_from(list(GOOD)), some.floats(0.9, 1.0), min_size=1, max_size=3
)


@given(ACCURACIES, some.lists(some.floats(0.1, 10.0), min_size=3, max_size=3))
def test_what_is_recommended_is_on_the_front(
    accuracies: dict[str, float], times: list[float]
) -> None:
    latencies = dict(zip(GOOD, times, strict=True))
    content = built(accuracies)
    item = only(recommend(content, timed(latencies)))
    choices = [
        Choice(
            variant=name,
            accelerator="cpu",
            bytes=SIZES[name],
            milliseconds=latencies[name],
            metric="accuracy",
            quality=accuracy,
        )
        for name, accuracy in accuracies.items()
    ]
    assert item.variant in {choice.variant for choice in front_of(choices)}


def project(text: dict[str, Any]) -> Any:
    document = {"model": {"source": "digits.keras"}, **text}
    return parse_project(document, folder=Path(), origin="a test")


def with_recommendations(content: Report) -> Report:
    found = recommend(content, timed(CPU))
    return replace(content, bench=replace(bench_report([]), recommendations=found))


def test_generated_code_carries_the_recommended_variant_where_the_project_names_none() -> None:
    android, ios = PLATFORMS
    content = with_recommendations(built({**GOOD, "coreml-fp16": 0.98, "coreml-w8": 0.975}))
    made = [variant.name for variant in content.variants]
    for platform, before, after in (
        (android, "tflite-fp16", "tflite-int8"),
        (ios, "coreml-fp16", "coreml-w8"),
    ):
        default = project({})
        assert default.bundle(platform.format, made) == (before,)
        chosen = as_recommended(default, platform, content)
        assert chosen.bundle(platform.format, made) == (after,)
        assert chosen.name == default.name


def test_what_the_project_names_goes_before_a_recommendation() -> None:
    android, _ = PLATFORMS
    content = with_recommendations(built(GOOD))
    named = project({"android": {"bundle": ["fp32"]}})
    assert as_recommended(named, android, content) == named


def test_without_a_benchmark_or_its_variant_nothing_changes() -> None:
    android, _ = PLATFORMS
    assert as_recommended(project({}), android, built(GOOD)) == project({})
    content = with_recommendations(built(GOOD))
    gone = replace(content, variants=content.variants[:2])
    assert as_recommended(project({}), android, gone) == project({})


@pytest.mark.parametrize(
    ("accelerator", "expected"),
    [("npu", "cpu npu gpu"), ("gpu", "cpu gpu npu"), ("cpu", "cpu gpu npu"), ("", "cpu gpu npu")],
)
def test_apps_try_the_recommended_accelerator_right_after_the_cpu(
    accelerator: str, expected: str
) -> None:
    order = tuple(
        PlannedCandidate(variant="tflite-int8", accelerator=name) for name in ("gpu", "npu", "cpu")
    )
    best = Recommendation(
        platform="android", variant="tflite-int8", target=accelerator, reason="It was measured."
    )
    tried = order_of(Plan(platform="android", runtime="litert", order=order), best)
    assert " ".join(item.accelerator for item in tried) == expected
    # Another variant's measurement says nothing of this one's accelerators.
    other = order_of(
        Plan(platform="android", runtime="litert", order=order),
        replace(best, variant="tflite-fp32"),
    )
    assert [item.accelerator for item in other] == ["cpu", "gpu", "npu"]


def test_a_recommendation_is_for_its_platform_and_for_what_was_built() -> None:
    android, ios = PLATFORMS
    content = with_recommendations(built(GOOD))
    item = recommended_for(android, content)
    assert item is not None
    assert (item.variant, item.target) == ("tflite-int8", "cpu")
    assert recommended_for(ios, content) is None
    assert recommended_for(android, replace(content, variants=content.variants[:2])) is None
