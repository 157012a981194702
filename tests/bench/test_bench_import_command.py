"""`mobilekit bench import`: what results are joined to, and that bad ones change nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import import_samples as samples
import pytest
import release_samples
from click.testing import CliRunner, Result

from mobilekit.bench.keeping import keep_in_release
from mobilekit.bench.results import Benchmark, BenchReport, Gate
from mobilekit.cli import commands
from mobilekit.release import MANIFEST, SCHEMA
from mobilekit.report import read_report, write_reports
from mobilekit.results import Report
from mobilekit_converters.errors import MobilekitError


def make_release(folder: Path, latency: dict[str, Any]) -> Path:
    """Write a release's reports and its manifest, of two variants that passed on phones."""
    folder.mkdir()
    passed = [release_samples.check("cpu", 0.98), release_samples.check("adb:X1/gpu", 0.98)]
    report = release_samples.release({"tflite-fp16": passed, "tflite-int8": passed})
    write_reports(report, folder)
    manifest = {"schema": SCHEMA, "files": {}, "options": {"latency": latency}}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return make_release(tmp_path / "release", {"adb": {"median_ms": 8.0}})


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        commands, ["bench", "import", *map(str, arguments)], standalone_mode=False
    )


def refused(result: Result) -> str:
    """Return the message of a run that ended with status 2."""
    assert isinstance(result.exception, MobilekitError), result.exception
    assert result.exception.exit_status == 2
    return str(result.exception)


