from __future__ import annotations

from pathlib import Path

import pytest
from programs import Build, package


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Make a package of a function of MIL's builder."""
    return lambda *arguments, **options: package(
        tmp_path / "program.mlpackage", *arguments, **options
    )
