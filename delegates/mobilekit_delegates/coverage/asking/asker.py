"""What can be asked of a delegate that is here."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.targets.target import Missing


class Asker(Protocol):
    """Asks a real delegate which nodes it takes.

    Its code is native and may crash or hang: whoever asks does so in a process of its own.
    """

    def missing(self) -> Missing | None:
        """Say what this machine lacks to ask the delegate; nothing heavy is loaded for it."""
        ...

    def ask(self, path: Path) -> tuple[Coverage, ...]:
        """Return what the delegate takes of a file, with basis "measured": a graph at a time.

        Raises:
            SourceError: the file cannot be read.
            TargetError: the delegate gave no answer, or none that can be read; the message says
                what it said.
        """
        ...
