"""A stand-in phone: Debian's own adb daemon, with stand-ins for Android's programs beside it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.boards import Board
from tools import require_tool

PROGRAMS = Path(__file__).parent / "programs.py"
TOLD_APP = Path(__file__).parent / "told_app.py"

TOOLS = ("sh", "cat", "kill", "mkdir", "mktemp", "rm", "setsid", "sleep", "tar")
"""Programs that Android has, and that do there what they do here."""


@dataclass(frozen=True, kw_only=True)
class Phone:
    """`folder` holds its packages and what happened on it."""

    board: Board
    folder: Path

    @property
    def target(self) -> str:
        """The device's name in targets."""
        return self.board.device

    def set(self, **settings: Any) -> None:
        """Make it another kind of phone; see `programs.DEFAULTS`."""
        path = self.folder / "settings.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))

    def run(self, program: str, *arguments: str) -> str:
        """Run a program as somebody does who sits before it; return what it says."""
        return subprocess.run(
            (sys.executable, str(PROGRAMS), str(self.folder), program, *arguments),
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def install(self, apk: Path) -> None:
        """Install an app that is then there before."""
        self.run("pm", "install", "-t", str(apk))

    def tell(self, files: Mapping[str, bytes], seconds: float = 0) -> None:
        """Let test apps leave these files in their results, after so many seconds."""
        folder = self.folder / "told"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        app = (sys.executable, "-I", "-S", str(TOLD_APP), "{installed}", "{arguments}")
        self.set(app=(*app, str(folder), str(seconds)))

    def installed(self) -> list[str]:
        """Return the packages that are there."""
        return sorted(path.name for path in (self.folder / "packages").iterdir())

    def calls(self, program: str) -> list[str]:
        """Return how a program was called, so far."""
        lines = (self.folder / "calls.log").read_text().splitlines()
        return [line for line in lines if line.partition(" ")[0] == program]

    def logcat(self) -> str:
        """Return what apps said."""
        path = self.folder / "logcat.txt"
        return path.read_text("utf-8", "replace") if path.exists() else ""


def make_phone(board: Board, folder: Path, shell: str = "/bin/sh") -> Phone:
    """Make a phone of a board behind adb's daemon. `shell` is what runs its shell text."""
    (folder / "packages").mkdir(parents=True)
    (folder / "settings.json").write_text("{}")
    (folder / "calls.log").touch()
    for program in ("getprop", "pm", "am", "run-as"):
        command = (sys.executable, "-I", "-S", str(PROGRAMS), str(folder), program)
        board.program(program, f'exec {shlex.join(command)} "$@"')
    _leave_only(board, TOOLS, shell)
    return Phone(board=board, folder=folder)


def _leave_only(board: Board, tools: Iterable[str], shell: str) -> None:
    """Leave on the board's search path its programs and some of the system's: no Python, say."""
    bare = board.programs.parent / "bare"
    board.programs.rename(bare)
    for tool in tools:
        if not (bare / tool).exists():
            (bare / tool).symlink_to(shell if tool == "sh" else require_tool(tool))
    board.programs.mkdir()
    # The one program that is found first hides the system's.
    board.program("sh", f'PATH={shlex.quote(str(bare))} exec {shell} "$@"')


def write_apk(
    path: Path, package: str, *assets: Path, version: int = 1, signature: str = "ours"
) -> None:
    """Write a stand-in for a test APK: a manifest as JSON, and assets, which are as in a real one.

    Args:
        path: where it goes; its folder is made.
        package: what it is called.
        assets: folders of assets, merged.
        version: its version code.
        signature: whose key it was signed with.
    """
    manifest = {
        "package": package,
        "versionCode": version,
        "signature": signature,
        "testOnly": True,
        "runner": "androidx.test.runner.AndroidJUnitRunner",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("AndroidManifest.xml", json.dumps(manifest))
        for folder in assets:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    archive.write(file, f"assets/{file.relative_to(folder).as_posix()}")
