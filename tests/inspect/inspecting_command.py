"""Runs `mobilekit inspect` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that ended, with what lies in its folder."""

    status: int
    output: str
    errors: str
    left: tuple[str, ...]


Inspect = Callable[..., Ended]
"""What the fixture `inspect` gives: the command in the test's own folder."""


def run_inspect(folder: Path, *arguments: str | Path) -> Ended:
    """Run the command. It never ends with a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "mobilekit", "inspect", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(
        status=done.returncode,
        output=done.stdout,
        errors=done.stderr,
        left=tuple(sorted(path.name for path in folder.iterdir())),
    )


def words(text: str) -> str:
    """A text on one line, however it was wrapped."""
    return " ".join(text.split())
