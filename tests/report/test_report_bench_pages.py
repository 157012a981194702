"""The section of a benchmark: what the page, the summary and junit.xml say of it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import bench_samples
import pytest
import report_samples
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilekit.bench.keeping import bench_json
from mobilekit.bench.results import Benchmark, Gate, Latency
from mobilekit.report.bench import bench_view
from mobilekit.report.bench_front_chart import Choice, draw_front
from mobilekit.report.bench_plots import EMULATED, bench_plots
from mobilekit.report.bench_start_chart import Start, draw_starts
from mobilekit.report.bench_strip_chart import Strip, draw_strips
from mobilekit.report.json_file import read_report, report_json
from mobilekit.report.junit import junit_xml
from mobilekit.report.plots import QUALITIES
from mobilekit.report.render import render_pages
from mobilekit.report.views import page_view
from mobilekit.results import Report


def pages(report: Report) -> tuple[str, str]:
    rendered = render_pages(page_view(report))
    return rendered["report.html"], rendered["summary.md"]


def titles(report: Report) -> list[str]:
    assert report.bench is not None
    return [plot.title for plot in bench_plots(report.bench.benchmarks, report.variants)]


def test_a_report_without_a_benchmark_has_no_section() -> None:
    page, summary = pages(report_samples.passing())
    assert 'id="latency"' not in page
    assert "## Latency" not in summary


def test_each_target_has_its_plots() -> None:
    phone = bench_samples.PHONE
    assert titles(bench_samples.benched()) == [
        "Size, latency and accuracy on cpu",
        f"Size, latency and accuracy on {phone}",
        "Latency on cpu",
        f"Latency on {phone}",
        "Latency on arm64",
        "Start-up against steady state",
        "Start-up against steady state, emulated",
    ]


def test_the_page_says_what_was_found() -> None:
    page, summary = pages(bench_samples.benched())
    for text in (page, summary):
        assert "4 gates: 1 passed, 1 failed, 1 could not be decided, 1 did not run." in text
        assert "the fastest of the 2 choices" in text
    assert "vary by 1.1 % here" in page
    assert EMULATED.replace("'", "&#39;") in page
    assert "Another process took 0.8 of a core" in page
    assert "by benchmark_model" in page
    assert "governor schedutil, heat none to light, temperature 30 °C to 32 °C" in page
    assert "conv2d_0/Relu6 (CONV_2D): 0.2 ms to 0.26 ms" in page


def test_an_emulated_choice_is_on_no_front() -> None:
    report = bench_samples.benched()
    assert report.bench is not None
    emulated = tuple(replace(item, emulated=True) for item in report.bench.benchmarks)
    plots = bench_plots(emulated, report.variants)
    assert not [plot for plot in plots if plot.title.startswith("Size")]
    assert all("Emulated: not a device's time" in plot.caption for plot in plots)


def test_the_front_marks_what_nothing_beats() -> None:
    report = bench_samples.benched()
    assert report.bench is not None
    plot = bench_plots(report.bench.benchmarks, report.variants)[0]
    assert plot.drawing.wide.count('class="bench-choice"') == 2
    assert plot.drawing.wide.count('class="bench-choice beaten"') == 2
    assert "2 of 4 are beaten." in plot.caption


def test_what_is_not_known_is_not_drawn_as_nothing() -> None:
    unknown = Benchmark(
        variant="tflite-fp32",
        target="cpu",
        status="measured",
        latency=bench_samples.figures(math.nan),
    )
    assert bench_plots((unknown,), report_samples.passing().variants) == ()
    bench = bench_samples.bench_report(benchmarks=(unknown,))
    table = bench_view(bench, report_samples.passing().variants).measured
    assert table is not None
    assert [cell.text for cell in table.rows[0].cells[1:6]] == ["–"] * 5


def test_nothing_in_a_benchmark_becomes_markup() -> None:
    page, _ = pages(bench_samples.hostile())
    assert "<script" not in page


def test_the_benchmark_comes_back_from_json(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report = bench_samples.benched()
    path.write_text(report_json(report))
    again = read_report(path)
    assert report.bench is not None
    assert again.bench is not None
    # NaN is not equal to itself, but its text is.
    assert bench_json(again.bench) == bench_json(report.bench)


def cases(report: Report) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(junit_xml(report))
    (suite,) = [suite for suite in root if suite.get("name") == "latency"]
    return {str(case.get("name")): case for case in suite}


def test_gates_are_cases_of_junit() -> None:
    found = cases(bench_samples.benched())
    assert len(found) == 4
    passed = found[f"tflite-fp16 on {bench_samples.PHONE}: p90_ms <= 8"]
    assert passed.find("failure") is None
    assert passed.find("skipped") is None
    failed = found["tflite-int8 on cpu: not slower than the baseline by more than 5 %"]
    failure = failed.find("failure")
    assert failure is not None
    assert "slower: conv2d_0/Relu6" in str(failure.text)
    undecided = found["tflite-dynamic on cpu: median_ms <= 0.9"].find("failure")
    assert undecided is not None
    assert str(undecided.get("message")).startswith("Undecided: ")
    assert found["tflite-int8 on arm64: median_ms <= 50"].find("skipped") is not None


def test_a_gate_of_every_variant_is_named_so() -> None:
    gate = Gate(variant="", target="adb", rule="p90_ms <= 8", status="not_run", reason="Nothing.")
    report = bench_samples.benched()
    assert report.bench is not None
    gated = replace(report, bench=replace(report.bench, gates=(gate,)))
    assert list(cases(gated)) == ["every variant on adb: p90_ms <= 8"]
    assert "every variant" in pages(gated)[0]


def test_totals_of_junit_count_gates() -> None:
    root = ElementTree.fromstring(junit_xml(bench_samples.benched()))
    assert int(root.get("tests", "0")) == sum(1 for _ in root.iter("testcase"))
    assert int(root.get("failures", "0")) == sum(1 for _ in root.iter("failure"))


_TIME = st.floats(0, 3.6e6) | st.just(math.nan)
_REAL_TIME = st.floats(0, 3.6e6)


@st.composite
def strips(draw: st.DrawFn) -> Strip:
    return Strip(
        name=draw(st.text(max_size=40)),
        times=tuple(draw(st.lists(_REAL_TIME, max_size=12))),
        median=draw(_REAL_TIME),
        low=draw(_TIME),
        high=draw(_TIME),
        p90=draw(_TIME),
        p99=draw(_TIME),
    )


def _require_drawn(*pictures: str) -> None:
    for picture in pictures:
        assert "nan" not in picture.replace("&#x27;", "").lower().split("<title")[0]
        ElementTree.fromstring(picture.encode("utf-8", "replace"))


_TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn")), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(st.lists(strips(), min_size=1, max_size=6), _TEXTS)
def test_any_figures_can_be_drawn(rows: list[Strip], name: str) -> None:
    named = [replace(row, name=name) for row in rows]
    drawing = draw_strips(named, title="Latency", id="x")
    _require_drawn(drawing.wide, drawing.narrow)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**40), _REAL_TIME, st.floats(0, 1), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_any_choices_can_be_drawn(rows: list[tuple[int, float, float, bool]]) -> None:
    choices = [
        Choice(name="tflite-int8", bytes=size, milliseconds=time, quality=quality, on_front=front)
        for size, time, quality, front in rows
    ]
    drawing = draw_front(choices, QUALITIES["accuracy"], title="Front", id="x")
    _require_drawn(drawing.wide, drawing.narrow)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_TIME, _TIME, _TIME, _TIME), min_size=1, max_size=6))
def test_any_starts_can_be_drawn(rows: list[tuple[float, ...]]) -> None:
    starts = [
        Start(name="tflite-int8", load=load, prepare=prepare, first=first, steady=steady)
        for load, prepare, first, steady in rows
    ]
    drawing = draw_starts([("cpu", starts)], title="Start-up", id="x")
    _require_drawn(drawing.wide, drawing.narrow)


@pytest.mark.parametrize("status", ["pass", "fail", "undecided"])
def test_the_verdict_is_shown_as_it_is(status: str) -> None:
    view = bench_view(bench_samples.bench_report(verdict=status), ())
    assert view.verdict is not None
    assert view.verdict.word == status
    assert (view.verdict.tone == "pass") == (status == "pass")


def test_a_warm_up_that_did_not_settle_is_marked() -> None:
    base = bench_samples.latency(1.0)
    unsettled = Latency(**{**vars(base), "stable": False})
    item = Benchmark(variant="tflite-fp32", target="cpu", status="measured", latency=unsettled)
    table = bench_view(bench_samples.bench_report(benchmarks=(item,)), ()).measured
    assert table is not None
    assert [badge.word for badge in table.rows[0].cells[-1].badges] == ["warm-up did not settle"]
