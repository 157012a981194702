"""Both platforms' compilers, for tests that generate a wrapper for each."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "android"), str(TESTS / "ios")]

from android.conftest import kotlin  # noqa: E402
from ios.conftest import swift  # noqa: E402

__all__ = ["kotlin", "swift"]
