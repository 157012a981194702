"""Runs `mobilekit` as a user does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits"
MODELS = ROOT.parent / "shared" / "models"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that ended: its exit status and what it printed."""

    status: int
    output: str
    errors: str

    def json(self) -> Any:
        return json.loads(self.output)


Run = Callable[..., Ended]
"""What the fixture `run` gives: `mobilekit` in the test's own folder."""


def mobilekit(*arguments: str | Path, cache: Path, cwd: Path) -> Ended:
    """Run the command with a cache folder of its own, which the environment names."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mobilekit", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return Ended(status=done.returncode, output=done.stdout, errors=done.stderr)


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def left_in(folder: Path) -> list[str]:
    """Return the names of what lies in a folder, hidden files included."""
    return sorted(path.name for path in folder.iterdir())
