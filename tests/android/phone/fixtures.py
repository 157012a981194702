"""A stand-in phone, and adb's server for it, for tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from devices.boards import adb_board, answers, daemon, eventually, free_port
from phone.phones import Phone, make_phone
from tools import require_tool


@pytest.fixture
def phone_shell() -> str:
    """The shell of a phone: Android's, where it is here."""
    return shutil.which("mksh") or "/bin/sh"


@pytest.fixture
def phone(tmp_path: Path, phone_shell: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Phone]:
    port = free_port()
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    # A device's lock stays where temporary files go.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    command = (require_tool("adb"), "-P", str(port), "nodaemon", "server")
    (tmp_path / "board").mkdir()
    with daemon(command, tmp_path / "server.log", {**os.environ, "HOME": str(tmp_path)}):
        assert eventually(lambda: answers(port))
        with adb_board(tmp_path / "board") as board:
            yield make_phone(board, tmp_path / "phone", phone_shell)
