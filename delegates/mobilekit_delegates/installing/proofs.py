"""The proof that what was installed runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from mobilekit_converters.errors import ToolMissingError
from mobilekit_delegates.runner.job import RUNNER, exit_text

_TIMEOUT_SECONDS = 300
_LINES_OF_LOG = 5


def describe_runner(python: Sequence[str]) -> str:
    """Start the runner with a Python; return the runtime that it found there.

    Raises:
        ToolMissingError: it does not start, or finds none.
    """
    command = [*python, str(RUNNER), "--describe"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
        return str(json.loads(done.stdout)["runtime"])
    except subprocess.CalledProcessError as error:
        why = exit_text(error.returncode)
        said = "; ".join(error.stderr.splitlines()[-_LINES_OF_LOG:])
    except subprocess.TimeoutExpired:
        why, said = f"no end after {_TIMEOUT_SECONDS} s", ""
    raise ToolMissingError(
        f"What was installed does not run, so it was removed: {why} of {' '.join(command)}: {said}"
    )
