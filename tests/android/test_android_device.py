"""`mobilekit verify` with a generated module on a phone, from the command to the report.

The phone is a stand-in: adb's own daemon, with `pm`, `am` and `run-as` beside it, on which the
module's real tests run in Robolectric's Android, over the Android libraries of TFLite.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import maven
import numpy as np
import pytest
from engines.interpreter.android_library import LIBC, adapt, build_libc
from phone.fixtures import phone as phone
from phone.fixtures import phone_shell as phone_shell
from phone.phones import Phone, write_apk
from toolchain import DECLARED, JUnitRun, Kotlin, junit_tests
from tools import require_tool, without

from mobilekit.bench.importing.content import read_content
from mobilekit.bench.importing.formats import read_results
from mobilekit.parity.metrics import tensor_metrics
from mobilekit.report import read_report
from mobilekit.results import Check, Report

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "digits"
KOTLIN = HERE / "kotlin" / "device"
PACKAGE = "com.example.phone.test"
APK = Path("android/build/outputs/apk/androidTest/debug/digits-debug-androidTest.apk")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release whose module is compiled, with tests of the tests that it brings.

    `app` starts its test app's process on the phone.
    """

    folder: Path
    app: tuple[str, ...]
    classes: tuple[Path, ...]


def project_file(folder: Path, runtime: str) -> str:
    """Write the project of the example's digits, with a module that carries one of two variants."""
    project = f"""
[model]
name = "Digits"
source = "{EXAMPLE / "digits.keras"}"
[android]
package = "com.example.phone"
runtime = "{runtime}"
variants = ["fp32", "fp16"]
bundle = ["fp32"]
[ios]
variants = []
[model.inputs.image]
kind = "image"
color = "grayscale"
scale = {1 / 255}
[verify]
targets = ["cpu"]
"""
    path = folder / "mobilekit.toml"
    path.write_text(project)
    return str(path)


def compiled(
    kotlin: Kotlin,
    release: Path,
    engine: Sequence[str | Path],
    properties: Mapping[str, str],
) -> Release:
    """Compile a release's module with its tests, and put the stand-in for its test APK there.

    Args:
        kotlin: the compiler.
        release: the release.
        engine: the class path of the runtime that it calls.
        properties: those that the runtime needs on this system.
    """
    sources = release / "android" / "src"
    main = kotlin.compile(
        [sources / "main" / "kotlin"],
        ["android", "coroutines", *engine],
        release.parent / "main",
        explicit_api=True,
    )
    tests = kotlin.compile(
        [sources / "androidTest" / "kotlin", HERE / "phone" / "StandInRunner.kt", KOTLIN],
        [main, "robolectric", "junit"],
        release.parent / "tests",
        friends=[main],
    )
    assets = (sources / "main" / "assets", sources / "androidTest" / "assets")
    write_apk(release / APK, PACKAGE, *assets)
    phones = {
        "phone.installed": "{installed}",
        "phone.arguments": "{arguments}",
        "mobilekit.assets": "{installed}/base.apk",
    }
    everything = {**kotlin._robolectric(None), **properties, **phones}
    classpath = kotlin.joined(["robolectric", "junit", "coroutines", *engine, main, tests])
    return Release(
        folder=release,
        classes=(main, tests),
        app=(
            str(kotlin.java_home / "bin" / "java"),
            *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            # Robolectric's assets reach into this.
            *("--add-opens", "java.base/java.io=ALL-UNNAMED"),
            *(f"-D{name}={value}" for name, value in everything.items()),
            *("-cp", classpath, "org.junit.runner.JUnitCore", "mobilekit.phone.StandInRunner"),
        ),
    )


