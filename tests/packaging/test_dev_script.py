"""`./dev` sets up once, tries no more than it may, and says what is wrong.

A small script stands in for Python, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Logs its calls. The files `suits`, `venv_works` and `pip_works` decide its answers.
FAKE_PYTHON = """#!/bin/sh
facts={facts}
echo "$*" >>"$facts/calls"
case "$*" in
  *ensurepip*) test -e "$facts/venv_works" ;;
  *version_info*) test -e "$facts/suits" ;;
  -V) echo "Python 3.11.0" ;;
  "-m venv"*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;
  "-m pip"*) echo "pip's own words"; test -e "$facts/pip_works" ;;
esac
"""


class Checkout:
    """A folder with nothing but `dev` and a pyproject.toml, and the stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a checkout"
        self.facts = folder / "facts"
        self.tools = folder / "tools"
        for path in (self.folder, self.facts, self.tools):
            path.mkdir()
        shutil.copy(ROOT / "dev", self.folder / "dev")
        (self.folder / "pyproject.toml").write_text("[project]\n")
        self.tool("python3.11", FAKE_PYTHON.format(facts=self.facts))
        self.tool("id", "#!/bin/sh\necho 1000\n")
        for fact in ("suits", "venv_works", "pip_works"):
            (self.facts / fact).touch()

    def tool(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def deny(self, fact: str) -> None:
        (self.facts / fact).unlink()

    def calls(self, of: str) -> list[str]:
        log = self.facts / "calls"
        return [line for line in log.read_text().splitlines() if of in line] if log.exists() else []

    def dev(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        base = {name: value for name, value in os.environ.items() if name != "PYTHON"}
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(self.folder / "dev"), *arguments],
            env={**base, "PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_it_explains_itself(checkout: Checkout) -> None:
    for arguments in ((), ("--help",), ("tset",)):
        run = checkout.dev(*arguments)
        assert run.returncode == 2
        assert "./dev test" in run.stderr
        assert "set -" not in run.stderr
    assert not (checkout.folder / ".venv").exists()


def test_it_sets_up_once_and_again_when_the_project_changes(checkout: Checkout) -> None:
    first, second = checkout.dev("setup"), checkout.dev("setup")
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(first.stderr.splitlines()) == 2, "one line for each long step"
    assert second.stderr == ""
    assert len(checkout.calls("-m venv")) == len(checkout.calls("-m pip install")) == 1
    (checkout.folder / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert checkout.dev("setup").returncode == 0
    assert len(checkout.calls("-m venv")) == 1
    assert len(checkout.calls("-m pip install")) == 2


def test_a_failed_installation_is_shown_and_tried_again(checkout: Checkout) -> None:
    checkout.deny("pip_works")
    for _ in range(2):
        run = checkout.dev("setup")
        assert run.returncode == 3
        assert "pip's own words" in run.stderr
        assert "pip could not install the project" in run.stderr
    assert len(checkout.calls("-m pip install")) == 2


def test_it_names_the_package_that_is_missing(checkout: Checkout) -> None:
    checkout.deny("venv_works")
    run = checkout.dev("setup")
    assert run.returncode == 3
    assert "sudo apt-get install python3-venv" in run.stderr
    assert not (checkout.folder / ".venv").exists()


def test_root_installs_the_package_that_is_missing(checkout: Checkout) -> None:
    checkout.deny("venv_works")
    checkout.tool("id", "#!/bin/sh\necho 0\n")
    works = checkout.facts / "venv_works"
    checkout.tool(
        "apt-get", f'#!/bin/sh\ncase "$*" in *install*python3-venv*) touch "{works}" ;; esac\n'
    )
    run = checkout.dev("setup")
    assert run.returncode == 0, run.stderr
    assert "installing python3-venv with apt" in run.stderr


@pytest.mark.parametrize("python", ["python3.11", "no-such-python"])
def test_it_refuses_a_python_that_does_not_suit(checkout: Checkout, python: str) -> None:
    checkout.deny("suits")
    run = checkout.dev("setup", PYTHON=python)
    assert run.returncode == 3
    assert f"PYTHON={python} is not a Python of 3.10 to 3.13" in run.stderr
    assert not (checkout.folder / ".venv").exists()


def test_it_runs_mobilekit_where_the_user_stands(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.dev("setup")
    command = checkout.folder / ".venv" / "bin" / "mobilekit"
    command.write_text('#!/bin/sh\npwd; printf "<%s>" "$@"; exit 7\n')
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    run = checkout.dev("mobilekit", "convert", "a model.keras")
    assert run.returncode == 7
    assert run.stdout == f"{tmp_path}\n<convert><a model.keras>"


def test_tests_run_in_the_checkout_with_their_arguments(checkout: Checkout) -> None:
    checkout.tool("chromium", "#!/bin/sh\n")
    run = checkout.dev("test", "tests/a file.py")
    assert run.returncode == 0
    (call,) = checkout.calls("-m pytest")
    assert call.endswith("tests/a file.py")


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert script.rstrip().endswith("exec env MOBILEKIT_REQUIRE_TOOLS=1 ./dev test")
    assert "./dev test" in (ROOT / "README.md").read_text(encoding="utf-8")
