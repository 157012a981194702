"""How a report shows that the model was adapted to accelerators."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import report_samples

from mobilekit.adapting.outcome import adaptation_notes
from mobilekit.report import read_report, write_reports
from mobilekit.report.adaptations import adaptation_effects_table, adaptations_table
from mobilekit.results import AdaptationResult, Adaptations, Check, NodesTaken, Report

PLACE = "LiteRT's GPU accelerator on llvmpipe"


def outcome() -> Adaptations:
    def gpu(taken: int | None, nodes: int | None, reason: str = "") -> NodesTaken:
        return NodesTaken(
            delegate="gpu",
            variant="tflite-fp32",
            basis="measured",
            taken=taken,
            nodes=nodes,
            place=PLACE if taken is not None else "",
            reason=reason,
        )

    def on_cpu(status: str, snr_db: float) -> Check:
        return Check(target="cpu", status=status, metrics={"snr_db": snr_db})  # type: ignore[arg-type]

    return Adaptations(
        delegates=("gpu",),
        changes=("hard_swish",),
        results=(
            AdaptationResult(name="padding", summary="Pads.", keeps_function=True),
            AdaptationResult(
                name="hard_swish",
                summary="Changes.",
                keeps_function=False,
                places=("a", "b"),
                coverage_before={"gpu": 0.102},
                coverage_after={"gpu": 0.102},
            ),
            AdaptationResult(
                name="channel_shuffle",
                summary="Shuffles.",
                keeps_function=True,
                places=("c",),
                refused=("d stays.",),
                snr_db=math.inf,
                coverage_before={"gpu": 0.102},
                coverage_after={"gpu": 0.9999},
            ),
        ),
        before=(gpu(None, None, "its process crashed"),),
        after=(gpu(78, 78),),
        checks_before={"tflite-fp32 on cpu": on_cpu("pass", 140.0)},
        checks_after={"tflite-fp32 on cpu": on_cpu("fail", 20.0)},
    )


def adapted() -> Report:
    return replace(report_samples.passing(), adaptations=outcome())


def test_what_applied_comes_first_with_its_proof_and_what_it_won() -> None:
    table = adaptations_table(outcome())
    cells = [[cell.text for cell in row.cells] for row in table.rows]
    assert cells == [
        ["hard_swish", "2", "another function", "gpu 10.2 % → 10.2 %", "Changes."],
        ["channel_shuffle", "1", "exact", "gpu 10.2 % → 99.9 %", "Shuffles."],
        ["padding", "0", "–", "–", "Pads."],
    ]
    assert table.rows[1].cells[1].note == "1 place left: no proof"


def test_before_and_after_stand_side_by_side_and_a_silence_is_no_number() -> None:
    nodes, check = adaptation_effects_table(outcome()).rows
    assert [cell.text for cell in nodes.cells[:3]] == [
        "tflite-fp32 on gpu",
        "not told",
        "78 of 78",
    ]
    assert nodes.cells[1].note == "its process crashed"
    assert PLACE in nodes.cells[3].text
    assert check.failed
    assert [cell.badges[0].word for cell in check.cells[1:3]] == ["pass", "fail"]


def test_it_survives_the_file_and_is_on_the_pages(tmp_path: Path) -> None:
    report = adapted()
    write_reports(report, tmp_path)
    assert read_report(tmp_path / "report.json").adaptations == report.adaptations
    assert "Adapted to accelerators" in (tmp_path / "report.html").read_text()
    summary = (tmp_path / "summary.md").read_text()
    assert "- **channel\\_shuffle** in 1 place: Shuffles. Old against new: exact." in summary
    assert "not told (its process crashed) before, 78 of 78 after" in summary
    assert "**padding**" not in summary
    assert "\n\n\n" not in summary


def test_a_changed_function_is_told_beside_what_fails() -> None:
    changed, left = adaptation_notes(outcome())
    assert changed.startswith(
        "hard_swish changed what the model computes in 2 places, as was asked"
    )
    assert left == "channel_shuffle: d stays."


def test_without_adaptations_nothing_is_shown(tmp_path: Path) -> None:
    write_reports(report_samples.passing(), tmp_path)
    assert "Adapted to" not in (tmp_path / "report.html").read_text()
    assert "Adapted to" not in (tmp_path / "summary.md").read_text()
