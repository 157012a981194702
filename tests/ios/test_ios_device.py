"""The XCTests that a Swift package brings, and the targets that run them from a Mac.

The tests are compiled and run here, over the stand-in for Core ML. No Mac is at hand: where a
target would call `xcrun`, a stand-in runs the package's test and lists what it left as
`xcresulttool` does.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from ios_shapes import IosShapes
from swift_toolchain import Swift, XCTestRun, xctests

from mobilekit.bench.importing.content import read_content
from mobilekit.bench.importing.formats import read_results
from mobilekit.parity.golden import Golden
from mobilekit.parity.metrics import tensor_metrics
from mobilekit.report import read_report
from mobilekit.results import Check, Report
from mobilekit.wrappers.ios import write_package
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError, TargetError, UnsupportedError
from mobilekit_delegates.targets import ios, target
from mobilekit_delegates.targets.android_results import DeviceResults

SHAPE = "FruitClassifier"
FAULTS = "MOBILEKIT_CORE_ML_FAULTS"
PARITY = f"{SHAPE}ParityTests"
UUID = "0A1B2C3D-0000-4000-8000-00000000000F"


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release with a Swift package, whose tests are run here."""

    package: Path
    artifact: Artifact
    golden: Golden

    def found(self) -> ios.SwiftPackage:
        return ios.find_package(self.artifact)


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a run of a package's tests showed, and the folder that they left."""

    run: XCTestRun
    folder: Path

    def report(self, name: str = "report.json") -> Report:
        return read_report(self.folder / name)

    def check(self, variant: str, unit: str) -> Check:
        (found,) = (
            check
            for row in self.report().variants
            if row.name == variant
            for check in row.checks
            if check.target == f"ios/{unit}"
        )
        return found


