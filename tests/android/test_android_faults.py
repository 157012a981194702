"""What the targets on Android devices say when something is wrong, and what they leave behind.

The phone is a stand-in, and so is the module's test app, which leaves what each test wants.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dense_layer import freeze_dense_layer
from devices.boards import eventually, is_gone
from phone.fixtures import phone as phone
from phone.fixtures import phone_shell as phone_shell
from phone.phones import Phone, write_apk

from mobilekit.parity.budgets import budget_for
from mobilekit.parity.checks import CheckRequest, run_check
from mobilekit.parity.golden import Golden, load, write_golden
from mobilekit.results import Check
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant
from mobilekit_delegates.devices.android import Instrumented, read_instrumentation
from mobilekit_delegates.devices.transport import Ended
from mobilekit_delegates.targets import android_app, target
from mobilekit_delegates.targets.adb import connected_devices

PACKAGE = "com.example.dense.test"
SAMPLES = 5
APKS = "android/build/outputs/apk/androidTest/debug"


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release of `y = relu(x W)`, with a test APK. `answers` are the right ones."""

    folder: Path
    artifact: Artifact
    golden: Path
    answers: bytes

    def apk(self, path: str = f"{APKS}/dense-debug-androidTest.apk", **changes: Any) -> Path:
        """Write the test APK; `changes` are of what it says of itself."""
        facts: dict[str, Any] = {
            "schema": "mobilekit/android-tests/1",
            "model": "Dense",
            "test_package": PACKAGE,
            "runner": "androidx.test.runner.AndroidJUnitRunner",
            "parity_test": "com.example.dense.DenseParityTest",
            "benchmark": "com.example.dense.DenseBenchmark",
            "accelerators": ["cpu", "gpu", "nnapi"],
            "artifacts": {"tflite-fp32": "mobilekit/Dense/tflite-fp32.tflite"},
        }
        facts.update({key: value for key, value in changes.items() if key in facts})
        assets = self.folder / "assets"
        (assets / "mobilekit" / "Dense").mkdir(parents=True, exist_ok=True)
        (assets / "mobilekit" / "tests.json").write_text(json.dumps(facts))
        content = changes.get("content", self.artifact.path.read_bytes())
        (assets / "mobilekit" / "Dense" / "tflite-fp32.tflite").write_bytes(content)
        write_apk(
            self.folder / path,
            PACKAGE,
            assets,
            version=changes.get("version", 1),
            signature=changes.get("signature", "ours"),
        )
        return self.folder / path


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = freeze_dense_layer(tmp_path_factory.mktemp("dense"), 4)
    return convert(variant("tflite-fp32"), folder, folder / "a.tflite", TFLiteOptions(), None)


@pytest.fixture
def release(converted: Artifact, tmp_path: Path) -> Release:
    folder = tmp_path / "a release"
    (folder / "models").mkdir(parents=True)
    (folder / "android").mkdir()
    path = folder / "models" / "tflite-fp32.tflite"
    path.write_bytes(converted.path.read_bytes())
    artifact = replace(converted, path=path)
    inputs = np.random.default_rng(0).uniform(-1, 1, (SAMPLES, 4)).astype("f4")
    with target("cpu").open(artifact) as session:
        batches = session.run_all([{"x": row[None]} for row in inputs])
    outputs = np.concatenate([batch["y"] for batch in batches])
    golden = folder / "golden.npz"
    Golden(inputs={"x": inputs}, outputs={"y": outputs}, origin="Made here.").save(golden)
    release = Release(
        folder=folder, artifact=artifact, golden=golden, answers=outputs.astype("<f4").tobytes()
    )
    release.apk()
    return release


@dataclass
class Left:
    """What the test app leaves: a report of one check, a description of outputs, their bytes."""

    release: Release
    target: str

    def __post_init__(self) -> None:
        sha256 = self.release.artifact.sha256
        self.check: dict[str, Any] = {
            "target": self.target,
            "status": "pass",
            "reason": "",
            "samples": 4,
            "execution": {"place": "Acme Stand-in 9, TFLite", "notes": ["It was warm."]},
        }
        self.variant = {"name": "tflite-fp32", "sha256": sha256, "checks": [self.check]}
        self.report: Any = {"model": {"name": "Dense"}, "variants": [self.variant]}
        self.outputs: Any = {
            "schema": "mobilekit/outputs/1",
            "model": "Dense",
            "sha256": sha256,
            "runs": SAMPLES,
            "outputs": [{"name": "y", "file": "y.bin"}],
        }
        self.bytes = self.release.answers
        self.name = f"tflite-fp32.{self.target.rpartition('/')[2]}.json"
        self.report_text: str | None = None

    def files(self) -> dict[str, bytes]:
        files = {"y.bin": self.bytes}
        if self.report is not None:
            text = self.report_text or json.dumps(self.report)
            files["report.json"] = text.encode()
        if self.outputs is not None:
            files[self.name] = json.dumps(self.outputs).encode()
        return files


