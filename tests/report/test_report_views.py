from __future__ import annotations

import math
from dataclasses import replace

import pytest
import report_samples

from mobilekit.report.checks import budgets_table, not_run_groups, variants_table
from mobilekit.report.tables import Cell, Table, badge, relative_link
from mobilekit.report.views import page_view
from mobilekit.results import Check, Report
from mobilekit_delegates.targets import target


def cell(table: Table, row: str, column: str) -> Cell:
    index = [item.label for item in table.columns].index(column)
    return next(item for item in table.rows if item.cells[0].text == row).cells[index]


def with_checks(report: Report, name: str, *checks: Check) -> Report:
    variants = tuple(replace(v, checks=checks) if v.name == name else v for v in report.variants)
    return replace(report, variants=variants)


def test_the_verdict_and_its_lead() -> None:
    view = page_view(report_samples.passing())
    assert view.title == "DigitClassifier passes"
    assert view.verdict.word == "pass"
    assert view.lead == "All 8 checks that ran are within their budgets. 3 checks did not run."

    view = page_view(report_samples.failing())
    assert view.title == "DigitClassifier fails"
    assert view.lead == (
        "2 of 8 checks failed. 2 variants could not be built. 2 checks did not run."
    )
    assert "coreml-fp16 could not be built: the converter crashed." in view.reasons


def test_nothing_ran_is_said_and_never_reads_as_passed() -> None:
    sample = report_samples.passing()
    report = replace(sample, variants=sample.variants[4:])
    view = page_view(report)
    assert view.lead == "No check ran. 3 checks did not run."
    assert view.plots == ()
    assert view.budgets.rows == ()
    assert [fact.value for fact in view.facts if fact.label == "Checks passed"] == ["0 of 0"]
    assert not any(fact.label == "Smallest that passed" for fact in view.facts)


def test_a_report_without_variants_has_a_view() -> None:
    view = page_view(replace(report_samples.passing(), variants=()))
    assert view.lead == "No check ran."


def test_the_variants_table() -> None:
    table = variants_table(report_samples.passing().variants)
    assert [column.label for column in table.columns] == [
        "Variant", "Size", "SNR", "Agreement", "Accuracy", "Checks",
    ]  # fmt: skip
    assert cell(table, "tflite-int8", "Size").text == "56.1 kB"
    assert cell(table, "tflite-int8", "Size").link == "./models/tflite-int8.tflite"
    # The worse of the two targets: 33.4 dB on cpu, 33.8 dB on cpu-reference.
    assert cell(table, "tflite-int8", "SNR").text == "33.4 dB"
    assert cell(table, "tflite-int8", "Agreement").note == "98.0–99.8 %"
    assert cell(table, "tflite-int8", "Accuracy").note == "0.28 pt lower"
    assert cell(table, "tflite-fp32", "Accuracy").note == "as the source"
    assert cell(table, "coreml-w8", "SNR").text == "not run"
    (idle,) = cell(table, "coreml-w8", "Checks").badges
    assert (idle.word, idle.about, idle.tone) == ("not run", "coreml", "idle")


def test_columns_that_nothing_measured_are_left_out() -> None:
    table = variants_table(report_samples.crowded(3).variants)
    assert [column.label for column in table.columns] == ["Variant", "Size", "SNR", "Checks"]


def test_a_failure_is_marked_where_it_happened() -> None:
    table = variants_table(report_samples.failing().variants)
    failed = {row.cells[0].text for row in table.rows if row.failed}
    assert failed == {"tflite-fp32", "tflite-int8", "coreml-fp16", "coreml-w8"}
    assert cell(table, "tflite-int8", "SNR").missed
    assert cell(table, "tflite-int8", "Accuracy").missed
    assert not cell(table, "tflite-fp16", "SNR").missed
    assert cell(table, "coreml-fp16", "Size").text == "not built"
    assert cell(table, "coreml-fp16", "SNR").text == "–"


def test_a_required_check_that_did_not_run_looks_like_a_fault() -> None:
    assert badge("not_run", "arm64").tone == "idle"
    assert badge("not_run", "arm64", required=True).tone == "fail"
    assert badge("not_run", "arm64", required=True).word == "not run, required"
    assert badge("pass", "arm64", required=True).tone == "pass"


