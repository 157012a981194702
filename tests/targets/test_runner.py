"""The runner in a process of its own, with the LiteRT of this machine as its runtime."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from mobilekit.jobs import Job, Limits, run_jobs
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, TargetError
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_delegates.runner import runner
from mobilekit_delegates.runner.here import run_here
from mobilekit_delegates.runner.job import (
    RUNNER,
    Ended,
    Result,
    output_files,
    read_result,
    write_job,
)
from mobilekit_delegates.targets import TARGETS, UnsupportedError
from mobilekit_delegates.targets.job_session import JobSession

X = np.random.default_rng(0).uniform(-1, 1, (3, 1, 4)).astype("f4")
BATCHES = [{"x": x} for x in X]


def run(*command: str | Path, python: str = sys.executable) -> Ended:
    done = subprocess.run(
        [python, *map(str, command)], capture_output=True, text=True, timeout=60, check=False
    )
    return Ended(status=done.returncode, log=done.stderr)


def run_job(folder: Path) -> Ended:
    return run(RUNNER, folder)


def session(artifact: Artifact) -> JobSession:
    return JobSession(
        artifact, target="board", journey=run_job, place=lambda result: result.runtime
    )


@pytest.fixture
def job(tmp_path: Path, scale_fp32: Artifact) -> Path:
    folder = tmp_path / "job"
    folder.mkdir()
    write_job(folder, scale_fp32, BATCHES)
    return folder


def test_all_batches_answer_as_on_cpu_in_one_journey(
    scale_fp32: Artifact, scale_int8: Artifact
) -> None:
    for artifact in (scale_fp32, scale_int8):
        with session(artifact) as there, TARGETS["cpu"].open(artifact) as here:
            outputs, expected = there.run_all(BATCHES), here.run_all(BATCHES)
            alone = there.run(BATCHES[1])
        assert [output["y"].dtype for output in outputs] == [np.float32] * 3
        for output, wanted in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(output["y"], wanted["y"])
        np.testing.assert_array_equal(alone["y"], expected[1]["y"])
        assert there.execution.place.startswith("ai-edge-litert ")


def test_the_result_says_what_ran_and_how_long(job: Path, scale_fp32: Artifact) -> None:
    result = read_result(job, scale_fp32, run_job(job), target="board")
    assert isinstance(result, Result)
    assert len(result.seconds) == 3
    assert min(result.seconds) > 0
    assert result.load_seconds > 0
    assert all((job / name).is_file() for name in output_files(scale_fp32))
    assert json.loads((job / "result.json").read_text())["machine"] == os.uname().machine


def test_inputs_that_do_not_fit_are_refused_before_the_journey(scale_fp32: Artifact) -> None:
    with session(scale_fp32) as there:
        with pytest.raises(DataError, match=r"inputs are \['x'\], not \['z'\]"):
            there.run({"z": X[0]})
        with pytest.raises(DataError, match="'x' is float32, not int32"):
            there.run({"x": X[0].astype("i4")})


def test_a_truncated_artifact_is_refused_by_the_runtime(
    tmp_path: Path, scale_fp32: Artifact
) -> None:
    short = tmp_path / "short.tflite"
    short.write_bytes(scale_fp32.path.read_bytes()[:100])
    with (
        session(replace(scale_fp32, path=short)) as there,
        pytest.raises(TargetError, match=r"board .*does not load short\.tflite"),
    ):
        there.run(BATCHES[0])


def test_what_was_damaged_on_its_way_is_noticed(job: Path, scale_fp32: Artifact) -> None:
    whole = (job / "model.tflite").read_bytes()
    (job / "model.tflite").write_bytes(whole[:-1])
    ended = run_job(job)
    assert ended.status == runner.BAD_JOB
    with pytest.raises(TargetError, match=r"fp32\.tflite and its inputs whole.*is not the file"):
        read_result(job, scale_fp32, ended, target="board")
    (job / "model.tflite").write_bytes(whole)
    (job / "input-0.bin").write_bytes(b"1234")
    assert run_job(job).status == runner.BAD_JOB


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"schema": "other"}', '{"schema": "mobilekit/job/1"}']
)
def test_a_bad_job_has_a_status_of_its_own(job: Path, text: str) -> None:
    (job / "job.json").write_text(text)
    ended = run_job(job)
    assert ended.status == runner.BAD_JOB
    assert "Traceback" not in ended.log


def test_kernels_that_the_runtime_does_not_have_are_a_bad_job(
    job: Path, scale_fp32: Artifact
) -> None:
    write_job(job, scale_fp32, BATCHES, kernels="FASTEST")
    ended = run_job(job)
    assert ended.status == runner.BAD_JOB
    assert "FASTEST" in ended.log


def test_an_output_that_is_not_the_signatures_fails(scale_fp32: Artifact) -> None:
    for output in (
        TensorSpec(name="z", shape=(1, 4), dtype="float32"),
        TensorSpec(name="y", shape=(1, 5), dtype="float32"),
        TensorSpec(name="y", shape=(1, 4), dtype="int8"),
    ):
        signature = Signature(inputs=scale_fp32.signature.inputs, outputs=(output,))
        with (
            session(replace(scale_fp32, signature=signature)) as there,
            pytest.raises(TargetError, match=r"failed to run fp32\.tflite: The .*output"),
        ):
            there.run(BATCHES[0])


def test_a_python_without_a_runtime_says_so(job: Path, scale_fp32: Artifact) -> None:
    # `-I -S` leaves site-packages out.
    ended = run("-I", "-S", RUNNER, job)
    assert ended.status == runner.NO_RUNTIME
    with pytest.raises(UnsupportedError, match=r"no TFLite runtime.*pip install ai-edge-litert"):
        read_result(job, scale_fp32, ended, target="board")
    assert run("-I", "-S", RUNNER, "--describe").status == runner.NO_RUNTIME


def test_it_describes_what_would_run() -> None:
    done = subprocess.run(
        [sys.executable, RUNNER, "--describe"], capture_output=True, check=True, timeout=60
    )
    facts = json.loads(done.stdout)
    assert facts["runtime"].startswith("ai-edge-litert ")
    assert facts["machine"] == os.uname().machine
    assert run(RUNNER).status == runner.BAD_JOB


def test_a_full_disk_is_told(job: Path, scale_fp32: Artifact) -> None:
    (job / "output-0.bin").symlink_to("/dev/full")
    ended = run_job(job)
    assert ended.status == runner.NOT_WRITTEN
    with pytest.raises(TargetError, match=r"no room for the outputs of.*No space left"):
        read_result(job, scale_fp32, ended, target="board")


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (Ended(status=-signal.SIGSEGV, log="line\nqemu: fault\n"), r"SIGSEGV.*line; qemu: fault"),
        (Ended(status=1, log=""), "exit status 1 at .*it said nothing"),
        (Ended(status=0, log=""), "left no result"),
        (Ended(status=runner.REFUSED, log="odd"), r"board does not load fp32\.tflite: odd"),
    ],
)
def test_a_runner_that_ends_without_a_result_fails_with_what_it_said(
    job: Path, scale_fp32: Artifact, ended: Ended, message: str
) -> None:
    with pytest.raises(TargetError, match=message):
        read_result(job, scale_fp32, ended, target="board")


def test_a_shell_that_finds_no_python_is_nothing_wrong_with_the_artifact(
    job: Path, scale_fp32: Artifact
) -> None:
    ended = Ended(status=127, log="sh: python3: not found")
    with pytest.raises(UnsupportedError, match=r"board has no Python 3.*not found"):
        read_result(job, scale_fp32, ended, target="board")


def test_outputs_that_did_not_come_back_whole_fail(job: Path, scale_fp32: Artifact) -> None:
    ended = run_job(job)
    (job / "output-0.bin").write_bytes(b"1234")
    with pytest.raises(TargetError, match="sent 4 bytes for the output 'y', not the 48"):
        read_result(job, scale_fp32, ended, target="board")
    (job / "output-0.bin").unlink()
    with pytest.raises(TargetError, match="sent 0 bytes"):
        read_result(job, scale_fp32, ended, target="board")


def test_a_result_that_is_damaged_fails(job: Path, scale_fp32: Artifact) -> None:
    ended = run_job(job)
    (job / "result.json").write_text('{"status": 0}')
    with pytest.raises(TargetError, match="board left no result"):
        read_result(job, scale_fp32, ended, target="board")


def hang(pid_file: Path) -> None:
    """Stand in for a runtime that never answers."""
    code = (
        "import os, pathlib, sys, time\n"
        "pathlib.Path(sys.argv[2], 'pid').write_text(str(os.getpid()))\n"
        "time.sleep(600)"
    )
    run_here((sys.executable, "-I", "-c", code), pid_file.parent)


def test_a_runner_that_hangs_ends_with_its_check(tmp_path: Path) -> None:
    job = Job(name="hangs", function=hang, arguments={"pid_file": tmp_path / "pid"})
    limits = Limits(workers=1, memory=2**34, seconds=8)
    (outcome,) = run_jobs([job], limits=limits, logs=tmp_path)
    assert "took longer than 8 s" in str(outcome.error)
    process = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not psutil.pid_exists(process):
            break
        time.sleep(0.1)
    assert not psutil.pid_exists(process)
