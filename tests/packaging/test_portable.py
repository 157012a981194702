"""Nothing that is committed knows the machine it was written on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MACHINE_PATH = re.compile(r"(?<![\w.}~])/(?:root|work|home|Users)\b(?!\.)")


def committed_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def machine_paths(text: str) -> list[str]:
    return [match[0] for match in MACHINE_PATH.finditer(text)]


def test_no_committed_text_names_a_path_of_one_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout, so what is committed is not known")
    found = {}
    for path in committed_files():
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # Binary, or removed and not committed yet.
        if paths := machine_paths(text):
            found[path.relative_to(ROOT).as_posix()] = paths
    assert not found


def test_machine_paths_are_recognised() -> None:
    home = "/" + "home"
    assert machine_paths(f"see {home}/me/model.keras") == [home]
    assert machine_paths(f"models{home}/model.keras and https://example.org/home.html") == []
