"""`mobilekit verify` with a generated module on a phone, from the command to the report.

The phone is a stand-in: adb's own daemon, with `pm`, `am` and `run-as` beside it, on which the
module's real tests run in Robolectric's Android, over the Android libraries of TFLite.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import maven
import pytest
from engines.interpreter.android_library import LIBC, adapt, build_libc
from phone.fixtures import phone as phone
from phone.phones import Phone, write_apk
from toolchain import Kotlin
from tools import require_tool

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "digits"
PACKAGE = "com.example.phone.test"
APK = Path("android/build/outputs/apk/androidTest/debug/digits-debug-androidTest.apk")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release whose module is compiled. `app` starts its test app's process on the phone."""

    folder: Path
    app: tuple[str, ...]


@pytest.fixture(scope="module")
def release(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Release:
    compiler = require_tool("gcc")
    folder = tmp_path_factory.mktemp("phone")
    project = f"""
[model]
name = "Digits"
source = "{EXAMPLE / "digits.keras"}"
[android]
package = "com.example.phone"
runtime = "interpreter"
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
    (folder / "mobilekit.toml").write_text(project)
    run = mobilekit("convert", str(folder / "mobilekit.toml"), "--out", str(folder / "release"))
    assert run.returncode == 0, run.stdout + run.stderr
    sources = folder / "release" / "android" / "src"
    main = kotlin.compile(
        [sources / "main" / "kotlin"],
        ["android", "interpreter", "coroutines"],
        folder / "main",
        explicit_api=True,
    )
    tests = kotlin.compile(
        [sources / "androidTest" / "kotlin", HERE / "phone" / "StandInRunner.kt"],
        [main, "robolectric", "junit"],
        folder / "tests",
        friends=[main],
    )
    libraries = folder / "libraries"
    libraries.mkdir()
    libc = build_libc(compiler, libraries)
    for pin in maven.classpaths()["interpreter"]:
        for library in pin.libraries:
            (libraries / library.name).write_bytes(adapt(library.read_bytes(), libc.read_bytes()))
    apk = folder / "release" / APK
    write_apk(apk, PACKAGE, sources / "main" / "assets", sources / "androidTest" / "assets")
    classpath = kotlin.joined(["robolectric", "junit", "interpreter", "coroutines", main, tests])
    properties = {
        **kotlin._robolectric(None),
        "java.library.path": str(libraries),
        "phone.library": str(libraries / LIBC),
        "phone.installed": "{installed}",
        "phone.arguments": "{arguments}",
        "mobilekit.assets": "{installed}/base.apk",
    }
    return Release(
        folder=folder / "release",
        app=(
            str(kotlin.java_home / "bin" / "java"),
            *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *("--add-opens", "java.base/java.io=ALL-UNNAMED"),
            *(f"-D{name}={value}" for name, value in properties.items()),
            *("-cp", classpath, "org.junit.runner.JUnitCore", "mobilekit.phone.StandInRunner"),
        ),
    )


def mobilekit(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "mobilekit", *arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def verified(release: Path, *targets: str) -> dict[str, Any]:
    """Verify on targets; return the report."""
    names = [word for name in targets for word in ("--target", name)]
    run = mobilekit("verify", str(release), *names, "--json")
    assert run.returncode in (0, 1), run.stdout + run.stderr
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def check_of(report: Mapping[str, Any], variant: str) -> dict[str, Any]:
    (check,) = [
        check
        for item in report["variants"]
        if item["name"] == variant
        for check in item["checks"]
        if check["target"].startswith("adb:")
    ]
    return dict(check)


def test_a_phone_answers_as_the_trained_model(release: Release, phone: Phone) -> None:
    phone.set(app=release.app)
    report = verified(release.folder, f"{phone.target}/cpu")
    check = check_of(report, "tflite-fp32")
    assert (check["status"], check["reason"]) == ("pass", ""), check["reason"] + phone.logcat()