def test_nan_is_the_worst_and_is_not_drawn() -> None:
    sample = report_samples.passing()
    first, second = sample.variants[0].checks
    broken = replace(
        second, status="fail", reason="NaN.", metrics={**second.metrics, "snr_db": math.nan}
    )
    report = with_checks(sample, "tflite-fp32", first, broken)
    found = cell(variants_table(report.variants), "tflite-fp32", "SNR")
    assert found.text == "not a number"
    assert found.missed
    nowhere = replace(broken, metrics={**second.metrics, "accuracy": math.nan})
    caption = page_view(with_checks(sample, "tflite-fp32", nowhere)).plots[0].caption
    assert "nothing was measured: tflite-fp32" in caption


def test_budgets_stand_beside_what_was_measured() -> None:
    table = budgets_table(report_samples.failing().variants)
    found = next(row for row in table.rows if row.failed)
    assert found.cells[0].note.startswith("Agreement 83.3 %")
    snr = found.cells[2]
    assert (snr.text, snr.note, snr.missed) == ("7.9 dB", "at least 20.0 dB", True)
    drop = found.cells[4]
    assert (drop.text, drop.note) == ("15.28 pt", "at most 2 pt")
    assert not any("coreml" in row.cells[0].text for row in table.rows)


def test_a_budget_without_a_measurement_says_so() -> None:
    sample = report_samples.passing()
    check = replace(
        sample.variants[0].checks[0], status="fail", reason="Empty.", metrics={"max_abs": 1.0}
    )
    found = budgets_table(with_checks(sample, "tflite-fp32", check).variants).rows[0].cells[2]
    assert (found.text, found.note, found.missed) == ("not measured", "at least 90.0 dB", True)


def test_checks_that_did_not_run_are_grouped_by_reason() -> None:
    groups = not_run_groups(report_samples.passing().variants)
    (group,) = groups
    assert group.target == "coreml"
    assert group.reason == report_samples.COREML_REASON
    assert group.variants == "coreml-fp32, coreml-fp16, coreml-w8"
    assert not group.required
    groups = not_run_groups(report_samples.failing().variants)
    assert [(item.target, item.required) for item in groups] == [("arm64", True), ("coreml", False)]


def test_variants_that_only_got_structural_checks_are_named() -> None:
    assert page_view(report_samples.passing()).structure_only.startswith(
        "coreml-fp32, coreml-fp16, coreml-w8: structural checks only."
    )
    assert page_view(report_samples.crowded(2)).structure_only == ""


def test_failures_keep_their_error_and_log() -> None:
    first, second = page_view(report_samples.failing()).failures
    assert first.name == "coreml-fp16"
    assert "signal 11" in first.error
    assert first.log_link == "./logs/coreml-fp16.log"
    assert second.log == second.log_link == ""


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("", ""),
        ("models/a b.tflite", "./models/a%20b.tflite"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("//example.invalid/x", "./example.invalid/x"),
    ],
)
def test_links_are_only_ever_paths(path: str, link: str) -> None:
    assert relative_link(path) == link


@pytest.mark.parametrize(
    ("keep", "title"),
    [
        (("accuracy", "agreement", "snr_db"), "Size against accuracy"),
        (("agreement", "snr_db"), "Size against agreement with the trained model"),
        (("snr_db",), "Size against SNR"),
    ],
)
def test_the_plot_takes_the_best_quality_there_is(keep: tuple[str, ...], title: str) -> None:
    sample = report_samples.passing()
    variants = tuple(
        replace(
            variant,
            checks=tuple(
                replace(check, metrics={k: v for k, v in check.metrics.items() if k in keep})
                for check in variant.checks
            ),
        )
        for variant in sample.variants
    )
    plot = page_view(replace(sample, variants=variants)).plots[0]
    assert plot.title == title
    assert "nothing was measured: coreml-fp32 (152 kB)" in plot.caption


def test_each_output_has_its_plot_of_errors_up_to_three() -> None:
    sample = report_samples.crowded(2)
    plots = page_view(sample).plots
    assert [plot.title for plot in plots[1:]] == [
        f"How large the errors are: {tensor.name}" for tensor in sample.model.signature.outputs
    ]
    check = sample.variants[0].checks[0]
    five = replace(
        check,
        outputs={f"o{i}": {"snr_db": 50.0 - i} for i in range(5)},
        errors={f"o{i}": report_samples.histogram(-2, 0.5) for i in range(5)},
    )
    report = with_checks(sample, sample.variants[0].name, five)
    report = with_checks(report, sample.variants[1].name)
    plots = page_view(report).plots
    assert [plot.title[-2:] for plot in plots[1:]] == ["o2", "o3", "o4"]
    assert "The worst 3 of 5 outputs are drawn." in plots[1].caption


