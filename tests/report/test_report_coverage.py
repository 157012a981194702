"""Which operators delegates take, as the report shows it: shares, strips, rules."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import coverage_samples
import pytest
import report_samples
from coverage_samples import FLOOR, alternating, cut, graph, told, whole

from mobilekit.inspecting.results import GraphCoverage, InspectedArtifact, Inspection
from mobilekit.report import read_report, write_reports
from mobilekit.report.coverage import coverage_view, inspection_view
from mobilekit.report.coverage_chart import draw_coverage
from mobilekit.report.junit import junit_xml
from mobilekit.report.render import render_inspection
from mobilekit.results import Report, VariantResult

SVG = "{http://www.w3.org/2000/svg}"


def drawn(found: GraphCoverage) -> tuple[ElementTree.Element, ElementTree.Element]:
    """The strip for a wide and for a narrow page."""
    drawing = draw_coverage(found, found.estimates, title="A strip", id="strip")
    return ElementTree.fromstring(drawing.wide), ElementTree.fromstring(drawing.narrow)


def parts(picture: ElementTree.Element, class_: str) -> list[ElementTree.Element]:
    return [rect for rect in picture.iter(f"{SVG}rect") if rect.get("class") == class_][1:]


def hovers(picture: ElementTree.Element) -> list[str]:
    return [title.text or "" for title in picture.iter(f"{SVG}title")][1:]


def variants(*graphs: tuple[GraphCoverage, ...]) -> tuple[VariantResult, ...]:
    return tuple(
        replace(item, coverage=given)
        for item, given in zip(report_samples.passing().variants, graphs, strict=False)
    )


def test_what_is_taken_is_one_part_and_what_is_left_stands_alone() -> None:
    for picture in drawn(cut()):
        # The GPU's one piece, and XNNPACK's six.
        assert len(parts(picture, "strip-taken")) == 1 + 6
    wide, _ = drawn(cut())
    refused = parts(wide, "strip-refused")
    assert len(refused) == sum(len(r.nodes) for c in cut().estimates for r in c.refusals)
    heights = {float(rect.get("height", "")) for rect in refused}
    assert max(heights) < min(float(r.get("height", "")) for r in parts(wide, "strip-taken"))


def test_a_part_says_its_operator_the_rule_and_the_remedy() -> None:
    wide, _ = drawn(cut())
    assert (
        "6 of 60, CONV_2D, model/block_5/layer: left\n"
        f"{coverage_samples.LONG} → Shape the tensors to four dimensions at most."
    ) in hovers(wide)
    assert "7 to 17, 11 operators" in " ".join(hovers(wide))
    assert any(text.endswith("left, though it keeps every rule") for text in hovers(wide))


def test_pieces_are_numbered() -> None:
    for picture in drawn(cut()):
        numbers = [text.text for text in picture.iter(f"{SVG}text") if (text.text or "").isdigit()]
        assert numbers == ["1", "2", "3", "4", "5", "6"]
    numbers = [t.text for t in drawn(whole())[0].iter(f"{SVG}text") if (t.text or "").isdigit()]
    assert numbers == []


@pytest.mark.parametrize("make", [whole, cut, alternating])
def test_a_long_graph_stays_light_and_loses_no_operator(make: object) -> None:
    assert callable(make)
    found = make(2000)
    drawing = draw_coverage(found, found.estimates, title="A strip", id="strip")
    assert len(drawing.wide) + len(drawing.narrow) < 400_000
    for picture in drawn(found):
        work = [text for text in hovers(picture) if text.endswith(" MACs")]
        rows = [text for text in hovers(picture) if not text.endswith(" MACs")]
        assert sum(map(_operators, work)) == 2000
        assert sum(map(_operators, rows)) == 2000 * len(found.estimates)


def _operators(hover: str) -> int:
    match = re.match(r"[\d,]+ to [\d,]+, ([\d,]+) operators?", hover)
    return int(match[1].replace(",", "")) if match else 1


def test_columns_of_several_answers_say_how_many() -> None:
    wide, _ = drawn(alternating(2000))
    assert any(re.search(r": 5 taken, 6 left|: 6 taken, 5 left", text) for text in hovers(wide))


def test_variants_with_like_answers_share_a_strip() -> None:
    view = coverage_view(variants((whole(),), (whole(),), (cut(),)))
    names = [item.name for item in report_samples.passing().variants]
    assert [item.title for item in view.graphs] == [f"{names[0]}, {names[1]}", names[2]]
    (overview,) = view.overviews
    assert [row.cells[0].text for row in overview.rows] == names[:3]


def test_every_graph_of_several_is_named() -> None:
    named = replace(whole(3), name="decode")
    view = coverage_view(variants((cut(), named)))
    assert [item.title.partition(", ")[2] for item in view.graphs] == ["main", "decode"]


def test_shares_with_their_floor() -> None:
    (item,) = variants((cut(),))
    (overview,) = coverage_view([replace(item, floors=(FLOOR,))]).overviews
    (row,) = overview.rows
    assert row.failed
    assert [column.label for column in overview.columns] == ["Artifact", "xnnpack@2.3", "gpu@2.3"]
    assert (row.cells[1].text, row.cells[1].note) == ("91.7 %", "55 of 60")
    assert (row.cells[2].text, row.cells[2].note) == ("15.0 %", "floor 95.0 %, measured")
    assert row.cells[2].missed


def test_what_a_delegate_said_itself_stands_beside_the_estimate() -> None:
    (item,) = coverage_view(variants((told(cut(), "gpu"),))).graphs
    text = " ".join(item.sentences)
    assert "gpu@2.3 was asked itself (LiteRT 2.3.0 on llvmpipe): it takes 1 of 60 operators" in text
    assert "and the estimate is wrong on 2" in text
    assert "TFLite 2.14 cannot run it: 4 × GELU, version 2, is there from 2.15 on." in text
    assert "1 × ADD computed in floats, in a graph of integers: it has no ranges" in text
    assert item.drawing is not None
    assert "gpu@2.3, measured" in item.drawing.wide
    assert [row.cells[3].text for row in item.differences.rows] == ["refused", "1 of 60"]


def test_rules_with_source_remedy_and_rewrite() -> None:
    (item,) = coverage_view(variants((cut(),))).graphs
    cells = item.table.rows[0].cells
    assert cells[0].text == "xnnpack@2.3"
    assert (
        cells[1].note
        == "model/block_5/layer, model/block_17/layer, model/block_29/layer and 2 more"
    )
    assert (cells[2].text, cells[2].note[:6]) == (coverage_samples.LONG, "LiteRT")
    assert cells[3].text == "Shape the tensors to four dimensions at most."
    assert cells[3].note == "mobilekit convert --adapt gpu,nnapi (channel_shuffle, where it fits)"


def test_coverage_survives_the_file_and_keeps_it_small(tmp_path: Path) -> None:
    report = coverage_samples.covered()
    write_reports(report, tmp_path)
    assert read_report(tmp_path / "report.json") == report
    before = (tmp_path / "report.json").stat().st_size
    write_reports(_with(report, (cut(2000),)), tmp_path)
    long = (tmp_path / "report.json").stat().st_size - before
    assert long < 500_000
    assert (tmp_path / "report.html").stat().st_size < 1_500_000


def _with(report: Report, graphs: tuple[GraphCoverage, ...]) -> Report:
    first, *others = report.variants
    return replace(report, variants=(replace(first, coverage=graphs), *others))


def test_floors_are_test_cases() -> None:
    kept = replace(FLOOR, status="pass", share=1.0, reason="")
    report = coverage_samples.covered()
    first, second, *others = report.variants
    report = replace(
        report,
        variants=(replace(first, floors=(kept,)), replace(second, floors=(FLOOR,)), *others),
    )
    cases = {
        case.get("classname", "").rpartition(".")[2]: case
        for case in ElementTree.fromstring(junit_xml(report).encode()).iter("testcase")
        if case.get("name") == "coverage of gpu@2.3"
    }
    out = cases[first.name].find("system-out")
    assert out is not None
    assert out.text == "share: 100 % (at least 95.0 %)\ndecided by: measured\nestimate: 15.0 %"
    failure = cases[second.name].find("failure")
    assert failure is not None
    assert failure.get("message") == FLOOR.reason


def test_a_graph_without_operators_says_so() -> None:
    empty = replace(graph(whole().estimates[0]), operators=(), layers=(), macs=(), estimates=())
    (item,) = coverage_view(variants((empty,))).graphs
    assert item.drawing is None
    assert "there is nothing to take" in item.sentences[0]


def test_hostile_names_stay_text() -> None:
    bad = report_samples.HOSTILE
    found = cut()
    refusal = replace(found.estimates[1].refusals[0], reason=bad, remedy=bad, source=bad)
    found = replace(
        found,
        name=bad,
        layers=(bad,) * 60,
        operators=(bad,) * 60,
        estimates=(replace(found.estimates[1], delegate=bad, refusals=(refusal,)),),
    )
    inspection = Inspection(
        artifacts=(InspectedArtifact(file=bad, format="tflite", bytes=1, graphs=(found, found)),),
        reasons=(bad,),
        warnings=(bad,),
    )
    page = render_inspection(inspection_view(inspection, bad))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