def check_on(release: Release, name: str) -> Check:
    budget = budget_for("tflite-fp32", "cpu")
    return run_check(
        CheckRequest(artifact=release.artifact, target=name, golden=release.golden, budget=budget)
    )


def run_app(
    phone: Phone,
    release: Release,
    change: Callable[[Left], object] = lambda _: None,
    *,
    accelerator: str = "gpu",
    seconds: float = 0,
) -> Check:
    """Run a check on the phone, whose test app leaves something that was changed."""
    name = f"{phone.target}/{accelerator}"
    left = Left(release, name)
    change(left)
    phone.tell(left.files(), seconds)
    return check_on(release, name)


def is_clean(phone: Phone) -> bool:
    return phone.installed() == [] and phone.board.is_clean()


@pytest.mark.parametrize("accelerator", ["cpu", "gpu", "nnapi"])
def test_what_the_app_answers_is_compared(phone: Phone, release: Release, accelerator: str) -> None:
    check = run_app(phone, release, accelerator=accelerator)
    assert (check.status, check.reason) == ("pass", "")
    assert check.samples == SAMPLES
    assert check.metrics["snr_db"] == 200
    assert check.execution.place == "Acme Stand-in 9, TFLite"
    assert check.execution.notes == (
        "It was warm.",
        "The generated test on the device passed on the 4 samples of the module.",
    )
    (call,) = [call for call in phone.calls("am") if "instrument" in call]
    assert f"-e accelerator {accelerator} -e variant tflite-fp32" in call
    assert call.endswith(f"{PACKAGE}/androidx.test.runner.AndroidJUnitRunner")
    assert is_clean(phone)


def test_answers_that_are_wrong_fail_whatever_the_device_says(
    phone: Phone, release: Release
) -> None:
    def wrong(left: Left) -> None:
        left.bytes = (np.frombuffer(left.bytes, "<f4") * 1.1).astype("<f4").tobytes()

    check = run_app(phone, release, wrong)
    assert check.status == "fail"
    assert "Out of budget: snr_db 20" in check.reason
    assert "test on the device passed" in check.execution.notes[-1]


def test_a_verdict_of_the_devices_own_is_told(phone: Phone, release: Release) -> None:
    def failing(left: Left) -> None:
        left.check.update(status="fail", reason="Out of budget: snr_db 3 is below 35.")

    check = run_app(phone, release, failing)
    assert check.status == "pass"
    assert check.execution.notes[-1] == (
        "The generated test failed on the device, on the 4 samples of the module: Out of budget: "
        "snr_db 3 is below 35."
    )


def test_an_accelerator_that_is_not_there_is_no_pass(phone: Phone, release: Release) -> None:
    def absent(left: Left) -> None:
        left.check.update(status="not_run", reason="Android 15 has no NNAPI.")
        left.outputs = None

    check = run_app(phone, release, absent, accelerator="nnapi")
    assert (check.status, check.reason) == (
        "not_run",
        f"{phone.target}/nnapi: Android 15 has no NNAPI.",
    )
    assert is_clean(phone)


def test_a_run_that_failed_on_the_device_fails(phone: Phone, release: Release) -> None:
    def failed(left: Left) -> None:
        left.check.update(status="fail", reason="It failed: ModelRunException: no memory.")
        left.outputs = None

    check = run_app(phone, release, failed)
    assert (check.status, check.reason) == (
        "fail",
        f"{phone.target}/gpu: It failed: ModelRunException: no memory.",
    )


def nothing(left: Left) -> None:
    left.report = left.outputs = None


def cut_report(left: Left) -> None:
    left.report_text = json.dumps(left.report)[:40]


def other_model(left: Left) -> None:
    left.report["model"]["name"] = "Other"