@pytest.fixture(scope="module")
def release(ios_shapes: IosShapes, tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("release")
    description = ios_shapes.package(SHAPE)
    write_package(description, folder / ios.PACKAGE)
    artifact = description.artifacts[0].artifact
    path = shutil.copytree(artifact.path, folder / "models" / artifact.path.name)
    return Release(
        package=folder / ios.PACKAGE,
        artifact=replace(artifact, path=path),
        golden=description.model.golden,
    )


@pytest.fixture(scope="module")
def tested(swift: Swift, release: Release, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """The whole parity test on a device whose Neural Engine drifts and whose GPU refuses."""
    folder = tmp_path_factory.mktemp("left")
    run = swift.test(
        release.package,
        f"{SHAPE}Tests.{PARITY}",
        environment={
            "MOBILEKIT_OUTPUT": str(folder),
            FAULTS: "cpuAndNeuralEngine=drifts,cpuAndGPU=throwsOnLoad",
        },
    )
    return Left(run=run, folder=folder)


def test_every_artifact_is_checked_on_every_compute_unit(release: Release, tested: Left) -> None:
    known = xctests(release.package / "Tests" / f"{SHAPE}Tests" / f"{PARITY}.swift")
    wanted = [
        ios.xctest_name(SHAPE, variant, unit).split("/", 1)[1].replace("/", ".")
        for variant in ("coreml-fp16", "coreml-w8")
        for unit in ios.UNITS
    ]
    assert sorted(known) == sorted(wanted) == sorted(tested.run.results)


@pytest.mark.parametrize("unit", ["Cpu", "All"])
def test_a_compute_unit_that_is_right_passes(tested: Left, unit: str) -> None:
    tested.run.check(f"{PARITY}.testCoremlFp16On{unit}")


def test_a_compute_unit_that_drifts_fails_the_test(tested: Left) -> None:
    result = tested.run.results[f"{PARITY}.testCoremlFp16OnNeuralEngine"]
    assert result.outcome == "failed"
    assert "Out of budget: snr_db 26.0" in result.text
    check = tested.check("coreml-fp16", "neural-engine")
    assert check.status == "fail"
    assert check.metrics["snr_db"] < check.budget["snr_db"]


def test_a_compute_unit_that_refuses_the_model_is_not_run(tested: Left) -> None:
    assert tested.run.results[f"{PARITY}.testCoremlFp16OnGpu"].outcome == "skipped"
    check = tested.check("coreml-fp16", "gpu")
    assert check.status == "not_run"
    assert "gpu does not take the model here" in check.reason


def test_the_report_is_the_products_own(release: Release, tested: Left) -> None:
    report = tested.report()
    assert report.verdict == "fail"
    assert report.model.name == SHAPE
    assert len(report.reasons) == sum(
        check.status == "fail" for row in report.variants for check in row.checks
    )
    assert {row.name for row in report.variants} == {"coreml-fp16", "coreml-w8"}
    (row,) = (row for row in report.variants if row.name == release.artifact.variant)
    assert row.sha256 == release.artifact.sha256
    assert len(row.checks) == len(ios.UNITS)


@pytest.mark.parametrize("unit", ["cpu", "neural-engine", "all"])
def test_its_numbers_are_pythons(release: Release, tested: Left, unit: str) -> None:
    check = tested.check("coreml-fp16", unit)
    samples = len(release.golden)
    (name,) = release.golden.outputs
    results = DeviceResults(
        folder=tested.folder, artifact=release.artifact, target=f"ios/{unit}", model=SHAPE
    )
    answers = np.concatenate([batch[name] for batch in results.outputs(samples)])
    expected = tensor_metrics(answers, release.golden.outputs[name])
    assert check.samples == samples
    for metric in ("snr_db", "psnr_db", "max_abs", "cosine"):
        assert check.metrics[metric] == pytest.approx(expected[metric], rel=1e-9)
        assert check.outputs[name][metric] == check.metrics[metric]


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        ("cpuOnly=throwsOnLoad", "failed", "It failed: .*cannot load it"),
        ("cpuOnly=throwsOnRun", "failed", "It failed: .*cannot run it"),
        ("cpuOnly=hangsOnRun", "failed", "the check did not end within 3 s"),
        ("cpuOnly=nan", "failed", "NaN"),
    ],
)
def test_what_goes_wrong_is_no_pass(
    swift: Swift, release: Release, tmp_path: Path, fault: str, outcome: str, words: str
) -> None:
    run = swift.test(
        release.package,
        f"{SHAPE}Tests.{PARITY}/testCoremlFp16OnCpu",
        environment={
            "MOBILEKIT_OUTPUT": str(tmp_path),
            "MOBILEKIT_SECONDS": "3",
            FAULTS: fault,
        },
    )
    check = Left(run=run, folder=tmp_path).check("coreml-fp16", "cpu")
    assert run.results[f"{PARITY}.testCoremlFp16OnCpu"].outcome == outcome
    assert check.status == "fail"
    assert re.search(words, check.reason), check.reason


def test_times_are_measured(swift: Swift, release: Release, tmp_path: Path) -> None:
    name = f"{SHAPE}PerformanceTests"
    run = swift.test(
        release.package,
        f"{SHAPE}Tests.{name}/testCoremlFp16OnCpu",
        environment={"MOBILEKIT_OUTPUT": str(tmp_path)},
    )
    run.check(f"{name}.testCoremlFp16OnCpu")
    assert "measured [Time, seconds]" in run.output
    report = Left(run=run, folder=tmp_path).report("benchmark.json")
    (times,) = report.extra["latency"]
    assert (times["variant"], times["target"]) == ("coreml-fp16", "ios/cpu")
    assert times["runs"] >= 50
    ordered = [times[f"{rank}_ms"] for rank in ("min", "median", "p90", "p95", "p99", "max")]
    assert ordered == sorted(ordered)
    assert times["load_ms"] > 0
    assert times["first_run_ms"] > 0
    assert len(times["times_ms"]) == times["runs"]
    (measured,) = read_results(read_content(tmp_path / "benchmark.json"))
    assert (measured.variant, measured.target.rpartition("/")[2]) == ("coreml-fp16", "cpu")
    assert measured.latency is not None
    assert measured.latency.rounds


