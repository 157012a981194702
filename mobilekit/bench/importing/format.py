"""What every format of results looks like."""

from __future__ import annotations

from typing import Protocol

from mobilekit.bench.importing.content import Content
from mobilekit.bench.results import Benchmark


class ResultFormat(Protocol):
    """A module that reads what one tool writes."""

    NAME: str
    """What the file is, such as `the JSON of litert-benchmark --result_json`."""

    def recognises(self, content: Content) -> bool:
        """Say whether a file is of this format; a damaged one may still be."""

    def read(self, content: Content) -> tuple[Benchmark, ...]:
        """Return what was measured, at least one.

        `variant` and `target` are empty where the file does not tell, and so is `file_sha256`.
        What the tool does not report stays NaN or None.

        Raises:
            DataError: the file is damaged, of a version that is not known, or what it says cannot
                be.
        """
