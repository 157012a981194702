"""Every command of the README is run, in a folder as empty as a newcomer's."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "dev"
README = (ROOT / "README.md").read_text("utf-8")


def commands() -> list[list[str]]:
    """The README's indented command lines, without their comments."""
    lines = re.findall(r"^ {4}(\./dev .*)$", README, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def test_the_first_screen_has_two_commands() -> None:
    assert commands()[:2] == [
        ["./dev", "mobilekit", "convert", "examples/digits"],
        ["./dev", "test"],
    ]


@pytest.mark.skipif(
    not (ROOT / ".venv" / "bin" / "mobilekit").exists(), reason="./dev has not set up .venv here"
)
def test_every_mobilekit_command_runs(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "model.keras").write_bytes((ROOT / "examples/digits/digits.keras").read_bytes())
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    wanted = [words for words in commands() if words[1] == "mobilekit"]
    assert len(wanted) >= 4
    for words in wanted:
        done = subprocess.run(
            [str(DEV), *words[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{shlex.join(words)}: {done.stderr}"


def test_the_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
