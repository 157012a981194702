"""Every error that ends a command, each with its exit status and a message that says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MobilekitError(Exception):
    """An error with a message for the user. It reaches the screen as it is, without a traceback.

    The message says what was wrong, where, and what to do about it.
    """

    exit_status = 2


class ProjectError(MobilekitError):
    """The project file or an option is wrong."""


class SourceError(MobilekitError):
    """The source cannot be read, or holds what no release may hold."""


class UntrustedSourceError(SourceError):
    """The source would run code of its own while it loads, and nobody said to trust it."""


class DataError(MobilekitError):
    """Calibration or evaluation data is missing or wrong."""


class OutputError(MobilekitError):
    """The release folder cannot be written."""


class ConversionError(MobilekitError):
    """One variant could not be made. It fails that variant, and the release, but nothing else."""

    exit_status = 1


class TargetError(MobilekitError):
    """A target could not load or run an artifact. It fails that check, and nothing else."""

    exit_status = 1


class UnsupportedError(MobilekitError):
    """A target does not know something in an artifact, so its check is `not_run`, with this reason.

    It is for what nobody can call wrong: an operator that an evaluator does not know, a graph of
    which an accelerator takes nothing.
    """

    exit_status = 1


class ToolMissingError(MobilekitError):
    """A tool or a target that was required is not on this machine."""

    exit_status = 3


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the known name nearest to `name`, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {matches[0]!r}?" if matches else ""
