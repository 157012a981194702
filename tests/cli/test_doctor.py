from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from mobilekit import doctor
from mobilekit.cli import commands
from mobilekit.known_problems import COMBINATIONS, problems, require_working_packages
from mobilekit_converters.errors import TargetError, ToolMissingError
from mobilekit_delegates.targets import TARGETS, Missing, TargetInfo


def mobilekit(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mobilekit", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def place(
    name: str, missing: Missing | None = None, version: Callable[[], str] = lambda: "1.0"
) -> Any:
    info = TargetInfo(name=name, description="a place", meaning="Nothing.", formats=("tflite",))
    return SimpleNamespace(info=info, missing=lambda: missing, version=version)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Pretend that packages are here in some versions."""

    def install(versions: dict[str, str]) -> None:
        real = metadata.version

        def version(name: str) -> str:
            if versions.get(name) == "":
                raise metadata.PackageNotFoundError(name)
            return versions.get(name) or real(name)

        monkeypatch.setattr(metadata, "version", version)
        monkeypatch.setattr(platform, "python_version", lambda: versions.get("python", "3.11.7"))

    return install


def test_every_target_is_listed_ready_or_with_a_reason() -> None:
    result = CliRunner().invoke(commands, ["doctor", "--json"])
    document = json.loads(result.output)
    assert document["schema"] == "mobilekit/doctor/1"
    listed = {row["name"]: row for row in document["targets"]}
    assert set(TARGETS) <= set(listed)
    for row in listed.values():
        assert row["version"] if row["ready"] else row["reason"]
    assert listed["cpu"]["version"].startswith("ai-edge-litert")
    assert listed["arm64"]["installable"]
    assert not listed["cpu"]["installable"]
    assert {"arm64:CPU", "adb:SERIAL/cpu"} <= set(document["other_names"])


def test_the_table_says_for_each_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Missing(reason="Its tool is gone.", command="sudo get tool")
    rows = {"here": place("here"), "gone": place("gone", missing)}
    monkeypatch.setattr(doctor, "TARGETS", rows)
    monkeypatch.setattr(doctor, "target", rows.__getitem__)
    monkeypatch.setattr(doctor, "connected_devices", list)
    lines = CliRunner().invoke(commands, ["doctor"]).output.splitlines()
    assert lines[:3] == [
        "ready    here  1.0",
        "missing  gone  Its tool is gone.",
        "               sudo get tool",
    ]


def test_a_device_that_goes_while_it_is_asked_is_missing() -> None:
    def gone() -> str:
        raise TargetError("The device went away.")

    state = doctor.state_of(place("device", version=gone))
    assert (state.ready, state.reason) == (False, "The device went away.")


def test_no_heavy_library_is_loaded() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from mobilekit.cli import commands\n"
        "CliRunner().invoke(commands, ['doctor'])\n"
        "print(sorted({'tensorflow', 'keras', 'coremltools', 'ai_edge_litert', 'onnxruntime'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_what_is_ready_is_not_installed_again() -> None:
    result = CliRunner().invoke(commands, ["doctor", "--install", "cpu", "--install", "cpu"])
    assert result.exit_code == 0
    assert result.output.count("cpu is ready: ai-edge-litert") == 1


def test_an_unknown_target_is_refused_before_anything_is_installed(tmp_path: Path) -> None:
    done = mobilekit(
        "doctor", "--install", "arm64", "--install", "arm63", XDG_CACHE_HOME=str(tmp_path)
    )
    assert done.returncode == 2
    assert "There is no target 'arm63'. Did you mean 'arm64'?" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(platform.machine() in ("aarch64", "arm64"), reason="an ARM machine needs none")
def test_what_needs_root_ends_with_status_3_and_the_command(tmp_path: Path) -> None:
    done = mobilekit("doctor", "--install", "arm64", XDG_CACHE_HOME=str(tmp_path), PATH="/nowhere")
    assert done.returncode == 3
    assert "arm64: qemu-aarch64 is not on this machine." in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_one_that_fails_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []
    missing = Missing(reason="It is gone.", command="get it")
    bad, plain, good = place("bad", missing), place("plain", missing), place("good", missing)

    def fail() -> None:
        raise ToolMissingError("No network.")

    bad.install, good.install = fail, lambda: done.append("good")
    rows = {"bad": bad, "plain": plain, "good": good}
    monkeypatch.setattr(doctor, "TARGETS", rows)
    monkeypatch.setattr(doctor, "target", rows.__getitem__)
    with pytest.raises(ToolMissingError) as caught:
        doctor.install(["plain", "all"])
    assert str(caught.value) == "plain: It is gone. Get it: get it\nbad: No network."
    assert done == ["good"]
    assert "good is ready: 1.0." in capsys.readouterr().out


def test_nothing_here_is_broken() -> None:
    assert [str(found) for found in problems() if found.severity == "broken"] == []
    require_working_packages()


BROKEN = {
    ("python",): {"python": "3.14.0"},
    ("tensorflow", "protobuf"): {"tensorflow": "2.21.0", "protobuf": "5.29.5"},
    ("tensorflow", "protobuf", "new"): {"tensorflow": "2.21.0", "protobuf": "8.0.1"},
    ("tensorflow", "ml-dtypes"): {"tensorflow": "2.21.0", "ml-dtypes": "0.4.1"},
    ("onnx", "ml-dtypes"): {"onnx": "1.23.2", "ml-dtypes": "0.4.1"},
    ("coremltools", "numpy", "torch"): {"coremltools": "9.0", "numpy": "2.4.6", "torch": "2.9.1"},
}


@pytest.mark.parametrize("versions", BROKEN.values(), ids=[" ".join(key) for key in BROKEN])
def test_combinations_that_break_are_named_with_what_to_install(
    installed: Callable[[dict[str, str]], None], versions: dict[str, str]
) -> None:
    installed(versions)
    text = " with ".join(f"{name} {version}" for name, version in versions.items())
    found = [found for found in problems() if found.found == text]
    assert [one.severity for one in found] == ["broken"]
    assert found[0].command
    with pytest.raises(ToolMissingError, match=f"{text}: .* Get what works: "):
        require_working_packages()
    result = CliRunner().invoke(commands, ["doctor"], standalone_mode=False)
    assert result.return_value == 1
    assert found[0].command in result.output


def test_every_combination_of_the_table_is_tried_here() -> None:
    tried = [set(versions) for versions in BROKEN.values()]
    assert all(set(row.packages) in tried for row in COMBINATIONS)
    assert len(tried) == len(COMBINATIONS)


def test_packages_that_are_not_together_here_break_nothing(
    installed: Callable[[dict[str, str]], None],
) -> None:
    installed({"coremltools": "9.0", "numpy": "2.4.6", "torch": ""})
    assert not any(found.severity == "broken" for found in problems())


def test_versions_that_nobody_tested_are_named_but_break_nothing(
    installed: Callable[[dict[str, str]], None],
) -> None:
    installed({"jinja2": "2.0", "rich": ""})
    untested = [found for found in problems() if found.severity == "untested"]
    assert {found.found for found in untested} == {"rich is not installed", "jinja2 2.0"}
    assert {found.command.partition(">")[0] for found in untested} == {
        'pip install "rich',
        'pip install "jinja2',
    }
    require_working_packages()


def test_coremltools_without_its_native_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "coremltools").mkdir()
    (tmp_path / "coremltools" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "coremltools", raising=False)
    with pytest.raises(ToolMissingError, match="BlobWriter not loaded"):
        require_working_packages()
    (tmp_path / "coremltools" / "libmilstoragepython.so").touch()
    require_working_packages()