@pytest.fixture(scope="module")
def release(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release whose module calls classic TFLite, over its Android libraries."""
    compiler = require_tool("gcc")
    folder = tmp_path_factory.mktemp("phone")
    libraries = folder / "libraries"
    libraries.mkdir()
    libc = build_libc(compiler, libraries)
    for pin in maven.classpaths()["interpreter"]:
        for library in pin.libraries:
            (libraries / library.name).write_bytes(adapt(library.read_bytes(), libc.read_bytes()))
    properties = {"java.library.path": str(libraries), "phone.library": str(libraries / LIBC)}
    built = folder / "release"
    run = mobilekit("convert", project_file(folder, "interpreter"), "--out", str(built))
    assert run.returncode == 0, run.stdout + run.stderr
    return compiled(kotlin, built, ["interpreter"], properties)


@pytest.fixture(scope="module")
def litert_release(
    kotlin: Kotlin, release: Release, tmp_path_factory: pytest.TempPathFactory
) -> Release:
    """The same release, whose module calls LiteRT 2, over its library for Linux."""
    package = importlib.util.find_spec("ai_edge_litert")
    assert package is not None
    library = Path(str(package.origin)).with_name("libLiteRt.so")
    if not library.is_file():
        without("The LiteRT that is installed here has no libLiteRt.so.")
    folder = tmp_path_factory.mktemp("phone-litert")
    engine = kotlin.compile(
        [HERE / "engines" / "litert", DECLARED / "litert" / "LiteRtException.kt"],
        ["android", "jna"],
        folder / "engine",
    )
    properties = {
        "litert.library": str(library),
        "litert.version": importlib.metadata.version("ai-edge-litert"),
    }
    built = folder / "release"
    shutil.copytree(release.folder, built, ignore=shutil.ignore_patterns("android"))
    module = ("--release", str(built), "--android", str(built / "android"))
    run = mobilekit("generate", project_file(folder, "litert"), *module)
    assert run.returncode == 0, run.stdout + run.stderr
    return compiled(kotlin, built, [engine, "jna"], properties)


@pytest.fixture(scope="module")
def faults(kotlin: Kotlin, release: Release) -> JUnitRun:
    return kotlin.run_junit(
        ["robolectric", "coroutines", *release.classes], ["com.example.phone.AcceleratorCheckTest"]
    )


@pytest.mark.parametrize("name", junit_tests(KOTLIN))
def test_what_a_generated_test_makes_of_accelerators(faults: JUnitRun, name: str) -> None:
    faults.check(name)


def mobilekit(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "mobilekit", *arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@dataclass(frozen=True, kw_only=True)
class Verified:
    status: int
    report: Report

    def check(self, variant: str) -> Check:
        (check,) = [
            check
            for item in self.report.variants
            if item.name == variant
            for check in item.checks
            if check.target.startswith("adb:")
        ]
        return check


def verified(release: Path, target: str, out: Path) -> Verified:
    run = mobilekit("verify", str(release), "--target", target, "--out", str(out))
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return Verified(status=run.returncode, report=read_report(out / "report.json"))


def test_a_phone_answers_as_the_trained_model(
    release: Release, phone: Phone, tmp_path: Path
) -> None:
    phone.set(app=release.app)
    found = verified(release.folder, f"{phone.target}/cpu", tmp_path / "out")
    check = found.check("tflite-fp32")
    assert (check.status, check.reason) == ("pass", ""), check.reason + phone.logcat()
    assert check.samples == 32
    assert check.metrics["snr_db"] > 100
    assert check.metrics["agreement"] == 1
    assert "Android 15 (API 35" in check.execution.place
    assert "2.16.1" in check.execution.place
    assert check.execution.notes[0].startswith("The generated test on the device passed on the ")
    other = found.check("tflite-fp16")
    assert (other.status, other.required) == ("not_run", False)
    assert "does not carry tflite-fp16, but tflite-fp32" in other.reason
    assert (found.status, found.report.verdict) == (0, "pass")
    assert phone.installed() == []
    assert phone.board.is_clean()


def test_an_accelerator_that_the_phone_lacks_fails_what_requires_it(
    release: Release, phone: Phone, tmp_path: Path
) -> None:
    target = f"{phone.target}/nnapi"
    check = {"target": target, "status": "not_run", "reason": "Android 15 has no NNAPI."}
    sha256 = read_report(release.folder / "report.json").variants[0].sha256
    variant = {"name": "tflite-fp32", "sha256": sha256, "checks": [check]}
    report = {"model": {"name": "Digits"}, "variants": [variant]}
    phone.tell({"report.json": json.dumps(report).encode()})
    found = verified(release.folder, target, tmp_path / "out")
    assert (found.status, found.report.verdict) == (1, "fail")
    assert found.report.reasons == (
        f"tflite-fp32 on {target} is required and was not run: {target}: Android 15 has no NNAPI.",
    )


def test_a_phone_that_is_not_there_ends_the_command(release: Release, phone: Phone) -> None:
    run = mobilekit("verify", str(release.folder), "--target", "adb:R5CT20/gpu")
    assert run.returncode == 3
    assert "The target adb:R5CT20/gpu is required, and cannot be reached here." in run.stderr
    assert (
        f"There is no device R5CT20. Connected: {phone.target.removeprefix('adb:')}" in run.stderr
    )


def instrument(phone: Phone, release: Release, classes: str, **arguments: str) -> str:
    """Run tests as Gradle or a person would, without mobilekit; return what `am` said."""
    phone.set(app=release.app)
    phone.install(release.folder / APK)
    words = [word for name, value in arguments.items() for word in ("-e", name, value)]
    runner = f"{PACKAGE}/androidx.test.runner.AndroidJUnitRunner"
    return phone.run("am", "instrument", "-w", "-r", "-e", "class", classes, *words, runner)


def test_the_generated_tests_report_on_their_own(release: Release, phone: Phone) -> None:
    classes = "com.example.phone.DigitsParityTest,com.example.phone.DigitsBenchmark"
    said = instrument(phone, release, classes)
    assert said.count("INSTRUMENTATION_STATUS_CODE: 0") == 2, said + phone.logcat()
    assert said.count("INSTRUMENTATION_STATUS_CODE: -4") == 4, said  # Assumptions that failed.
    folder = phone.folder / "packages" / PACKAGE / "data" / "files" / "mobilekit"
    report = read_report(folder / "report.json")
    built = read_report(release.folder / "report.json")
    assert (report.verdict, report.reasons) == ("pass", ())
    assert (report.model.name, report.model.sha256) == ("Digits", built.model.sha256)
    assert report.model.signature == built.model.signature
    (variant,) = report.variants
    assert variant.sha256 == built.variants[0].sha256
    assert [(check.target, check.status) for check in variant.checks] == [
        ("android/cpu", "pass"),
        ("android/gpu", "not_run"),
        ("android/nnapi", "not_run"),
    ]
    cpu, *others = variant.checks
    assert cpu.budget.keys() == {"snr_db", "cosine", "agreement"}
    assert cpu.metrics.keys() >= {"snr_db", "psnr_db", "max_abs", "cosine", "agreement"}
    assert cpu.outputs.keys() == {built.model.signature.outputs[0].name}
    assert all(check.reason and not check.metrics for check in others)
    assert report.environment.keys() == {"device", "soc", "system", "build", "abi", "runtime"}
    assert_answers_as_the_golden(release, folder)
    assert_times(read_report(folder / "benchmark.json"))
    assert_can_be_imported(folder / "benchmark.json")


def assert_answers_as_the_golden(release: Release, folder: Path) -> None:
    """Compare the raw outputs that a device left with the golden, in Python."""
    document = json.loads((folder / "tflite-fp32.cpu.json").read_text())
    (output,) = document["outputs"]
    answers = np.fromfile(folder / output["file"], "<f4").reshape(output["shape"])
    assets = release.folder / "android" / "src" / "main" / "assets" / "mobilekit" / "Digits"
    expected = np.fromfile(assets / "golden" / "output-0.bin", "<f4").reshape(answers.shape)
    assert document["runs"] == len(answers) > 1
    assert tensor_metrics(answers, expected)["snr_db"] > 100


def assert_times(report: Report) -> None:
    assert report.verdict == "pass"
    (times,) = report.extra["latency"]
    assert (times["variant"], times["target"]) == ("tflite-fp32", "android/cpu")
    assert times["runs"] >= 50
    assert times["seconds"] + times["warm_up_runs"] > 0
    ordered = [times[name] for name in ("min_ms", "median_ms", "p90_ms", "p95_ms", "p99_ms")]
    assert ordered == sorted(ordered)
    assert times["p99_ms"] <= times["max_ms"]
    assert times["load_ms"] > 0
    assert times["first_run_ms"] > 0
    assert len(times["times_ms"]) == times["runs"]
    assert min(times["times_ms"]) == times["min_ms"]
    governors = sorted(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    here = ", ".join(dict.fromkeys(path.read_text().strip() for path in governors))
    for when in ("before", "after"):
        assert times[when]["thermal_status"] == "none"
        assert times[when].get("governor", "") == here


def assert_can_be_imported(file: Path) -> None:
    """See that `mobilekit bench import` makes a benchmark of what the module's tests left."""
    measured, *others = read_results(read_content(file))
    assert (measured.status, measured.variant) == ("measured", "tflite-fp32")
    assert measured.target.endswith("/cpu")
    assert measured.latency is not None
    assert measured.latency.rounds
    assert measured.before.thermal == "none"
    assert {item.status for item in others} == {"not_run"}


def test_bench_takes_the_times_that_the_module_takes_on_the_phone(
    release: Release, phone: Phone, tmp_path: Path
) -> None:
    phone.set(app=release.app)
    target = f"{phone.target}/cpu"
    out = tmp_path / "out"
    run = mobilekit("bench", str(release.folder), "--target", target, "--out", str(out))
    assert run.returncode in (0, 1), run.stdout + run.stderr + phone.logcat()
    bench = read_report(out / "report.json").bench
    assert bench is not None
    measured, left_out = bench.benchmarks
    assert (measured.variant, measured.target) == ("tflite-fp32", target)
    assert measured.status == "measured", measured.reason
    assert measured.origin.startswith("the generated Android module")
    assert measured.latency is not None
    assert measured.latency.runs >= 50
    assert measured.before.thermal == "none"
    # The module does not carry the other one.
    assert (left_out.variant, left_out.status) == ("tflite-fp16", "not_run")
    assert phone.installed() == []


def test_bench_runs_benchmark_model_where_it_is_given(
    release: Release, phone: Phone, tmp_path: Path
) -> None:
    said = (
        "count=50 first=7 curr=7 min=6 max=9 avg=7 std=1 p5=6 median=7 p95=8\n"
        "Inference timings in us: Init: 17, First inference: 9, Warmup (avg): 8, "
        "Inference (avg): 7\n"
    )
    program = tmp_path / "benchmark_model"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}END\n")
    target, out = f"{phone.target}/gpu", tmp_path / "out"
    arguments = ("bench", str(release.folder), "--target", target, "--out", str(out))
    run = mobilekit(*arguments, "--benchmark-model", str(program))
    assert run.returncode == 0, run.stdout + run.stderr
    bench = read_report(out / "report.json").bench
    assert bench is not None
    # It needs no module, so it measures what the module does not carry, too.
    assert [item.variant for item in bench.benchmarks] == ["tflite-fp32", "tflite-fp16"]
    for item in bench.benchmarks:
        assert (item.status, item.origin, item.target) == ("measured", "benchmark_model", target)
        assert item.latency is not None
        assert item.latency.median_ms == 0.007
    assert phone.installed() == []


