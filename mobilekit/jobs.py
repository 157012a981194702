"""Runs work in processes of their own: in parallel, within a memory bound, each with its own log.

A job is a module-level function and its arguments. Whatever happens to its process (a crash in
native code, too much memory, too much time) becomes that job's outcome and touches nothing else.
On Linux the processes are forked from a server that has imported the converters once, which costs
milliseconds instead of seconds; elsewhere each starts afresh.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import connection as mp_connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilekit_converters.errors import MobilekitError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_POLL_SECONDS = 0.2
_PRELOADED = ("mobilekit.preload",)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work.

    It starts when the jobs named in `after` have succeeded. Among those that could start, the one
    with the highest `cost` does. `memory` is the expected peak in bytes.
    """

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]
    after: tuple[str, ...] = ()
    cost: float = 1
    memory: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a job: its `value`, or the `error` that ended it. `log` holds its output."""

    job: Job
    log: Path
    seconds: float
    value: Any = None
    error: Exception | None = None


class JobCrashedError(Exception):
    """The job's process ended, or had to be ended, without an answer."""


class JobSkippedError(Exception):
    """The job never started, because a job that it needs did not succeed."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds: `workers` processes at once, `memory` bytes in all, `seconds` for each job."""

    workers: int
    memory: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class _Running:
    job: Job
    process: BaseProcess
    receiver: mp_connection.Connection
    log: Path
    started: float = field(default_factory=time.monotonic)


def run_jobs(
    jobs: list[Job],
    *,
    limits: Limits,
    logs: Path,
    on_start: Callable[[Job], None] = lambda _: None,
    preload: tuple[str, ...] = _PRELOADED,
) -> Iterator[Outcome]:
    """Run all jobs and yield each one's outcome as it comes.

    Leaving the iterator early, Ctrl-C included, ends every process that is still running.

    Args:
        jobs: at most one of each name; `after` names jobs of this list.
        limits: the bounds to keep.
        logs: a folder that gets one file per job, and the jobs' temporary files.
        on_start: called as each job starts.
        preload: modules that the server of the processes imports. The first call decides: the
            server stays for the next.
    """
    context = _context(logs, preload) if jobs else None
    waiting = sorted(jobs, key=lambda job: -job.cost)
    done: dict[str, bool] = {}
    running: list[_Running] = []
    try:
        while waiting or running:
            for job in [
                job for job in waiting if any(done.get(name) is False for name in job.after)
            ]:
                waiting.remove(job)
                done[job.name] = False
                yield _skipped(job, done, logs)
            for job in _startable(waiting, done, running, limits):
                assert context is not None
                waiting.remove(job)
                on_start(job)
                running.append(_start(context, job, logs))
            for entry in _ended(running, limits):
                running.remove(entry[0])
                outcome = _outcome(*entry)
                done[outcome.job.name] = outcome.error is None
                yield outcome
    finally:
        for left in running:
            _kill(left.process)


def _skipped(job: Job, done: dict[str, bool], logs: Path) -> Outcome:
    needed = next(name for name in job.after if done.get(name) is False)
    error = JobSkippedError(f"not started, because {needed} failed")
    return Outcome(job=job, log=_log_path(logs, job), seconds=0, error=error)


def _startable(
    waiting: list[Job], done: dict[str, bool], running: list[_Running], limits: Limits
) -> list[Job]:
    """Choose what starts now. One job always may run, however much memory it expects."""
    places = limits.workers - len(running)
    memory = limits.memory - sum(entry.job.memory for entry in running)
    chosen: list[Job] = []
    for job in waiting:
        if places == 0:
            break
        ready = all(done.get(name) for name in job.after)
        if ready and (job.memory <= memory or not (running or chosen)):
            chosen.append(job)
            places -= 1
            memory -= job.memory
    return chosen


def _context(logs: Path, preload: tuple[str, ...]) -> BaseContext:
    """Return the way to start processes, with its server running and its chatter in `logs`."""
    if not sys.platform.startswith("linux"):
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    with _output_to(logs / "imports.log"):
        forkserver.ensure_running()
    return context


