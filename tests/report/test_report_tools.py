from __future__ import annotations

from pathlib import Path

import pytest
from tools import REQUIRE, require_tool


def test_a_program_that_is_there_is_found() -> None:
    assert Path(require_tool("sh")).is_file()


def test_a_missing_program_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="'no-such-program' is not on this machine"):
        require_tool("no-such-program")


def test_a_missing_program_fails_where_it_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match="MOBILEKIT_REQUIRE_TOOLS=1"):
        require_tool("no-such-program")
