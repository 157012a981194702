"""A benchmark of a part of a release: what of the earlier one stays beside it, and what is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from gate_samples import MACHINE, benchmark, steady
from gate_samples import report as bench_report
from release_samples import check, release

from mobilekit.bench.baseline import compare, warnings
from mobilekit.bench.gates import verdict
from mobilekit.bench.importing.joining import added
from mobilekit.bench.lines import lines
from mobilekit.bench.measuring.workshop import Work
from mobilekit.bench.merging import Earlier, earlier_of, merged
from mobilekit.bench.results import Benchmark, BenchReport, Gate
from mobilekit.bench.running import Settings, judged
from mobilekit.jobs import Limits
from mobilekit.report.bench import bench_view
from mobilekit.results import Report

SHA = "1" * 64
GATE = Gate(
    variant="tflite-fp16",
    target="cpu",
    rule="not slower than the baseline by more than 5 %",
    status="fail",
)
SETTINGS = Settings(
    work=Work(limits=Limits(workers=1, memory=2**30, seconds=60)), variants=("tflite-int8",)
)


def measured(variant: str, target: str = "cpu", time: float = 2.0, **more: Any) -> Benchmark:
    known = {"file_sha256": SHA, "threads": 1, **more}
    return benchmark(steady(time), variant=variant, target=target, **known)


def released(*benchmarks: Benchmark, **more: Any) -> Report:
    """Return a release of two variants that was benchmarked."""
    passed = [check("cpu", 0.98)]
    content = release({"tflite-fp16": passed, "tflite-int8": passed})
    known = {"started": "2026-03-14T09:26:53+00:00", **more}
    return replace(content, bench=bench_report(benchmarks, **known))


def stays(content: Report, *, partial: bool = True, threads: int = 1, **machine: str) -> Earlier:
    """Return what stays beside a benchmark of tflite-int8 on this CPU."""
    new = bench_report([], machine={**MACHINE, **machine})
    planned = [measured("tflite-int8")]
    return earlier_of(content, new, planned, partial=partial, threads=threads)


def test_what_was_not_measured_again_stays_with_the_time_and_the_gates_that_it_had() -> None:
    content = released(measured("tflite-fp16"), measured("tflite-int8"), gates=(GATE,))
    found = stays(content)
    (item,) = found.benchmarks
    assert (item.variant, item.kept_from) == ("tflite-fp16", "2026-03-14T09:26:53+00:00")
    assert found.gates == (GATE,)
    assert found.notes == ()
    new = measured("tflite-int8", time=3.0)
    assert [found.variant for found in merged((item,), (new,))] == ["tflite-fp16", "tflite-int8"]
    # What is kept twice is still of the first time.
    again = stays(released(*found.benchmarks, started="2027-01-01T00:00:00+00:00"))
    assert again.benchmarks == found.benchmarks


@pytest.mark.parametrize(
    ("item", "machine", "threads"),
    [
        (measured("tflite-fp16", file_sha256="2" * 64), {}, 1),
        (measured("tflite-fp16"), {"processor": "Example 9001"}, 1),
        (measured("tflite-fp16"), {}, 2),
        (measured("tflite-fp16", affinity=(1,)), {}, 1),
        (measured("tflite-dynamic"), {}, 1),
    ],
    ids=["artifact", "machine", "threads", "cores", "variant"],
)
def test_what_does_not_compare_is_left_out_and_that_is_said(
    item: Benchmark, machine: dict[str, str], threads: int
) -> None:
    found = stays(released(item), threads=threads, **machine)
    assert found.benchmarks == ()
    assert "1 earlier measurement was left out" in found.notes[0]


def test_a_devices_times_do_not_depend_on_this_machine() -> None:
    phone = measured("tflite-fp16", "adb:X1/gpu", origin="benchmark_model", threads=4)
    found = stays(released(phone), processor="Example 9001")
    assert [item.target for item in found.benchmarks] == ["adb:X1/gpu"]


def test_a_run_of_everything_answers_for_itself() -> None:
    """What failed, or was asked for in vain, would else stand against a release for ever."""
    failed = measured("tflite-fp16", "gpu", status="failed")
    idle = Benchmark(
        variant="tflite-fp16", target="npu", status="not_run", file_sha256=SHA, required=True
    )
    content = released(failed, idle, measured("tflite-fp16", "cpu-reference"))
    assert len(stays(content).benchmarks) == 3
    assert [item.target for item in stays(content, partial=False).benchmarks] == ["cpu-reference"]


def test_a_failure_of_a_case_that_stayed_is_still_one() -> None:
    kept = replace(measured("tflite-fp16"), kept_from="2026")
    new = measured("tflite-int8")
    report = judged(bench_report([kept, new]), {}, SETTINGS, [GATE])
    assert (report.verdict, report.gates) == ("fail", (GATE,))
    # Bounds are for all that is known, and nothing new is no pass.
    report = judged(bench_report([kept, new]), {"cpu": {"median_ms": 9.0}}, SETTINGS)
    assert (report.verdict, len(report.gates)) == ("pass", 2)
    idle = replace(new, status="not_run", reason="It is gone.")
    report = judged(bench_report([kept, idle]), {}, SETTINGS)
    assert (report.verdict, report.reasons) == ("undecided", ("Nothing was measured.",))


def test_the_reference_workload_says_nothing_of_what_was_kept() -> None:
    reference = steady(0.2)
    before = bench_report([measured("tflite-fp16")], reference=reference)
    # The machine got 8 % slower between the two runs, and what was kept is of the first one.
    slower = steady(0.2 * 1.08)
    kept = replace(measured("tflite-fp16"), kept_from="2026")
    (gate,) = compare(before, bench_report([kept], reference=slower))
    assert "changed by +0.0 %" in gate.reason
    (gate,) = compare(before, bench_report([measured("tflite-fp16")], reference=slower))
    assert "changed by −7.4 %" in gate.reason
    said = " ".join(warnings(before, bench_report([kept], reference=slower)))
    assert "did not run beside tflite-fp16 on cpu, measured in another run" in said


def test_an_import_leaves_what_was_asked_for_and_not_measured_undecided() -> None:
    idle = Benchmark(
        variant="tflite-fp16", target="npu", status="not_run", reason="No NPU.", required=True
    )
    content = released(measured("tflite-int8"), idle, verdict="undecided")
    phone = measured("tflite-int8", "adb:X1/gpu", origin="benchmark_model")
    report = added([phone], content, {})
    assert report.verdict == "undecided"
    assert report.reasons == ("tflite-fp16 on npu was asked for and not measured: No NPU.",)
    assert verdict((), [measured("tflite-int8"), replace(idle, required=False)]) == "pass"
    # A result of it is the answer.
    report = added([replace(measured("tflite-fp16"), target="npu")], content, {})
    assert (report.verdict, report.reasons) == ("pass", ())


def closing(report: BenchReport) -> str:
    return list(lines(report))[-1]


def test_where_no_gate_was_asked_for_nothing_is_called_a_pass() -> None:
    report = bench_report([measured("tflite-int8")])
    assert closing(report) == "Digits: measured; no gate was asked for."
    badge = bench_view(report, ()).verdict
    assert badge is not None
    assert badge.word == "measured"
    passed = replace(report, gates=(replace(GATE, status="pass"),))
    assert closing(passed) == "Digits: PASS (1 of 1 gates passed)"
    assert closing(replace(report, verdict="fail")) == "Digits: FAIL"
