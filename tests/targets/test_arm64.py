"""LiteRT's ARM64 build under qemu."""

from __future__ import annotations

import platform
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tools import require_target

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, ProjectError, TargetError, ToolMissingError
from mobilekit_delegates.installing import arm64_sysroot, debian
from mobilekit_delegates.installing.arm64_sysroot import python_command, sysroot
from mobilekit_delegates.runner.here import run_here
from mobilekit_delegates.targets import TARGETS, target
from mobilekit_delegates.targets.arm64 import CPUS, DEFAULT_CPU, Arm64
from mobilekit_delegates.targets.job_session import JobSession

BATCHES = [{"x": x} for x in np.random.default_rng(0).uniform(-1, 1, (3, 1, 4)).astype("f4")]

on_intel = pytest.mark.skipif(
    platform.machine() in ("aarch64", "arm64"), reason="an ARM machine emulates nothing by default"
)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and no program on its PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "debian"})
    (tmp_path / "bin").mkdir()
    return tmp_path


def fake_qemu(folder: Path, version: str) -> None:
    program = folder / "bin" / "qemu-aarch64"
    program.write_text(f"#!/bin/sh\necho 'qemu-aarch64 version {version} (Debian)'\n")
    program.chmod(0o755)


@pytest.mark.parametrize("name", ["arm64", "arm64:cortex-a53", "arm64:max"])
def test_it_answers_as_this_cpu_does(name: str, scale_fp32: Artifact) -> None:
    require_target(name)
    with target(name).open(scale_fp32) as there, TARGETS["cpu"].open(scale_fp32) as here:
        for output, expected in zip(there.run_all(BATCHES), here.run_all(BATCHES), strict=True):
            np.testing.assert_allclose(output["y"], expected["y"], rtol=1e-5, atol=1e-6)


@on_intel
def test_integers_are_answered_within_a_step_and_the_place_is_told(scale_int8: Artifact) -> None:
    require_target("arm64")
    quantisation = scale_int8.signature.outputs[0].quantisation
    assert quantisation is not None
    with TARGETS["arm64"].open(scale_int8) as there, TARGETS["cpu"].open(scale_int8) as here:
        for output, expected in zip(there.run_all(BATCHES), here.run_all(BATCHES), strict=True):
            np.testing.assert_allclose(
                output["y"], expected["y"], atol=1.01 * quantisation.scales[0]
            )
    assert there.execution.place == (f"qemu-aarch64 {arm64_sysroot.qemu_version()}, {DEFAULT_CPU}")


@on_intel
def test_it_is_emulated_and_says_with_what() -> None:
    require_target("arm64")
    place = TARGETS["arm64"]
    assert place.info.emulated
    assert place.version().startswith("ai-edge-litert ")
    assert "qemu" in place.version()
    assert place.version() != target("arm64:max").version()


def test_cpus_have_names_of_their_own_and_one_budget() -> None:
    for cpu in CPUS:
        info = target(f"arm64:{cpu}").info
        assert (info.name, info.budgets_of, info.emulated) == (f"arm64:{cpu}", "arm64", True)


@pytest.mark.parametrize("name", ["arm64:cortex-a67", "arm64:", "arm64:cortex-a76,sve=off"])
def test_an_unknown_cpu_is_refused(name: str) -> None:
    with pytest.raises(ProjectError, match=r"no CPU '.*' for arm64\..*Known: cortex-a35"):
        target(name)


def test_the_nearest_cpu_is_offered() -> None:
    with pytest.raises(ProjectError, match="Did you mean 'cortex-a76'"):
        target("arm64:cortex-76")


def test_bad_inputs_and_truncated_artifacts_are_errors_of_the_check(
    tmp_path: Path, scale_fp32: Artifact
) -> None:
    require_target("arm64")
    with TARGETS["arm64"].open(scale_fp32) as session, pytest.raises(DataError, match="not int32"):
        session.run({"x": BATCHES[0]["x"].astype("i4")})
    short = tmp_path / "short.tflite"
    short.write_bytes(scale_fp32.path.read_bytes()[:200])
    with (
        TARGETS["arm64"].open(replace(scale_fp32, path=short)) as session,
        pytest.raises(TargetError, match=r"arm64 .*does not load short\.tflite"),
    ):
        session.run(BATCHES[0])


@on_intel
@pytest.mark.parametrize(
    ("python", "message"),
    [
        (lambda: python_command("pentium"), r"exit status 1 at .*pentium"),
        (
            lambda: (*python_command("max"), "-c", "import os; os.abort()"),
            r"SIGABRT.*fp32\.tflite: qemu: uncaught target signal 6",
        ),
    ],
)
def test_when_qemu_ends_its_log_is_told(scale_fp32: Artifact, python: object, message: str) -> None:
    require_target("arm64")
    session = JobSession(
        scale_fp32, target="arm64", journey=partial(run_here, python()), place=lambda _: ""
    )
    with pytest.raises(TargetError, match=message):
        session.run(BATCHES[0])


@on_intel
def test_without_qemu_the_command_gets_both(bare: Path) -> None:
    missing = Arm64().missing()
    assert missing is not None
    assert missing.reason == "qemu-aarch64 is not on this machine."
    assert missing.command == "sudo apt-get install qemu-user && mobilekit doctor --install arm64"
    with pytest.raises(ToolMissingError, match="Get it: sudo apt-get install qemu-user"):
        Arm64().install()
    assert not (bare / "cache").exists()


@on_intel
def test_a_qemu_that_is_too_old_is_not_used(bare: Path) -> None:
    fake_qemu(bare, "7.2.17")
    missing = Arm64().missing()
    assert missing is not None
    assert "version 7.2.17, which crashes" in missing.reason
    with pytest.raises(ToolMissingError, match=r"8\.0 or later"):
        Arm64().install()
    assert not (bare / "cache").exists()


@on_intel
def test_with_qemu_alone_doctor_gets_the_sysroot(bare: Path) -> None:
    fake_qemu(bare, "10.0.2")
    assert str(Arm64().missing()) == (
        "The ARM64 sysroot is not installed. Get it: mobilekit doctor --install arm64"
    )
    sysroot().mkdir(parents=True)
    assert Arm64().missing() is None


@on_intel
def test_a_sysroot_that_cannot_be_got_leaves_nothing(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_qemu(bare, "10.0.2")
    monkeypatch.setattr(debian, "MIRRORS", ("http://127.0.0.1:9/",))
    with pytest.raises(ToolMissingError, match=r"libc6_.* could not be downloaded"):
        Arm64().install()
    assert [item.name for item in sysroot().parent.iterdir()] == ["lock"]


def test_an_arm_machine_runs_on_its_own_cpu(
    bare: Path, monkeypatch: pytest.MonkeyPatch, scale_fp32: Artifact
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    place = Arm64()
    assert not place.info.emulated
    assert place.missing() is None
    assert "qemu" not in place.version()
    assert not (bare / "cache").exists()
    with place.open(scale_fp32) as session:
        session.run(BATCHES[0])
    assert "qemu" not in session.execution.place
