"""What a framework raised while it loaded a file, as one sentence for a person."""

from __future__ import annotations

from pathlib import Path

from mobilekit_converters.errors import SourceError

_LONGEST = 400


def first_line(error: BaseException) -> str:
    """Return the first line of an error that says something, cut to a readable length."""
    lines = (line.strip() for line in str(error).splitlines())
    line = next((line for line in lines if any(map(str.isalnum, line))), type(error).__name__)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def load_error(path: Path, framework: str, error: BaseException, hint: str = "") -> SourceError:
    """Return the error of a file that a framework could not load. Raise it `from error`."""
    advice = hint or "Check that the file is whole, and that the same version saved it."
    cause = f"{first_line(error)} [{type(error).__name__}]"
    return SourceError(f"{framework} cannot load {path.name}: {cause} {advice}")
