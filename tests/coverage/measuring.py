"""Asks real delegates about many files, in a process that is replaced where it crashes or hangs."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mobilekit_converters.errors import MobilekitError
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.coverage import Coverage

_SECONDS = 60.0
"""No graph of the corpus takes a second; a software device may be shared with others."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a delegate said of a file; a text says why it said nothing."""

    coverages: tuple[Coverage, ...] = ()
    failure: str = ""


def measure(delegate: str, paths: Sequence[Path]) -> Iterator[Measured]:
    """Yield what a delegate says of each file, in their order."""
    context = multiprocessing.get_context("spawn")
    waiting = list(paths)
    while waiting:
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(delegate, waiting, sender), daemon=True)
        worker.start()
        sender.close()
        try:
            yield from _answers(receiver, waiting)
            if waiting:
                worker.kill() if worker.is_alive() and not receiver.poll(1) else None
                worker.join()
                yield Measured(failure=_ending(worker.exitcode))
                waiting.pop(0)
        finally:
            worker.kill()
            worker.join()
            receiver.close()


def _answers(receiver: Connection, waiting: list[Path]) -> Iterator[Measured]:
    """Yield answers and take their files away, until there is none for too long."""
    while waiting and receiver.poll(_SECONDS):
        try:
            answer = receiver.recv()
        except EOFError:
            return
        waiting.pop(0)
        yield answer


def _work(delegate: str, paths: Sequence[Path], sender: Connection) -> None:
    _be_quiet()
    for path in paths:
        sender.send(_ask(delegate, path))


def _ask(delegate: str, path: Path) -> Measured:
    try:
        return Measured(coverages=ASKERS[delegate].ask(path))
    except MobilekitError as error:
        return Measured(failure=str(error))


def _be_quiet() -> None:
    """Send what native code says nowhere: the askers read it before."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _ending(code: int | None) -> str:
    with contextlib.suppress(ValueError, TypeError):
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            return "it does not answer" if name == "SIGKILL" else f"it ends its process: {name}"
    return f"it ends its process: exit status {code}"


__all__ = ["Any", "Measured", "measure"]