@contextlib.contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Send this process's standard output and error, native code's too, to a file for a while."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with path.open("ab", buffering=0) as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    try:
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)


def _log_path(logs: Path, job: Job) -> Path:
    return logs / f"{job.name.replace('/', '_')}.log"


def _start(context: BaseContext, job: Job, logs: Path) -> _Running:
    receiver, sender = context.Pipe(duplex=False)
    log = _log_path(logs, job)
    log.touch()
    process = context.Process(  # type: ignore[attr-defined]
        target=_work, args=(job.function, job.arguments, sender, log), name=job.name
    )
    process.start()
    sender.close()
    return _Running(job=job, process=process, receiver=receiver, log=log)


def _work(
    function: Callable[..., Any],
    arguments: dict[str, Any],
    sender: mp_connection.Connection,
    log: Path,
) -> None:
    """The body of a worker process: run the function, send back its value or its error."""
    # A group of its own, so that what the job starts (an emulator, a device's client) ends with it.
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a killed process leaves behind goes with the folder of the logs.
    tempfile.tempdir = str(log.parent)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    stream = log.open("ab", buffering=0)
    os.dup2(stream.fileno(), 1)
    os.dup2(stream.fileno(), 2)
    answer: tuple[Any, Exception | None]
    try:
        answer = (function(**arguments), None)
        payload = pickle.dumps(answer)
    except Exception as error:
        traceback.print_exc()
        payload = pickle.dumps((None, _portable(error)))
    sys.stdout.flush()
    sys.stderr.flush()
    sender.send_bytes(payload)
    sender.close()


def _portable(error: Exception) -> Exception:
    """Return an exception that survives the way to another process."""
    if isinstance(error, MobilekitError):
        return type(error)(str(error))
    if isinstance(error, OSError):
        return OSError(error.errno, error.strerror or str(error), error.filename)
    return JobCrashedError(f"{type(error).__name__}: {error}")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        mp_connection.wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)


def _ended(running: list[_Running], limits: Limits) -> list[tuple[_Running, str]]:
    """Wait a moment, and return what ended, each with why it had to be ended, if it had to."""
    mp_connection.wait([entry.receiver for entry in running], timeout=_POLL_SECONDS)
    ended = []
    for entry in running:
        if entry.receiver.poll():
            ended.append((entry, ""))
        elif why := _over_limit(entry, limits):
            _kill(entry.process)
            ended.append((entry, why))
    return ended


def _over_limit(entry: _Running, limits: Limits) -> str:
    import psutil

    if time.monotonic() - entry.started > limits.seconds:
        return f"it took longer than {limits.seconds:g} s"
    try:
        worker = psutil.Process(entry.process.pid)
        family = (worker, *worker.children(recursive=True))
        memory = sum(member.memory_info().rss for member in family)
    except psutil.NoSuchProcess:
        return ""
    if memory > limits.memory:
        return f"it used more than {limits.memory / 2**30:.1f} GiB of memory"
    return ""


def _kill(process: BaseProcess) -> None:
    """End a worker and all that it started."""
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        # There is no such group where the worker has not made it yet, or is gone with all its own.
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _outcome(entry: _Running, why: str) -> Outcome:
    value, error = (None, JobCrashedError(why)) if why else _answer(entry)
    entry.receiver.close()
    return Outcome(
        job=entry.job,
        log=entry.log,
        seconds=time.monotonic() - entry.started,
        value=value,
        error=error,
    )


def _answer(entry: _Running) -> tuple[Any, Exception | None]:
    try:
        answer: tuple[Any, Exception | None] = pickle.loads(entry.receiver.recv_bytes())
    except EOFError:
        entry.process.join()
        return None, JobCrashedError(f"its process ended: {_exit_text(entry.process.exitcode)}")
    entry.process.join()
    return answer


def _exit_text(code: int | None) -> str:
    if code is not None and code < 0:
        return f"{signal.Signals(-code).name} ({signal.strsignal(-code)})"
    return f"exit status {code}"
