from __future__ import annotations

import io
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

from mobilekit.progress import PlainProgress, progress_for

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits"


def test_a_plain_line_for_each_step_that_ended() -> None:
    stream = io.StringIO()
    with progress_for(stream) as progress:
        assert isinstance(progress, PlainProgress)
        progress.start("tflite-int8")
        progress.finish("tflite-int8", "ok", "0.03 MB")
        progress.finish("tflite-int8 on cpu", "FAILED", "Out of budget.")
        progress.finish("coreml-fp16 on coreml", "not run")
    first, second, third = stream.getvalue().splitlines()
    assert first.endswith("s] ok        tflite-int8: 0.03 MB")
    assert second.endswith("s] FAILED    tflite-int8 on cpu: Out of budget.")
    assert third.endswith("s] not run   coreml-fp16 on coreml")


def test_a_terminal_shows_what_runs_and_its_time(tmp_path: Path) -> None:
    """On a real pseudo-terminal: what runs with its elapsed time, then what became of it."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mobilekit", "convert", DIGITS, "--variant", "tflite-fp32"],
        cwd=tmp_path,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TERM": "xterm-256color"},
    )
    os.close(terminal)
    shown = _read_all(controller, process)
    assert process.wait(timeout=10) == 0, shown
    assert "golden" in shown
    assert "0:00:0" in shown
    assert "DigitClassifier: PASS" in shown
    assert "Failed to load" not in shown


def _read_all(controller: int, process: subprocess.Popen[bytes]) -> str:
    shown = b""
    while True:
        ready, _, _ = select.select([controller], [], [], 0.2)
        if not ready:
            if process.poll() is not None:
                return shown.decode("utf-8", "replace")
            continue
        try:
            shown += os.read(controller, 65536)
        except OSError:  # Linux's way to say that the other end is closed.
            return shown.decode("utf-8", "replace")
