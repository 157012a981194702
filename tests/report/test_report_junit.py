from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import report_samples
from hypothesis import given
from hypothesis import strategies as st

from mobilekit.report.junit import junit_xml
from mobilekit.results import Report


def parsed(report: Report) -> ElementTree.Element:
    return ElementTree.fromstring(junit_xml(report).encode())


def case(root: ElementTree.Element, suite: str, name: str) -> ElementTree.Element:
    found = root.find(f"testsuite[@name='{suite}']/testcase[@name='{name}']")
    assert found is not None
    return found


def test_a_case_for_each_build_and_each_check() -> None:
    report = report_samples.passing()
    root = parsed(report)
    assert root.tag == "testsuites"
    names = [
        (case.get("classname"), case.get("name")) for case in root.iterfind("testsuite/testcase")
    ]
    expected = [
        (f"DigitClassifier.{variant.name}", name)
        for variant in report.variants
        for name in ("build", *(check.target for check in variant.checks))
    ]
    assert names == expected


def test_totals_agree_with_the_cases() -> None:
    for make in (report_samples.passing, report_samples.failing):
        root = parsed(make())
        for element in (root, *root):
            cases = list(element.iter("testcase"))
            assert int(element.get("tests", -1)) == len(cases)
            for total, tag in (
                ("failures", "failure"),
                ("skipped", "skipped"),
                ("errors", "error"),
            ):
                count = sum(item.find(tag) is not None for item in cases)
                assert int(element.get(total, -1)) == count
            assert float(element.get("time", -1)) >= 0


def test_a_failed_check_shows_its_metrics_against_their_budgets() -> None:
    failure = case(parsed(report_samples.failing()), "tflite-int8", "cpu").find("failure")
    assert failure is not None
    assert "Agreement 83.3 %" in failure.get("message", "")
    assert "snr_db: 7.9 dB (at least 20.0 dB)" in (failure.text or "")
    assert "samples: 360" in (failure.text or "")


def test_where_a_check_ran_and_went_wrong_is_told() -> None:
    output = case(parsed(report_samples.accelerated()), "tflite-int8", "gpu").find("system-out")
    assert output is not None
    lines = (output.text or "").splitlines()
    assert f"ran on: {report_samples.ADAPTER}" in lines
    assert "nodes that the accelerator took: 3 of 12" in lines
    assert report_samples.NO_FP16 in lines
    assert "Emulated: its times are not a device's, and no gate reads them." in lines
    failure = case(parsed(report_samples.failing()), "tflite-int8", "cpu").find("failure")
    assert failure is not None
    assert "Likely cause: only channel 3 of 48 differs" in (failure.text or "")


def test_a_check_that_did_not_run_is_skipped_with_its_reason() -> None:
    found = case(parsed(report_samples.passing()), "coreml-fp16", "coreml")
    skipped = found.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == report_samples.COREML_REASON
    assert found.find("failure") is None


def test_a_required_check_that_did_not_run_fails() -> None:
    found = case(parsed(report_samples.failing()), "tflite-fp32", "arm64")
    failure = found.find("failure")
    assert failure is not None
    assert "Required, but did not run" in failure.get("message", "")
    assert found.find("skipped") is None


def test_a_failed_build_names_its_error_and_log() -> None:
    failure = case(parsed(report_samples.failing()), "coreml-fp16", "build").find("failure")
    assert failure is not None
    assert "signal 11" in failure.get("message", "")
    assert "logs/coreml-fp16.log" in (failure.text or "")


def test_a_verdict_that_no_case_explains_gets_a_case() -> None:
    report = replace(report_samples.passing(), verdict="fail", reasons=("Coverage fell.",))
    failure = case(parsed(report), "release", "verdict").find("failure")
    assert failure is not None
    assert failure.text == "Coverage fell."
    assert parsed(report).get("failures") == "1"


def test_hostile_names_stay_text() -> None:
    root = parsed(report_samples.hostile())
    assert not list(root.iter("script"))
    assert "<script>" in (root.get("name") or "")
    assert "\\x1b[31m" in (root.get("name") or "")


@given(text=st.text())
def test_any_text_makes_valid_xml(text: str) -> None:
    sample = report_samples.failing()
    variant = replace(sample.variants[-1], error=text, name=text, log=text)
    root = parsed(replace(sample, variants=(variant,), reasons=(text,)))
    assert root.get("tests") == "1"
