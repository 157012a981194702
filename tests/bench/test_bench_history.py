"""The history over releases: what is read, what is left out, what is drawn and said."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from gate_samples import MACHINE, benchmark, steady
from gate_samples import report as bench_report
from release_samples import check, release

from mobilekit.bench.history import history
from mobilekit.bench.results import BenchReport
from mobilekit.cli.bench_history import history as command
from mobilekit.report.history import history_view
from mobilekit.report.json_file import plain, report_json
from mobilekit.results import Report
from mobilekit_converters.errors import DataError


def bench(milliseconds: float, **more: object) -> BenchReport:
    items = [
        benchmark(steady(milliseconds), variant="tflite-fp16"),
        benchmark(steady(milliseconds / 2), variant="tflite-int8"),
        benchmark(steady(90.0), variant="tflite-fp16", target="arm64", emulated=True),
    ]
    return replace(bench_report(items), **more)


def save(folder: Path, content: Report) -> None:
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(report_json(content), encoding="utf-8")


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    """A folder with three releases, written in another order than they were made in."""
    checks = {"tflite-fp16": [check("cpu", accuracy=0.97)], "tflite-int8": [check("cpu", 0.95)]}
    folder = tmp_path / "releases"
    for name, day, milliseconds, size in (("b", 1, 4.0, 100), ("a", 2, 5.0, 90), ("c", 3, 4.5, 90)):
        content = release(checks, sizes={"tflite-fp16": size, "tflite-int8": size // 2})
        started = f"2026-03-0{day}T10:00:00+00:00"
        save(folder / name, replace(content, started=started, bench=bench(milliseconds)))
    return folder


def test_releases_come_in_the_order_in_which_they_were_made(releases: Path) -> None:
    found = history(releases)
    assert [item.name for item in found.releases] == ["b", "a", "c"]
    assert found.left_out == ()
    (line,) = [
        line
        for line in found.lines
        if (line.variant, line.what, line.target) == ("tflite-fp16", "median_ms", "cpu")
    ]
    assert [point.release for point in line.points] == [0, 1, 2]
    assert [round(point.value, 3) for point in line.points] == [4.008, 5.01, 4.509]
    assert all(point.low <= point.value <= point.high for point in line.points)


def test_sizes_and_qualities_are_told_and_emulated_times_are_not(releases: Path) -> None:
    found = history(releases)
    kinds = {(line.variant, line.what, line.target) for line in found.lines}
    assert kinds == {
        ("tflite-fp16", "median_ms", "cpu"),
        ("tflite-int8", "median_ms", "cpu"),
        ("tflite-fp16", "bytes", ""),
        ("tflite-int8", "bytes", ""),
        ("tflite-fp16", "accuracy", ""),
        ("tflite-int8", "accuracy", ""),
    }
    sizes = next(x for x in found.lines if (x.variant, x.what) == ("tflite-int8", "bytes"))
    assert [point.value for point in sizes.points] == [50, 45, 45]
    accuracy = next(x for x in found.lines if (x.variant, x.what) == ("tflite-int8", "accuracy"))
    assert [point.value for point in accuracy.points] == [0.95] * 3


def test_a_release_without_a_benchmark_still_has_its_sizes(releases: Path) -> None:
    content = release({"tflite-fp16": [check("cpu", 0.9)]}, sizes={"tflite-fp16": 80})
    save(releases / "d", replace(content, started="2026-03-04T10:00:00+00:00"))
    found = history(releases)
    sizes = next(x for x in found.lines if (x.variant, x.what) == ("tflite-fp16", "bytes"))
    times = next(x for x in found.lines if (x.variant, x.what) == ("tflite-fp16", "median_ms"))
    assert [point.value for point in sizes.points] == [100, 90, 90, 80]
    assert len(times.points) == 3
    assert found.releases[3].machine == ""


def test_a_report_of_a_benchmark_alone_is_read(releases: Path) -> None:
    (releases / "later.json").write_text(
        json.dumps(plain(bench(3.0, started="2026-03-09T10:00:00+00:00"))), encoding="utf-8"
    )
    found = history(releases)
    assert found.releases[3].name == "later.json"
    line = next(x for x in found.lines if (x.variant, x.what) == ("tflite-fp16", "median_ms"))
    assert line.points[-1].value == pytest.approx(3.006)


def test_damaged_and_foreign_files_are_named_and_left_out(releases: Path) -> None:
    (releases / "broken").mkdir()
    (releases / "broken" / "report.json").write_text('{"schema": "mobilekit/rep', encoding="utf-8")
    (releases / "package.json").write_text('{"name": "app"}', encoding="utf-8")
    found = history(releases)
    assert len(found.releases) == 3
    assert [item.file for item in found.left_out] == ["broken/report.json", "package.json"]
    assert "only a part of it" in found.left_out[0].reason
    assert "its schema is None" in found.left_out[1].reason
    result = CliRunner().invoke(command, [str(releases)])
    assert result.exit_code == 0
    assert "left out: " in result.stderr
    assert str(releases / "broken" / "report.json") in result.stderr


@pytest.mark.parametrize("content", [None, "", "nothing"])
def test_a_folder_without_a_report_is_refused(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "releases"
    if content is not None:
        folder.mkdir()
    if content:
        (folder / "report.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        history(folder)
    assert caught.value.exit_status == 2
    assert str(folder) in str(caught.value)


def test_the_command_prints_a_table(releases: Path) -> None:
    result = CliRunner().invoke(command, [str(releases)])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "History of Digits: 3 reports, the oldest first."
    row = next(line for line in lines if line.startswith("tflite-fp16, Median latency on cpu"))
    assert row.split()[-8:] == ["4.008", "ms", "5.01", "ms", "4.509", "ms", "−10.0", "%"]


def test_the_command_prints_json(releases: Path) -> None:
    result = CliRunner().invoke(command, [str(releases), "--json"])
    document = json.loads(result.stdout)
    assert document["schema"] == "mobilekit/history/1"
    assert [item["name"] for item in document["releases"]] == ["b", "a", "c"]


def test_the_command_writes_a_page_that_loads_nothing(releases: Path, tmp_path: Path) -> None:
    out = tmp_path / "history.html"
    assert CliRunner().invoke(command, [str(releases), "--out", str(out)]).exit_code == 0
    page = out.read_text(encoding="utf-8")
    assert page.count("<svg") == 6
    assert not re.findall(r"""(?:src|href)=["'](?!data:|\./)""", page)
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(drawing)
    assert "Median latency on cpu" in page
    assert "emulated times are left out" in page