def test_details_tell_what_the_read_back_proved() -> None:
    details = {item.name: item for item in page_view(report_samples.passing()).details}
    found = details["coreml-fp16"]
    assert found.structure == report_samples.STRUCTURE
    assert found.operators.startswith("4 × CONV_2D, 3 × DEPTHWISE_CONV_2D")
    assert dict(found.facts)["SHA-256"].text == report_samples.digest("coreml-fp16")
    signature, outputs, others = details["tflite-int8"].tables
    assert [row.cells[1].text for row in outputs.rows] == ["cpu", "cpu-reference"]
    assert cell(outputs, "scores", "SNR").text == "33.4 dB"
    assert cell(others, "cpu", "Accuracy of the source").text == "98.1 %"
    assert [table.caption for table in details["coreml-fp16"].tables] == [
        "Inputs and outputs of the artifact"
    ]
    assert cell(signature, "image", "Quantisation").text == "scale 0.00392157, zero point -128"


def test_the_targets_and_what_they_prove() -> None:
    table = page_view(report_samples.failing()).targets
    assert [row.cells[0].text for row in table.rows] == ["cpu", "cpu-reference", "arm64", "coreml"]
    assert cell(table, "coreml", "What it is").text == (
        "Proves the conversion, not Apple's hardware."
    )
    assert [(b.word, b.about) for b in cell(table, "cpu", "Checks").badges] == [
        ("pass", "3"), ("fail", "1"),
    ]  # fmt: skip


def test_the_honest_words_of_the_targets_are_on_the_page() -> None:
    """What a pass proves, in the design's words: neither is a phone."""
    assert target("coreml").info.meaning.startswith("Proves the conversion, not Apple's hardware")
    gpu = cell(page_view(report_samples.accelerated()).targets, "gpu", "What it is")
    assert gpu.text == target("gpu").info.meaning
    assert "LiteRT's real GPU code" in gpu.text
    assert "not a phone's driver" in gpu.text
    assert gpu.note == "Emulated: its times are not a device's, and no gate reads them."


def test_adapters_and_the_nodes_that_they_took_are_named() -> None:
    view = page_view(report_samples.accelerated())
    assert cell(view.targets, "gpu", "Target").note == report_samples.ADAPTER
    assert cell(view.targets, "cpu", "What it is").note == ""
    rows = [[item.text for item in row.cells] for row in view.accelerators.rows]
    assert rows == [
        ["gpu", "tflite-fp32, tflite-fp16", "12 of 12", report_samples.NO_FP16],
        ["gpu", "tflite-dynamic, tflite-int8", "3 of 12", report_samples.NO_FP16],
    ]
    assert page_view(report_samples.passing()).accelerators.rows == ()


def test_a_target_that_is_not_known_does_not_break_the_page() -> None:
    found = cell(
        page_view(report_samples.accelerated()).targets, "quantum:7/entangled", "What it is"
    )
    assert found.text.startswith("This version of mobilekit does not know this target")


def test_where_it_went_wrong_is_told_layer_by_layer() -> None:
    (view,) = page_view(report_samples.failing()).drifts
    assert (view.variant, view.target) == ("tflite-int8", "cpu")
    assert view.sentence.startswith("conv2d_7 + batch_normalization_7 + re_lu_7 (CONV_2D): SNR")
    assert "12 of 14 tensors" in view.caption
    assert [row.failed for row in view.table.rows] == [index == 7 for index in range(12)]
    first = view.table.rows[0].cells
    assert [item.text for item in first[1:]] == ["CONV_2D", "200.0 dB", "25.0 dB", "0"]
    assert view.table.rows[7].cells[2].missed
    assert not view.table.rows[6].cells[2].missed
    assert [item.text for item in view.table.rows[11].cells[2:]] == [
        "−infinite", "25.0 dB", "infinite",
    ]  # fmt: skip
    assert page_view(report_samples.passing()).drifts == ()


def test_nothing_matched_is_no_drawing() -> None:
    sample = report_samples.failing()
    empty = replace(report_samples.drift(), layers=(), first=None, sentence="Nothing matched.")
    check = replace(sample.variants[3].checks[0], drift=empty)
    (view,) = page_view(with_checks(sample, "tflite-int8", check)).drifts
    assert view.drawing is None
    assert view.table.rows == ()
