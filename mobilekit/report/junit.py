"""`junit.xml`: a suite per variant, a case for its build and one for each check; a suite of gates.

Keeps to the part of the format that Jenkins, GitLab and GitHub's actions all read. A check that did
not run is skipped, unless it was required: then it fails the release, and so it fails here.
"""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from mobilekit.bench.results import Gate
from mobilekit.inspecting.results import Floor
from mobilekit.report.executions import EMULATED, nodes_taken
from mobilekit.report.formats import percent
from mobilekit.report.metrics import in_order
from mobilekit.results import Check, Report, VariantResult

# XML 1.0 cannot hold these characters at all, not even as references (section 2.2).
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: Report) -> str:
    """Return the report as JUnit XML."""
    root = ElementTree.Element("testsuites", name=_text(report.model.name))
    for variant in report.variants:
        root.append(_suite(report, variant))
    if report.bench is not None and report.bench.gates:
        root.append(_gates_suite(report, report.bench.gates))
    if report.verdict == "fail" and root.find(".//failure") is None:
        root.append(_verdict_suite(report))
    for total in ("tests", "failures", "errors", "skipped"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    root.set("time", _seconds(report.seconds))
    ElementTree.indent(root)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + ElementTree.tostring(root, encoding="unicode")
        + "\n"
    )


def _suite(report: Report, variant: VariantResult) -> ElementTree.Element:
    cases = [
        _build_case(report, variant),
        *(_floor_case(report, variant, floor) for floor in variant.floors),
        *(_check_case(report, variant, c) for c in variant.checks),
    ]
    return _with_totals(variant.name, cases, report)


def _gates_suite(report: Report, gates: tuple[Gate, ...]) -> ElementTree.Element:
    return _with_totals("latency", [_gate_case(report, gate) for gate in gates], report)


def _gate_case(report: Report, gate: Gate) -> ElementTree.Element:
    """Return a gate's case. Nobody's build passes because a machine was too noisy to tell."""
    title = f"{gate.variant or 'every variant'} on {gate.target}: {gate.rule}"
    case = _case(report, "latency", title, 0.0)
    facts = [f"measured: {gate.measured:.4g}" if math.isfinite(gate.measured) else "not measured"]
    if math.isfinite(gate.bound):
        facts.append(f"bound: {gate.bound:.4g}")
    facts += [f"slower: {operator}" for operator in gate.operators]
    if gate.status == "not_run":
        ElementTree.SubElement(case, "skipped", message=_text(gate.reason or "It was not run."))
    elif gate.status != "pass":
        kind = {"fail": "latency", "undecided": "undecided"}[gate.status]
        message = gate.reason or "It was not met."
        _failure(
            case,
            kind,
            message if gate.status == "fail" else f"Undecided: {message}",
            "\n".join(facts),
        )
    else:
        ElementTree.SubElement(case, "system-out").text = _text("\n".join(facts))
    return case


def _verdict_suite(report: Report) -> ElementTree.Element:
    """Return the case of a release that fails although no build and no check of it does."""
    case = _case(report, "release", "verdict", report.seconds)
    _failure(case, "release", "The release failed.", "\n".join(report.reasons))
    return _with_totals("release", [case], report)


def _with_totals(
    name: str, cases: list[ElementTree.Element], report: Report
) -> ElementTree.Element:
    def count(tag: str) -> str:
        return str(sum(case.find(tag) is not None for case in cases))

    suite = ElementTree.Element(
        "testsuite",
        name=_text(name),
        tests=str(len(cases)),
        failures=count("failure"),
        errors="0",
        skipped=count("skipped"),
        time=_seconds(sum(float(case.get("time", "0")) for case in cases)),
    )
    if report.started:
        suite.set("timestamp", _text(report.started))
    suite.extend(cases)
    return suite


def _case(report: Report, variant: str, name: str, seconds: float) -> ElementTree.Element:
    # Viewers group by the part before the last dot of the class name.
    return ElementTree.Element(
        "testcase",
        classname=_text(f"{report.model.name}.{variant}"),
        name=_text(name),
        time=_seconds(seconds),
    )


def _build_case(report: Report, variant: VariantResult) -> ElementTree.Element:
    case = _case(report, variant.name, "build", variant.seconds)
    if variant.status == "failed":
        log = f"\nLog: {variant.log}" if variant.log else ""
        message = variant.error.split("\n")[0] or "The converter left no message."
        _failure(case, "conversion", message, variant.error + log)
    return case


def _floor_case(report: Report, variant: VariantResult, floor: Floor) -> ElementTree.Element:
    case = _case(report, variant.name, f"coverage of {floor.delegate}", 0.0)
    facts = (
        f"share: {percent(floor.share)} (at least {percent(floor.least)})\n"
        f"decided by: {floor.decided_by}\nestimate: {percent(floor.estimate)}"
    )
    if floor.status == "fail":
        _failure(case, "coverage", floor.reason, facts)
    else:
        ElementTree.SubElement(case, "system-out").text = _text(facts)
    return case


def _check_case(report: Report, variant: VariantResult, check: Check) -> ElementTree.Element:
    case = _case(report, variant.name, check.target, check.seconds)
    if check.status == "fail":
        _failure(case, "check", check.reason or "Outside its budget.", _measurements(check))
    elif check.status == "not_run" and check.required:
        _failure(case, "required", f"Required, but did not run: {check.reason}", "")
    elif check.status == "not_run":
        ElementTree.SubElement(
            case, "skipped", message=_text(check.reason or "No reason was given.")
        )
    else:
        ElementTree.SubElement(case, "system-out").text = _text(_measurements(check))
    return case


def _measurements(check: Check) -> str:
    lines = [f"samples: {check.samples}"]
    for item in in_order({*check.metrics, *check.budget}):
        value = check.metrics.get(item.key)
        line = f"{item.key}: {'not measured' if value is None else item.text(value)}"
        if item.key in check.budget:
            line += f" ({item.bound(check.budget[item.key])})"
        lines.append(line)
    return "\n".join([*lines, *_execution(check)])


def _execution(check: Check) -> list[str]:
    """Say where a check ran, and where it went wrong if somebody looked."""
    lines = [f"ran on: {check.execution.place}"] if check.execution.place else []
    if taken := nodes_taken(check):
        lines.append(f"nodes that the accelerator took: {taken}")
    lines += check.execution.notes
    if check.emulated:
        lines.append(EMULATED)
    if check.drift is not None:
        lines.append(check.drift.sentence)
    return lines


def _failure(case: ElementTree.Element, kind: str, message: str, text: str) -> None:
    failure = ElementTree.SubElement(case, "failure", type=kind, message=_text(message))
    failure.text = _text(text)


def _text(value: str) -> str:
    """Return a text with the characters that XML cannot hold shown as `\\x1b`."""
    return _ILLEGAL.sub(lambda match: f"\\x{ord(match.group()):02x}", value)


def _seconds(value: float) -> str:
    return f"{max(value, 0.0):.3f}"
