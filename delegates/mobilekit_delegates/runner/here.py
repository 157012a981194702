"""The runner in a process on this machine: of another Python, or under an emulator."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mobilekit_delegates.runner.job import RUNNER, Ended


def run_here(python: Sequence[str], folder: Path) -> Ended:
    """Run the job in a folder with the command of a Python.

    The process stays in this one's group, so it ends with the job that a check runs in. It gets no
    variables of ours: `PYTHONPATH` and the like are another Python's.
    """
    done = subprocess.run(
        [*python, str(RUNNER), str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.defpath},
        text=True,
        errors="replace",
        check=False,
    )
    # The check's log holds it too.
    print(done.stdout, file=sys.stderr, end="")
    return Ended(status=done.returncode, log=done.stdout)