@dataclass(kw_only=True)
class FakeXcode:
    """Runs a package's test here where `xcodebuild` would, and exports what it left."""

    swift: Swift
    package: Path
    left: Path
    faults: str = ""

    def run(
        self,
        command: Sequence[str],
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        **_seconds: float,
    ) -> subprocess.CompletedProcess[str]:
        if command[1] == "xcresulttool":
            self._export(Path(command[-1]))
            return subprocess.CompletedProcess(command, 0, "")
        assert folder is not None
        (copied,) = folder.glob("Sources/*/Resources/golden/check")
        own = self.package / copied.relative_to(folder)
        shutil.rmtree(own, ignore_errors=True)
        shutil.copytree(copied, own)
        (test,) = (part for part in command if part.startswith("-only-testing:"))
        ran = self.swift.test(
            self.package,
            test.partition(":")[2].replace("/", ".", 1),
            environment={
                **{
                    name.removeprefix("TEST_RUNNER_"): value
                    for name, value in (environment or {}).items()
                },
                "MOBILEKIT_OUTPUT": str(self.left),
                FAULTS: self.faults,
            },
        )
        return subprocess.CompletedProcess(command, 0, ran.output)

    def _export(self, folder: Path) -> None:
        folder.mkdir()
        files = sorted(self.left.iterdir())
        for number, file in enumerate(files):
            shutil.copyfile(file, folder / f"{number}{file.suffix}")
        attachments = [
            {
                "exportedFileName": f"{number}{file.suffix}",
                "suggestedHumanReadableName": f"{file.name}_0_{UUID}{file.suffix}",
            }
            for number, file in enumerate(files)
        ]
        (folder / "manifest.json").write_text(json.dumps([{"attachments": attachments}]))


@pytest.fixture
def xcode(
    swift: Swift, release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeXcode]:
    left = tmp_path / "left"
    left.mkdir()
    fake = FakeXcode(swift=swift, package=release.package, left=left)
    monkeypatch.setattr(ios, "_run", fake.run)
    yield fake
    shutil.rmtree(
        release.package / "Sources" / SHAPE / "Resources" / "golden" / "check", ignore_errors=True
    )


@pytest.mark.usefixtures("xcode")
def test_a_session_gives_what_the_package_answers(release: Release) -> None:
    (spec,) = release.artifact.signature.inputs
    values = np.random.default_rng(7).uniform(0, 1, (3, *spec.shape)).astype(spec.dtype)
    batches = [{spec.name: value} for value in values]
    with target("ios:00008110-ABC/neural-engine").open(release.artifact) as session:
        answers = session.run_all(batches)
        assert any("passed on the" in note for note in session.execution.notes)
    with target("coreml").open(release.artifact) as session:
        expected = session.run_all(batches)
    for answer, wanted in zip(answers, expected, strict=True):
        for name, array in wanted.items():
            np.testing.assert_array_equal(answer[name], array)


def test_a_session_says_what_the_device_refused(release: Release, xcode: FakeXcode) -> None:
    xcode.faults = "cpuAndGPU=throwsOnLoad"
    (spec,) = release.artifact.signature.inputs
    batch = {spec.name: np.zeros(spec.shape, spec.dtype)}
    with (
        target("ios:00008110-ABC/gpu").open(release.artifact) as session,
        pytest.raises(UnsupportedError, match="gpu does not take the model here"),
    ):
        session.run(batch)


@pytest.mark.skipif(sys.platform == "darwin", reason="this is a Mac")
@pytest.mark.parametrize("name", ["ios-simulator", "ios:00008110-ABC", "ios:00008110-ABC/gpu"])
def test_other_systems_need_a_mac(name: str) -> None:
    found = target(name)
    assert found.info.name == name
    assert "untested" in found.info.meaning
    assert found.info.emulated == (name == "ios-simulator")
    missing = found.missing()
    assert missing is not None
    assert "on a Mac only" in str(missing)


@pytest.mark.parametrize("name", ["ios:", "ios:abc/npu", "ios:a b", "ios:abc/", "ios:../x/cpu"])
def test_names_that_are_no_devices(name: str) -> None:
    with pytest.raises(ProjectError, match="Name a device as ios:UDID"):
        target(name)


