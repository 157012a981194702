"""The picture of a plan and what stands below it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import report_samples

from mobilekit.report import read_report, write_reports
from mobilekit.report.plan import plan_plots
from mobilekit.report.plan_chart import hover
from mobilekit.results import PlannedCandidate


def test_every_platform_has_its_picture_with_every_candidate_on_every_device() -> None:
    android, ios = plan_plots(report_samples.planned().plans)
    assert (android.title, ios.title) == ("Where to run it on Android", "Where to run it on iOS")
    for text in ("Pixel 9 Pro", "Galaxy S25 Ultra", "gpu · tflite-fp16", "npu · tflite-fp16"):
        assert text in android.drawing.wide
    assert "≈ 3.92 ms" in android.drawing.wide


def test_the_caption_says_that_these_are_no_measurements_and_what_is_cut_up() -> None:
    android, _ = plan_plots(report_samples.planned().plans)
    assert "Estimates, not measurements" in android.caption
    assert "gpu with tflite-fp16 in 2 parts, 401 kB crossing" in android.caption
    plan = report_samples.planned().plans[0]
    whole = replace(plan, estimates=tuple(replace(item, partitions=1) for item in plan.estimates))
    (plot,) = plan_plots([whole])
    assert "gpu with tflite-fp16 in 1 part, 401 kB crossing" in plot.caption


def test_what_has_no_figure_says_why_instead_of_showing_a_bar() -> None:
    _, ios = plan_plots(report_samples.planned().plans)
    assert "No times of it are published" in ios.drawing.wide
    assert "plan-accelerator" not in ios.drawing.wide.split("iPhone 15 Pro")[1]


def test_what_lacks_a_figure_for_the_same_reason_stands_in_one_line() -> None:
    plan = report_samples.planned().plans[0]
    unknown = plan.estimates[-1]
    more = replace(unknown, variant="tflite-int8")
    order = (*plan.order, PlannedCandidate(variant="tflite-int8", accelerator="npu"))
    (plot,) = plan_plots([replace(plan, estimates=(*plan.estimates, more), order=order)])
    assert "npu · 2 variants" in plot.drawing.wide
    assert "npu · tflite-fp16" not in plot.drawing.wide


def test_a_bar_names_its_parts() -> None:
    estimate = report_samples.planned().plans[0].estimates[0]
    assert hover(estimate) == (
        "gpu · tflite-fp16 on Pixel 9 Pro: 2.70 ms on the accelerator, 1.20 ms on the CPU, "
        "0.02 ms crossing between them. Estimated from published times: a benchmark board."
    )


def test_a_plan_survives_the_file(tmp_path: Path) -> None:
    report = report_samples.planned()
    write_reports(report, tmp_path)
    # Not a number equals nothing, itself included.
    assert repr(read_report(tmp_path / "report.json").plans) == repr(report.plans)
