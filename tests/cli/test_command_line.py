from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mobilekit.cli import commands
from mobilekit.starter import toml_key, toml_string

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "examples" / "digits" / "digits.keras"


def mobilekit(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mobilekit", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("command", [[], ["convert"], ["init"], ["completion"]])
def test_help(command: list[str]) -> None:
    result = CliRunner().invoke(commands, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(shell: str) -> None:
    result = CliRunner().invoke(commands, ["completion", shell])
    assert result.exit_code == 0
    assert "_MOBILEKIT_COMPLETE" in result.output


def test_bash_completes_options(tmp_path: Path) -> None:
    script = mobilekit("completion", "bash", cwd=tmp_path).stdout
    asked = f"""
        {script}
        COMP_WORDS=(mobilekit convert --cal)
        COMP_CWORD=2
        _mobilekit_completion mobilekit
        echo "${{COMPREPLY[@]}}"
    """
    # The script calls `mobilekit` by its name, which lies beside the running Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", asked],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    assert "--calibration" in done.stdout, done.stderr


def test_an_unknown_command_ends_with_2(tmp_path: Path) -> None:
    done = mobilekit("convrt", cwd=tmp_path)
    assert done.returncode == 2
    assert "convrt" in done.stderr


def test_init_writes_a_project_file_that_convert_reads(tmp_path: Path) -> None:
    from mobilekit.project import load_project

    path = tmp_path / "mein Projekt.toml"
    done = mobilekit("init", MODEL, "--out", path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = path.read_text("utf-8")
    assert "[model.inputs.image]  # float32 1×8×8×1" in text
    assert "[model.outputs.scores]  # float32 1×10" in text
    project = load_project(path)
    assert project.name == "Digits"
    assert project.source.resolve() == MODEL
    assert project.variants()


def test_init_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "mobilekit.toml"
    path.write_text("mine")
    done = mobilekit("init", MODEL, "--out", path, cwd=tmp_path)
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert path.read_text() == "mine"


def test_init_of_what_is_no_model(tmp_path: Path) -> None:
    model = tmp_path / "noise.keras"
    model.write_bytes(b"\x01\x02\x03" * 100)
    done = mobilekit("init", model, cwd=tmp_path)
    assert done.returncode == 2
    assert "noise.keras" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["noise.keras"]


@pytest.mark.parametrize("text", ["plain", 'quote " and \\', "ümläut 図", "tab\tand\x7f"])
def test_toml_strings_and_keys_read_back(text: str) -> None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    assert tomllib.loads(f"{toml_key(text)} = {toml_string(text)}") == {text: text}
