"""The checks of the code, as tests: so one summary line tells of them and of everything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CHECKS = {
    "ruff": ("ruff", "check", "--no-cache"),
    "format": ("ruff", "format", "--check", "--no-cache"),
    "mypy": ("mypy",),  # Strict; pyproject.toml names the three packages.
}


@pytest.mark.parametrize("check", CHECKS)
def test_code_is_clean(check: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *CHECKS[check]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