def test_answers_that_are_not_a_given_goldens_fail(release: Release, phone: Phone) -> None:
    golden = phone.folder / "golden"
    shutil.copytree(release.folder / "golden", golden)
    outputs = json.loads((golden / "golden.json").read_text())["outputs"]
    path = golden / outputs[0]["file"]
    np.roll(np.fromfile(path, "<f4"), 1).tofile(path)
    arguments = {"golden": str(golden), "accelerator": "cpu", "device": "adb:mine"}
    said = instrument(phone, release, "com.example.phone.DigitsParityTest", **arguments)
    assert "INSTRUMENTATION_STATUS_CODE: -2" in said, said + phone.logcat()
    assert "stack=java.lang.AssertionError: Out of budget: snr_db" in said
    folder = phone.folder / "packages" / PACKAGE / "data" / "files" / "mobilekit"
    report = read_report(folder / "report.json")
    assert report.verdict == "fail"
    assert report.reasons[0].startswith("tflite-fp32 on adb:mine/cpu: Out of budget: snr_db")


def test_the_other_runtime_reports_likewise(litert_release: Release, phone: Phone) -> None:
    said = instrument(phone, litert_release, "com.example.phone.DigitsParityTest")
    assert "INSTRUMENTATION_CODE: -1" in said, said + phone.logcat()
    folder = phone.folder / "packages" / PACKAGE / "data" / "files" / "mobilekit"
    report = read_report(folder / "report.json")
    cpu, gpu, npu = report.variants[0].checks
    assert [check.target for check in (cpu, gpu, npu)] == [
        f"android/{name}" for name in ("cpu", "gpu", "npu")
    ]
    assert (cpu.status, cpu.reason) == ("pass", "")
    # This machine may have a GPU that LiteRT takes, or none.
    assert gpu.status == "pass" or (gpu.status == "not_run" and gpu.reason)
    assert (npu.status, bool(npu.reason)) == ("not_run", True)
    assert_answers_as_the_golden(litert_release, folder)
