"""Asks native code about many files, in a process that is replaced where it crashes or hangs."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mobilekit_converters.errors import MobilekitError
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.coverage import Coverage

_SECONDS = 120.0
"""A small graph takes a tenth of a second, a network one or two, where nothing else runs."""


@dataclass(frozen=True, kw_only=True)
class Crash:
    """How a process ended that had no time to answer."""

    ending: str


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
    for answer in answers(functools.partial(_ask, delegate), paths):
        yield Measured(crash=answer.ending) if isinstance(answer, Crash) else answer


def runs_in_litert(paths: Sequence[Path]) -> Iterator[bool]:
    """Yield for each file whether LiteRT's plain kernels accept it, with the shapes it gives."""
    for answer in answers(_runs, paths):
        yield answer is True


def answers(function: Callable[[Path], Any], paths: Sequence[Path]) -> Iterator[Any]:
    """Yield what a function of a module returns for each path, or the crash that it ends in."""
    context = multiprocessing.get_context("spawn")
    waiting = list(paths)
    while waiting:
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(function, waiting, sender), daemon=True)
        worker.start()
        sender.close()
        try:
            for answer in _received(receiver, len(waiting)):
                waiting.pop(0)
                yield answer
            if waiting:
                waiting.pop(0)
                yield Crash(ending=_ending(worker))
        finally:
            worker.kill()
            worker.join()
            receiver.close()


def _received(receiver: Connection, most: int) -> Iterator[Any]:
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


def _work(function: Callable[[Path], Any], paths: Sequence[Path], sender: Connection) -> None:
    # What native code says the askers have read before it comes here.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for path in paths:
        sender.send(function(path))


def _ask(delegate: str, path: Path) -> Measured:
    try:
        return Measured(coverages=ASKERS[delegate].ask(path))
    except MobilekitError as error:
        return Measured(error=str(error))


def _runs(path: Path) -> bool:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from mobilekit_converters.tflite.operator_graph import read_graphs

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        interpreter = Interpreter(str(path), experimental_op_resolver_type=plain)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError):
        return False
    known = {tensor["index"]: tuple(tensor["shape"]) for tensor in interpreter.get_tensor_details()}
    tensors = read_graphs(path)[0].tensors
    return all(known.get(index, given.shape) == given.shape for index, given in enumerate(tensors))
