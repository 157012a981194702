"""Tools that some tests need and that a machine may lack."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

from mobilekit_delegates.targets import target

REQUIRE = "MOBILEKIT_REQUIRE_TOOLS"


def require_tool(name: str) -> str:
    """Return the path of a program.

    Where it is missing the test is skipped with the reason, or fails if
    `MOBILEKIT_REQUIRE_TOOLS` is `1`, as it is where everything is meant to run.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"The program {name!r} is not on this machine; install it to run this test."
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{reason} {REQUIRE}=1 does not allow to skip it.", pytrace=False)
    pytest.skip(reason)


def require_target(name: str) -> None:
    """Go on where a target can be reached here; else skip with its reason, or fail as above."""
    missing = target(name).missing()
    if missing is None:
        return
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{missing} {REQUIRE}=1 does not allow to skip it.", pytrace=False)
    pytest.skip(str(missing))


def without(reason: str) -> NoReturn:
    """Skip a test for want of something that is no program, or fail as above."""
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{reason} {REQUIRE}=1 does not allow to skip it.", pytrace=False)
    pytest.skip(reason)