def other_artifact(left: Left) -> None:
    left.variant["sha256"] = "0" * 64


def other_target(left: Left) -> None:
    left.check["target"] = "adb:other/gpu"


def no_variants(left: Left) -> None:
    del left.report["variants"]


def no_outputs(left: Left) -> None:
    left.outputs = None


def outputs_of_another(left: Left) -> None:
    left.outputs["sha256"] = "0" * 64


def outputs_of_fewer_runs(left: Left) -> None:
    left.outputs["runs"] = SAMPLES - 1


def cut_outputs(left: Left) -> None:
    left.bytes = left.bytes[:-1]


def outputs_elsewhere(left: Left) -> None:
    left.outputs["outputs"][0]["file"] = "../../../etc/hostname"


def unnamed_outputs(left: Left) -> None:
    left.outputs["outputs"][0]["name"] = "z"


def not_finite(left: Left) -> None:
    left.bytes = np.full(4 * SAMPLES, np.nan, "<f4").tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nothing, "left no report: java.lang.AssertionError: It answers otherwise"),
        (cut_report, r"report.json, which .* left, is damaged: "),
        (other_model, "is of another model, or not of tflite-fp32 there"),
        (other_artifact, "is of another model, or not of tflite-fp32 there"),
        (other_target, "is of another model, or not of tflite-fp32 there"),
        (no_variants, "report that .* left is damaged: 'variants'"),
        (no_outputs, "left no outputs of tflite-fp32"),
        (outputs_of_another, "left are of another model or run"),
        (outputs_of_fewer_runs, "left are of another model or run"),
        (cut_outputs, "sent 79 bytes for the output 'y', not the 80 that its 5 batches have"),
        (outputs_elsewhere, "sent 0 bytes for the output 'y'"),
        (unnamed_outputs, "sent 0 bytes for the output 'y'"),
        (not_finite, "are NaN or Inf"),
    ],
)
def test_results_that_are_no_results_fail(
    phone: Phone, release: Release, change: Callable[[Left], None], message: str
) -> None:
    check = run_app(phone, release, change)
    assert check.status == "fail"
    assert re.search(message, check.reason), check.reason
    assert is_clean(phone)


def test_a_crash_is_told(phone: Phone, release: Release) -> None:
    phone.set(app_crashes=True)
    check = run_app(phone, release, seconds=60)
    assert check.status == "fail"
    assert check.reason == (
        f"The module's test app did not come to its end on {phone.target}/gpu with tflite-fp32: "
        "Process crashed."
    )
    assert is_clean(phone)


def test_a_test_app_without_the_runner_is_told(phone: Phone, release: Release) -> None:
    release.apk(runner="com.example.Runner")
    check = run_app(phone, release)
    assert check.status == "fail"
    assert f"INSTRUMENTATION_FAILED: {PACKAGE}/com.example.Runner" in check.reason
    assert is_clean(phone)


