"""What a person sees while a build runs: live lines on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import TaskID

Outcome = Literal["ok", "unchanged", "not run", "FAILED"]

_STYLES: dict[Outcome, str] = {
    "ok": "green",
    "unchanged": "dim green",
    "not run": "yellow",
    "FAILED": "bold red",
}


class Progress(Protocol):
    """Hears of each step of a build. A step is named for people: `tflite-int8 on cpu`."""

    def start(self, step: str) -> None:
        """A step starts."""

    def finish(self, step: str, outcome: Outcome, details: str = "") -> None:
        """A step ended; `details` are a few words. A step that never started may end too."""


class PlainProgress:
    """One line for each step that ended, with the seconds since the beginning."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()

    def start(self, step: str) -> None:
        """Say nothing: in a log only results are worth a line."""

    def finish(self, step: str, outcome: Outcome, details: str = "") -> None:
        """Print the step's line."""
        seconds = time.monotonic() - self._began
        line = f"[{seconds:6.1f} s] {outcome:9} {step}{': ' if details else ''}{details}"
        print(line, file=self._stream, flush=True)


class LiveProgress:
    """The running steps, each with its elapsed time, below the lines of those that ended."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Display
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True, highlight=False)
        self._display = Display(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._steps: dict[str, TaskID] = {}

    def start(self, step: str) -> None:
        """Show the step as running."""
        self._steps[step] = self._display.add_task(step, total=None)

    def finish(self, step: str, outcome: Outcome, details: str = "") -> None:
        """Replace the running step by its line."""
        from rich.text import Text

        if step in self._steps:
            self._display.remove_task(self._steps.pop(step))
        mark = Text(f"{outcome:9}", style=_STYLES[outcome])
        self._console.print(Text.assemble(mark, " ", step, ("  " + details, "dim")))

    def __enter__(self) -> LiveProgress:
        self._display.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._display.stop()


@contextmanager
def progress_for(stream: TextIO = sys.stderr) -> Iterator[Progress]:
    """Give the display that fits where the output goes."""
    if stream.isatty():
        with LiveProgress() as live:
            yield live
    else:
        yield PlainProgress(stream)