def test_a_page_that_cannot_be_written_is_an_error(releases: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(releases), "--out", str(tmp_path / "no" / "a.html")])
    assert "cannot be written" in str(result.exception)


def test_names_in_reports_are_no_markup(tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script>'
    content = release({"tflite-fp16": [check("cpu", 0.9)]}, name=hostile)
    save(tmp_path / "releases" / "a", replace(content, bench=bench(1.0)))
    out = tmp_path / "history.html"
    assert (
        CliRunner().invoke(command, [str(tmp_path / "releases"), "--out", str(out)]).exit_code == 0
    )
    assert "<script" not in out.read_text(encoding="utf-8")


def test_no_line_joins_times_of_different_machines(releases: Path) -> None:
    content = release({"tflite-fp16": [check("cpu", 0.9)]})
    other = bench(2.0, machine={**MACHINE, "processor": "Other 1"})
    save(releases / "d", replace(content, started="2026-03-04T10:00:00+00:00", bench=other))
    (model,) = history_view(history(releases)).models
    plot = next(plot for plot in model.plots if plot.title == "Median latency on cpu")
    assert "the machine changes" in plot.caption
    # The line of fp16 is in two pieces, int8's in the one that it has, or two as well.
    assert plot.drawing.wide.count("drift-line") == 4
    assert plot.drawing.wide.count("source-line") == 1
    row = next(row for row in model.table.rows if row.cells[0].text == "tflite-fp16")
    assert row.cells[-1].text == "another machine"


@pytest.mark.parametrize("values", [[1.0, 1.0], [0.996, 0.999], [0.5, 1.0]])
def test_no_axis_of_shares_goes_beyond_the_whole(tmp_path: Path, values: list[float]) -> None:
    for name, value in zip("ab", values, strict=True):
        save(tmp_path / name, release({"tflite-fp16": [check("cpu", value)]}))
    (model,) = history_view(history(tmp_path)).models
    plot = next(plot for plot in model.plots if plot.title == "Accuracy")
    ticks = [float(text) for text in re.findall(r">([\d.]+) %</text>", plot.drawing.wide)]
    assert len(ticks) > 1
    assert max(ticks) == 100


def test_models_have_histories_of_their_own(releases: Path) -> None:
    content = release({"tflite-fp16": [check("cpu", 0.9)]}, name="Faces")
    save(releases / "faces", replace(content, started="2026-03-02T12:00:00+00:00"))
    view = history_view(history(releases))
    assert [model.model for model in view.models] == ["Digits", "Faces"]
    assert [column.label for column in view.models[0].table.columns[1:4]] == ["b", "a", "c"]
    assert [column.label for column in view.models[1].table.columns[1:2]] == ["faces"]