def test_an_app_that_hangs_is_ended(
    phone: Phone, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(android_app, "RUN_SECONDS", 2)
    check = run_app(phone, release, seconds=600)
    assert check.status == "fail"
    assert "am took longer than 2 s, and was ended there" in check.reason
    assert is_clean(phone)
    assert "am force-stop" in "\n".join(phone.calls("am"))


def test_an_unplugged_phone_is_told_and_cleans_up_by_itself(phone: Phone, release: Release) -> None:
    pids: list[int] = []

    def unplug() -> None:
        app = phone.folder / "packages" / PACKAGE
        assert eventually((app / "started").exists)
        pids.append(int((app / "pid").read_text()))
        phone.board.unplug()

    thread = threading.Thread(target=unplug)
    thread.start()
    check = run_app(phone, release, seconds=600)
    thread.join()
    assert check.status == "fail"
    assert "vanished while it was running am" in check.reason
    assert eventually(lambda: is_clean(phone))
    assert all(map(is_gone, pids))


def test_a_killed_mobilekit_leaves_nothing_behind(phone: Phone, release: Release) -> None:
    phone.tell({}, seconds=600)
    folder = release.folder / "golden"
    write_golden(folder, load(release.golden))
    words = (str(release.artifact.path), "--golden", str(folder), "--target", f"{phone.target}/gpu")
    with subprocess.Popen(
        (sys.executable, "-m", "mobilekit", "verify", *words),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            started = phone.folder / "packages" / PACKAGE / "started"
            assert eventually(started.exists)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert eventually(lambda: is_clean(phone))


@pytest.mark.parametrize(
    ("old", "settings", "message"),
    [
        ({"version": 2}, {}, r"a newer version of it is there. Remove that: adb -s \S+ uninstall"),
        (
            {"signature": "theirs"},
            {},
            r"signed with another key. Remove that: adb -s \S+ uninstall com.example.dense.test "
            r"\(INSTALL_FAILED_UPDATE_INCOMPATIBLE\)",
        ),
        (None, {"free_bytes": 100}, r"has no room.*\(INSTALL_FAILED_INSUFFICIENT_STORAGE\)"),
    ],
)
def test_an_installation_that_fails_is_told(
    phone: Phone,
    release: Release,
    old: dict[str, Any] | None,
    settings: dict[str, Any],
    message: str,
) -> None:
    if old is not None:
        phone.install(release.apk("old.apk", **old))
        release.apk()
    phone.set(**settings)
    check = run_app(phone, release)
    assert check.status == "fail"
    assert check.reason.startswith(f"{phone.target} does not install {PACKAGE}: ")
    assert re.search(message, check.reason), check.reason
    assert phone.installed() == ([PACKAGE] if old is not None else [])
    assert phone.board.is_clean()


def test_an_app_that_was_there_stays_and_keeps_its_files(phone: Phone, release: Release) -> None:
    phone.install(release.apk("old.apk"))
    files = phone.folder / "packages" / PACKAGE / "data" / "files"
    (files / "theirs").write_text("kept")
    assert run_app(phone, release).status == "pass"
    assert [path.name for path in files.iterdir()] == ["theirs"]
    assert phone.board.is_clean()


def test_checks_on_one_phone_wait_for_each_other(phone: Phone, release: Release) -> None:
    names = [f"{phone.target}/{kind}" for kind in ("gpu", "nnapi")]
    left = [Left(release, name) for name in names]
    left[0].variant["checks"] += left[1].variant["checks"]
    phone.tell({**left[1].files(), **left[0].files()}, seconds=0.5)
    with ThreadPoolExecutor() as pool:
        checks = list(pool.map(lambda name: check_on(release, name), names))
    assert [check.reason for check in checks] == ["", ""]
    assert is_clean(phone)


def build_line(release: Release) -> str:
    return f"gradle -p '{release.folder / 'android'}' assembleDebugAndroidTest"


def test_an_apk_that_is_not_built_says_how_to_build_it(phone: Phone, release: Release) -> None:
    release.apk().unlink()
    check = check_on(release, f"{phone.target}/gpu")
    assert check.status == "not_run"
    assert check.reason == f"The module's test APK is not built. Build it: {build_line(release)}"
    assert phone.calls("pm") == []


def two_apks(release: Release) -> None:
    release.apk(f"{APKS}/other.apk")


def cut_apk(release: Release) -> None:
    path = release.apk()
    path.write_bytes(path.read_bytes()[:100])


def apk_of_another_release(release: Release) -> None:
    release.apk(content=b"another model")


def apk_without_the_variant(release: Release) -> None:
    release.apk(artifacts={"tflite-fp16": "mobilekit/Dense/tflite-fp16.tflite"})


def apk_without_the_file(release: Release) -> None:
    release.apk(artifacts={"tflite-fp32": "mobilekit/Dense/lost.tflite"})


def apk_of_a_later_schema(release: Release) -> None:
    release.apk(schema="mobilekit/android-tests/2")


def apk_without_the_accelerator(release: Release) -> None:
    release.apk(accelerators=["cpu", "npu"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (two_apks, "holds several test APKs: dense-debug-androidTest.apk, other.apk"),
        (cut_apk, "is no whole test APK of a generated module: File is not a zip file. Build it: "),
        (apk_of_another_release, "holds another tflite-fp32 than the release: .* Build it: gradle"),
        (apk_without_the_variant, "does not carry tflite-fp32, but tflite-fp16. Name it in bundle"),
        (apk_without_the_file, "no whole test APK .* no item named 'assets/mobilekit/Dense/lost"),
        (apk_of_a_later_schema, "no whole test APK .* the schema 'mobilekit/android-tests/2'"),
        (apk_without_the_accelerator, "runtime has no gpu. It has: cpu, npu."),
    ],
)
def test_an_apk_that_does_not_fit_is_not_run(
    phone: Phone, release: Release, change: Callable[[Release], None], message: str
) -> None:
    change(release)
    check = check_on(release, f"{phone.target}/gpu")
    assert check.status == "not_run"
    assert re.search(message, check.reason), check.reason
    assert phone.calls("pm") == []


def test_an_artifact_outside_of_a_release_is_not_run(phone: Phone, release: Release) -> None:
    alone = release.folder.parent / "alone.tflite"
    release.artifact.path.rename(alone)
    release = replace(release, artifact=replace(release.artifact, path=alone))
    check = check_on(release, f"{phone.target}/gpu")
    assert check.status == "not_run"
    assert check.reason.startswith("alone.tflite lies in no release with an Android module")


def test_a_phone_is_described_before_anything_runs(phone: Phone) -> None:
    place = target(f"{phone.target}/gpu")
    assert place.missing() is None
    assert place.version() == ("Acme Stand-in 9 (SC-1, x86_64), Android 15 (API 35, build AP3A.1)")
    assert target(f"{phone.target}/cpu").version() == place.version()


def test_connected_phones_are_targets(phone: Phone) -> None:
    assert connected_devices() == [
        f"{phone.target}/{accelerator}" for accelerator in ("cpu", "gpu", "npu", "nnapi")
    ]


def test_a_phone_that_is_too_old_is_told(phone: Phone) -> None:
    phone.set(properties={"ro.build.version.sdk": "23", "ro.build.version.release": "6.0"})
    found = target(f"{phone.target}/gpu").missing()
    assert found is not None
    assert "is too old: generated modules run from API 24, Android 7, on." in found.reason


def test_a_linux_board_has_no_apps(phone: Phone, release: Release) -> None:
    phone.set(properties={})
    check = check_on(release, f"{phone.target}/gpu")
    assert check.status == "not_run"
    assert f"{phone.target} is no Android device" in check.reason
    assert f"{phone.target}/cpu-reference" in check.reason


def test_a_phone_that_is_not_there_is_told(phone: Phone, release: Release) -> None:  # noqa: ARG001
    check = check_on(release, "adb:R5CT20/gpu")
    assert check.status == "not_run"
    assert "There is no device R5CT20. Connected: " in check.reason


@pytest.mark.parametrize(
    ("serial", "emulated"), [("emulator-5554", True), ("R5CT20", False), ("10.0.0.2:5555", False)]
)
def test_times_of_emulators_are_nobodys(serial: str, emulated: bool) -> None:
    for kind in ("cpu", "gpu"):
        assert target(f"adb:{serial}/{kind}").info.emulated is emulated


@pytest.mark.parametrize(
    ("said", "crash"),
    [
        ("INSTRUMENTATION_CODE: -1\n", ""),
        (
            "INSTRUMENTATION_RESULT: shortMsg=Native crash\n"
            "INSTRUMENTATION_RESULT: longMsg=Native crash: Segmentation fault\n"
            "INSTRUMENTATION_CODE: 0\n",
            "Native crash; Native crash: Segmentation fault",
        ),
        (
            "INSTRUMENTATION_RESULT: shortMsg=Process crashed.\nINSTRUMENTATION_CODE: -1\n",
            "Process crashed",
        ),
        ("INSTRUMENTATION_ABORTED: System has crashed.\n", "INSTRUMENTATION_ABORTED: System has"),
        ("Error: Unknown option\n", "Error: Unknown option"),
        ("", "it said nothing"),
    ],
)
def test_the_end_of_an_instrumentation_is_understood(said: str, crash: str) -> None:
    found = read_instrumentation(Ended(status=0, output=said, errors=""))
    assert found.crash.startswith(crash)
    assert bool(found.crash) is bool(crash)


def test_stack_traces_of_failures_are_kept() -> None:
    said = (
        "INSTRUMENTATION_STATUS: stack=java.lang.AssertionError: no\n\tat a.B.c(B.kt:1)\n\n"
        "INSTRUMENTATION_STATUS: test=x\nINSTRUMENTATION_STATUS_CODE: -2\n"
        "INSTRUMENTATION_CODE: -1\n"
    )
    assert read_instrumentation(Ended(status=0, output=said, errors="")) == Instrumented(
        failures=("java.lang.AssertionError: no\n\tat a.B.c(B.kt:1)",)
    )