def test_commands(tmp_path: Path) -> None:
    package = ios.SwiftPackage(folder=tmp_path, model="Digits")
    test = ios.xctest_name("Digits", "coreml-fp16", "neural-engine")
    assert test == "DigitsTests/DigitsParityTests/testCoremlFp16OnNeuralEngine"
    result = tmp_path / "work" / "result.xcresult"
    command = ios.xcodebuild_command(package, "platform=iOS,id=X", test, result)
    assert command[:5] == ("xcrun", "xcodebuild", "test", "-scheme", "Digits")
    assert f"-only-testing:{test}" in command
    (tmp_path / "Host.xcodeproj").mkdir()
    command = ios.xcodebuild_command(package, "platform=iOS,id=X", test, result)
    assert command[3:5] == ("-project", "Host.xcodeproj")
    environment = ios.runner_environment("ios:X")
    assert environment["TEST_RUNNER_MOBILEKIT_DEVICE"] == "ios:X"
    assert all(name.startswith("TEST_RUNNER_MOBILEKIT_") for name in environment)


def _listing(*devices: tuple[str, str, str, str]) -> str:
    found: dict[str, list[dict[str, str]]] = {}
    for runtime, name, state, udid in devices:
        key = f"com.apple.CoreSimulator.SimRuntime.{runtime}"
        found.setdefault(key, []).append({"name": name, "state": state, "udid": udid})
    return json.dumps({"devices": found})


def test_the_simulated_iphone_is_one_that_runs_or_the_newest() -> None:
    old = ("iOS-9-3", "iPhone 6", "Shutdown", "OLD")
    new = ("iOS-18-1", "iPhone 16", "Shutdown", "NEW")
    others = [("iOS-18-1", "iPad Air", "Booted", "PAD"), ("watchOS-11-0", "iPhone", "Booted", "W")]
    assert ios.simulated_iphone(_listing(old, new, *others)) == "NEW"
    booted = (*old[:2], "Booted", "OLD")
    assert ios.simulated_iphone(_listing(booted, new, *others)) == "OLD"
    with pytest.raises(TargetError, match="There is no simulated iPhone"):
        ios.simulated_iphone(_listing(*others))


@pytest.mark.parametrize("listing", ["", "[]", '{"devices": {"a.iOS-1": [{}]}}', '{"devices": 1}'])
def test_a_damaged_list_of_devices(listing: str) -> None:
    with pytest.raises(TargetError, match="cannot be read"):
        ios.simulated_iphone(listing)


@pytest.mark.parametrize(
    ("exported", "own"),
    [
        (f"report.json_0_{UUID}.json", "report.json"),
        (f"report_0_{UUID}.json", "report.json"),
        (f"coreml-fp16.cpu.output-0.bin_3_{UUID}.bin", "coreml-fp16.cpu.output-0.bin"),
        (f"coreml-fp16.cpu.output-0.bin_3_{UUID}", "coreml-fp16.cpu.output-0.bin"),
    ],
)
def test_attachments_get_their_own_names(tmp_path: Path, exported: str, own: str) -> None:
    (tmp_path / "x").write_text("here")
    entry = {"exportedFileName": "x", "suggestedHumanReadableName": exported}
    (tmp_path / "manifest.json").write_text(json.dumps([{"attachments": [entry]}]))
    ios.collect(tmp_path, tmp_path / "results")
    assert [file.name for file in (tmp_path / "results").iterdir()] == [own]


@pytest.mark.parametrize("text", ["{", '[{"a": 1}]', '[{"attachments": [{}]}]'])
def test_a_damaged_list_of_attachments(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(TargetError, match="cannot be read"):
        ios.collect(tmp_path, tmp_path / "results")


def test_why_nothing_was_left() -> None:
    hostless = "xcodebuild: error: Tool-hosted testing is unavailable on device destinations."
    assert "docs/ios_devices.md" in ios.why(hostless)
    assert ios.why("a\nxcodebuild: error: No such scheme.\nb") == (
        "xcodebuild: error: No such scheme."
    )
    assert ios.why("") == "xcodebuild named no error."


def test_a_package_that_is_not_the_releases_is_not_run(release: Release, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="holds another coreml-fp16"):
        ios.find_package(replace(release.artifact, sha256="0" * 64))
    with pytest.raises(UnsupportedError, match="does not carry coreml-p8, but coreml-fp16"):
        ios.find_package(replace(release.artifact, variant="coreml-p8"))
    with pytest.raises(UnsupportedError, match="lies in no release"):
        ios.find_package(replace(release.artifact, path=tmp_path / "models" / "x.mlpackage"))
