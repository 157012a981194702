from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from mobilekit.jobs import Job, JobCrashedError, JobSkippedError, Limits, Outcome, run_jobs
from mobilekit_converters.errors import DataError

LIMITS = Limits(workers=2, memory=8 * 2**30, seconds=120)


def double(number: int) -> int:
    print("doubling", number)
    os.write(2, b"from native code\n")
    return 2 * number


def wrong_data() -> None:
    raise DataError("the data is wrong")


def broken() -> None:
    raise ZeroDivisionError("by nothing")


def unpicklable() -> Any:
    return lambda: None


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave() -> None:
    os._exit(7)


def hang() -> None:
    time.sleep(3600)


def start_and_hang(mark: Path) -> None:
    child = subprocess.Popen(["sleep", "3600"])
    mark.write_text(str(child.pid))
    child.wait()


def fill_memory_elsewhere() -> None:
    code = "x = bytearray(1500 * 2**20); x[::4096] = b'x' * len(x[::4096]); import time"
    subprocess.run([sys.executable, "-c", f"{code}; time.sleep(3600)"], check=False)


def fill_memory() -> int:
    block = bytearray(1500 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    time.sleep(3600)
    return len(block)


def mark(folder: Path, name: str) -> None:
    (folder / name).touch()
    time.sleep(3600)


def run(tmp_path: Path, *jobs: Job, limits: Limits = LIMITS) -> dict[str, Outcome]:
    return {o.job.name: o for o in run_jobs(list(jobs), limits=limits, logs=tmp_path)}


def job(function: Any, name: str = "", **fields: Any) -> Job:
    arguments = fields.pop("arguments", {})
    return Job(name=name or function.__name__, function=function, arguments=arguments, **fields)


def test_a_value_comes_back_and_output_goes_to_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = run(tmp_path, job(double, arguments={"number": 21}))["double"]
    assert (outcome.value, outcome.error) == (42, None)
    assert set(outcome.log.read_text().splitlines()) == {"doubling 21", "from native code"}
    assert capfd.readouterr() == ("", "")


def test_an_error_for_the_user_keeps_its_class_and_words(tmp_path: Path) -> None:
    error = run(tmp_path, job(wrong_data))["wrong_data"].error
    assert isinstance(error, DataError)
    assert str(error) == "the data is wrong"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (broken, "ZeroDivisionError: by nothing"),
        (unpicklable, "pickle"),
        (crash, "SIGSEGV"),
        (leave, "exit status 7"),
    ],
)
def test_a_crash_ends_its_own_job_alone(tmp_path: Path, function: Any, words: str) -> None:
    outcomes = run(tmp_path, job(function), job(double, arguments={"number": 1}))
    error = outcomes[function.__name__].error
    assert isinstance(error, JobCrashedError)
    assert words in str(error)
    assert outcomes["double"].value == 2


def test_the_traceback_is_in_the_log(tmp_path: Path) -> None:
    assert "in broken" in run(tmp_path, job(broken))["broken"].log.read_text()


def test_a_job_that_hangs_is_ended(tmp_path: Path) -> None:
    limits = Limits(workers=1, memory=LIMITS.memory, seconds=1)
    error = run(tmp_path, job(hang), limits=limits)["hang"].error
    assert "longer than 1 s" in str(error)


def test_what_a_job_started_ends_with_it(tmp_path: Path) -> None:
    limits = Limits(workers=1, memory=8 * 2**30, seconds=2)
    mark = tmp_path / "pid"
    ended = run(tmp_path, job(start_and_hang, arguments={"mark": mark}), limits=limits)
    assert "longer than 2 s" in str(ended["start_and_hang"].error)
    deadline = time.monotonic() + 30
    while psutil.pid_exists(int(mark.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(mark.read_text()))


def test_the_memory_of_what_a_job_started_counts(tmp_path: Path) -> None:
    limits = Limits(workers=1, memory=2**30, seconds=120)
    ended = run(tmp_path, job(fill_memory_elsewhere), limits=limits)
    assert "more than 1.0 GiB" in str(ended["fill_memory_elsewhere"].error)


def test_a_job_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    limits = Limits(workers=1, memory=2**30, seconds=120)
    error = run(tmp_path, job(fill_memory), limits=limits)["fill_memory"].error
    assert "more than 1.0 GiB" in str(error)


def test_what_needs_a_failed_job_is_skipped(tmp_path: Path) -> None:
    outcomes = run(
        tmp_path,
        job(broken),
        job(double, name="child", arguments={"number": 1}, after=("broken",)),
        job(double, name="grandchild", arguments={"number": 1}, after=("child",)),
    )
    assert isinstance(outcomes["child"].error, JobSkippedError)
    assert isinstance(outcomes["grandchild"].error, JobSkippedError)


def test_order_follows_needs_and_then_cost(tmp_path: Path) -> None:
    order: list[str] = []
    jobs = [
        job(double, name="cheap", arguments={"number": 1}, cost=1),
        job(double, name="dear", arguments={"number": 1}, cost=9),
        job(double, name="last", arguments={"number": 1}, cost=99, after=("cheap",)),
    ]
    one = Limits(workers=1, memory=LIMITS.memory, seconds=120)
    for _ in run_jobs(jobs, limits=one, logs=tmp_path, on_start=lambda j: order.append(j.name)):
        pass
    assert order == ["dear", "cheap", "last"]


def test_jobs_that_expect_much_memory_run_one_after_another(tmp_path: Path) -> None:
    alive = most = 0

    def started(_: Job) -> None:
        nonlocal alive, most
        alive += 1
        most = max(most, alive)

    jobs = [job(double, name=str(n), arguments={"number": n}, memory=5 * 2**30) for n in range(3)]
    for _ in run_jobs(jobs, limits=LIMITS, logs=tmp_path, on_start=started):
        alive -= 1
    assert most == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_leaving_early_ends_what_runs(tmp_path: Path) -> None:
    jobs = [
        job(mark, arguments={"folder": tmp_path, "name": "a"}),
        job(double, arguments={"number": 1}),
    ]
    outcomes = run_jobs(jobs, limits=LIMITS, logs=tmp_path)
    next(outcomes)
    outcomes.close()
    running = [
        path
        for path in Path("/proc").glob("[0-9]*/fd/1")
        if os.path.lexists(path) and os.path.realpath(path) == str(tmp_path / "mark.log")
    ]
    assert running == []
