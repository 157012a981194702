"""The command in a folder of its own, and the maker of small files from beside."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest
from inspecting_command import Inspect, run_inspect

sys.path.append(str(Path(__file__).resolve().parents[1] / "coverage"))


@pytest.fixture
def inspect(tmp_path: Path) -> Inspect:
    return functools.partial(run_inspect, tmp_path)
