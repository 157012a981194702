"""What a framework raised while it loaded a file, as one sentence for a person."""

from __future__ import annotations

import re
from pathlib import Path

from mobilekit_converters.errors import SourceError

_LONGEST = 400
_TERMINAL_CODES = re.compile("\x1b\\[[0-9;]*m")
_FRAMES = ("Exception encountered when calling", "in user code:", "File ")
"""What Keras and TensorFlow put before the cause."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error that says something, cut to a readable length."""
    text = _TERMINAL_CODES.sub("", str(error))
    lines = [line.strip() for line in text.splitlines() if any(map(str.isalnum, line))]
    line = next((line for line in lines if not line.startswith(_FRAMES)), type(error).__name__)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def load_error(path: Path, framework: str, error: BaseException, hint: str = "") -> SourceError:
    """Return the error of a file that a framework could not load. Raise it `from error`."""
    advice = hint or "Check that the file is whole, and that the same version saved it."
    cause = f"{first_line(error)} [{type(error).__name__}]"
    return SourceError(f"{framework} cannot load {path.name}: {cause} {advice}")