def state(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


@pytest.fixture
def classic(tmp_path: Path) -> Path:
    path = tmp_path / "classic.txt"
    path.write_text(samples.CLASSIC)
    return path


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "benchmark.json"
    path.write_text(json.dumps(samples.device_report()))
    return path


def benched(release: Path) -> BenchReport:
    bench = read_report(release / "report.json").bench
    assert bench is not None
    return bench


def test_a_result_joins_the_release(release: Path, classic: Path) -> None:
    known = ("--variant", "tflite-int8", "--target", "adb:X1/gpu", "--device", "Pixel 8")
    result = run(classic, "--release", release, *known)
    assert result.exception is None, result.exception
    bench = benched(release)
    (item,) = bench.benchmarks
    assert (item.variant, item.target, item.place) == ("tflite-int8", "adb:X1/gpu", "Pixel 8")
    assert item.file_sha256 == "1" * 64
    assert bench.model == "Digits"
    # Its tool tells no single runs, so nobody knows how sure the median is.
    (gate,) = bench.gates
    assert (gate.status, gate.measured) == ("undecided", 7.451)
    assert (result.return_value, bench.verdict) == (1, "undecided")
    manifest = json.loads((release / MANIFEST).read_text())
    assert manifest["files"]["report.json"] == state(release)["report.json"]
    assert "Latency" in (release / "report.html").read_text()


@pytest.mark.parametrize(
    ("variant", "target", "runs"),
    [("coreml-fp16", "adb:X1/gpu", "tflite"), ("tflite-int8", "ios:X1/gpu", "coreml")],
)
def test_no_device_runs_another_platforms_artifact(
    classic: Path, tmp_path: Path, variant: str, target: str, runs: str
) -> None:
    out = tmp_path / "found"
    message = refused(run(classic, "--variant", variant, "--target", target, "--out", out))
    assert f"cannot be of {variant} on {target}, which runs {runs} alone" in message
    assert not out.exists()


def test_what_is_not_said_is_asked_for_with_the_names_to_choose_from(
    release: Path, classic: Path
) -> None:
    before = state(release)
    message = refused(run(classic, "--release", release, "--target", "adb:X1/gpu"))
    assert message.endswith("Say so with --variant: one of tflite-fp16, tflite-int8.")
    assert state(release) == before


def test_single_runs_decide_a_gate(release: Path, device: Path) -> None:
    result = run(device, "--release", release, "--target", "adb:X1")
    assert result.exception is None, result.exception
    bench = benched(release)
    assert [item.target for item in bench.benchmarks] == ["adb:X1/cpu", "adb:X1/gpu"]
    # The device's tests hold its answers to the golden's before they time anything.
    assert [item.checked for item in bench.benchmarks] == [True, False]
    statuses = {(gate.target, gate.status) for gate in bench.gates}
    assert statuses == {("adb:X1/cpu", "pass"), ("adb:X1/gpu", "not_run")}
    # What was not run is no pass.
    assert bench.verdict == "undecided"


def test_an_emulator_decides_nothing(release: Path, device: Path) -> None:
    run(device, "--release", release, "--target", "adb:emulator-5554")
    bench = benched(release)
    assert all(item.emulated for item in bench.benchmarks)
    assert {gate.status for gate in bench.gates} == {"not_run"}


def test_the_same_case_is_replaced_and_others_stay(
    release: Path, classic: Path, device: Path
) -> None:
    case = ("--variant", "tflite-int8", "--target", "adb:X1/gpu")
    run(classic, "--release", release, *case)
    run(device, "--release", release, "--target", "adb:X1")
    classic.write_text(samples.CLASSIC.replace("median=7451", "median=7452"))
    run(classic, "--release", release, *case)
    found = {(item.variant, item.target): item for item in benched(release).benchmarks}
    assert len(found) == 3
    latency = found["tflite-int8", "adb:X1/gpu"].latency
    assert latency is not None
    assert latency.median_ms == 7.452


def test_what_a_baseline_said_of_others_stays(release: Path, classic: Path) -> None:
    gate = Gate(
        variant="tflite-fp16",
        target="cpu",
        rule="not slower than the baseline by more than 5 %",
        status="fail",
        measured=2.0,
        bound=1.0,
        reason="It got slower.",
    )
    earlier = BenchReport(
        model="Digits",
        source_sha256="0" * 64,
        verdict="fail",
        benchmarks=(Benchmark(variant="tflite-fp16", target="cpu", status="measured"),),
        gates=(gate,),
    )
    keep_in_release(earlier, release)
    run(classic, "--release", release, "--variant", "tflite-int8", "--target", "adb:X1/gpu")
    bench = benched(release)
    assert gate in bench.gates
    assert bench.verdict == "fail"


def test_without_a_release_it_is_printed(classic: Path) -> None:
    result = run(classic, "--variant", "tflite-int8", "--target", "adb:X1/gpu", "--json")
    assert result.exception is None, result.exception
    content = json.loads(result.stdout)
    assert content["benchmarks"][0]["latency"]["p90_ms"] == "NaN"


def test_reports_may_go_elsewhere(release: Path, classic: Path, tmp_path: Path) -> None:
    before = state(release)
    known = ("--variant", "tflite-int8", "--target", "adb:X1/gpu")
    run(classic, "--release", release, *known, "--out", tmp_path / "out")
    assert state(release) == before
    assert read_report(tmp_path / "out" / "report.json").bench is not None


def bad_cases() -> Iterator[tuple[str, bytes, tuple[str, ...], str]]:
    text, report = samples.CLASSIC.encode(), samples.device_report()
    other = json.dumps(report).replace("1" * 64, "2" * 64).encode()
    whole = json.dumps(report).encode()
    both = ("--variant", "tflite-int8", "--target", "adb:X1/gpu")
    yield "no variant", text, both[2:], "does not tell which artifact it is of"
    yield "no target", text, both[:2], "does not tell where it was measured"
    yield "unknown variant", text, ("--variant", "tflite-int4", *both[2:]), "no variant 'tflite-in"
    yield "unknown target", text, (*both[:2], "--target", "moon"), "moon"
    yield "another artifact", other, (), "is of another artifact than this release's"
    yield "another accelerator", whole, ("--target", "adb:X1/nnapi"), "cpu, not nnapi"
    yield "cut off", text[:700], both, "it was cut off"
    yield "of nobody", b"hello", both, "What can be imported"
    yield "empty", b"", both, "is empty"
    yield "binary", bytes(range(128, 256)), both, "binary"


@pytest.mark.parametrize("case", list(bad_cases()), ids=lambda case: case[0])
def test_what_is_bad_leaves_the_release_as_it_was(
    release: Path, tmp_path: Path, case: tuple[str, bytes, tuple[str, ...], str]
) -> None:
    _, content, options, said = case
    before = state(release)
    path = tmp_path / "result"
    path.write_bytes(content)
    assert said in refused(run(path, "--release", release, *options))
    assert state(release) == before


def test_one_bad_file_of_two_leaves_the_release_as_it_was(
    release: Path, device: Path, tmp_path: Path
) -> None:
    before = state(release)
    bad = tmp_path / "bad"
    bad.write_bytes(b"\x12\x7f\x00")
    refused(run(device, bad, "--release", release))
    assert state(release) == before


def test_two_results_of_one_case_are_refused(release: Path, device: Path) -> None:
    assert "Two of the results" in refused(run(device, device, "--release", release))


def test_a_folder_that_is_no_release(tmp_path: Path, classic: Path) -> None:
    assert "report.json" in refused(run(classic, "--release", tmp_path / "nothing"))


def test_a_report_of_a_release_keeps_all_else(release: Path, device: Path) -> None:
    before: Report = read_report(release / "report.json")
    run(device, "--release", release)
    after = read_report(release / "report.json")
    assert after.variants == before.variants
    assert after.golden == before.golden
