"""Asks real delegates about many files, in a process that is replaced where it crashes or hangs."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from mobilekit_converters.errors import MobilekitError
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.coverage import Coverage

_SECONDS = 120.0
"""A small graph takes a tenth of a second, a network one or two, where nothing else runs."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a delegate said of a file, a graph at a time.

    `crash` says how its process ended where it had no time to say anything, `error` why it gave no
    answer.
    """

    coverages: tuple[Coverage, ...] = ()
    crash: str = ""
    error: str = ""


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
            for answer in _answers(receiver, len(waiting)):
                waiting.pop(0)
                yield answer
            if waiting:
                waiting.pop(0)
                yield Measured(crash=_ending(worker))
        finally:
            worker.kill()
            worker.join()
            receiver.close()


def _answers(receiver: Connection, most: int) -> Iterator[Measured]:
    """Yield answers until all are there, the process ended, or none came for too long."""
    for _ in range(most):
        if not receiver.poll(_SECONDS):
            return
        try:
            yield receiver.recv()
        except EOFError:
            return


def _ending(worker: multiprocessing.process.BaseProcess) -> str:
    worker.join(1)
    if worker.exitcode is None:
        return f"no answer in {_SECONDS:g} s"
    if worker.exitcode < 0:
        return signal.Signals(-worker.exitcode).name
    return f"exit status {worker.exitcode}"


def _work(delegate: str, paths: Sequence[Path], sender: Connection) -> None:
    # What native code says the askers have read before it comes here.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for path in paths:
        try:
            answer = Measured(coverages=ASKERS[delegate].ask(path))
        except MobilekitError as error:
            answer = Measured(error=str(error))
        sender.send(answer)
