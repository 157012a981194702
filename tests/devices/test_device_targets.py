"""The targets `adb:` and `ssh:`: artifacts on boards, and every way in which they do not run."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from boards import Board, eventually, is_gone, python_program
from numpy.typing import NDArray
from tools import require_target

from mobilekit.parity.budgets import budget_for
from mobilekit.parity.checks import CheckRequest, run_check
from mobilekit.parity.golden import Golden, load, write_golden
from mobilekit.results import Check
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError, TargetError
from mobilekit_delegates.installing.arm64_sysroot import python_command
from mobilekit_delegates.targets import Missing, target
from mobilekit_delegates.targets import board as board_module

Arrays = dict[str, NDArray[np.generic]]

BATCHES: list[Arrays] = [
    {"x": np.random.default_rng(index).uniform(-1, 1, (1, 4)).astype("f4")} for index in range(3)
]


@pytest.fixture
def linux(board: Board) -> Board:
    """A board whose Python is this one, runtime included."""
    board.program("python3", python_program())
    return board


@pytest.fixture
def golden(artifact: Artifact, tmp_path: Path) -> Path:
    with target("cpu").open(artifact) as session:
        outputs = session.run_all(BATCHES)
    path = tmp_path / "golden.npz"
    Golden(
        inputs={"x": np.concatenate([batch["x"] for batch in BATCHES])},
        outputs={"y": np.concatenate([output["y"] for output in outputs])},
        origin="Made here.",
    ).save(path)
    return path


def check_on(name: str, artifact: Artifact, golden: Path) -> Check:
    budget = budget_for("tflite-fp32", target(name).info.budgets_of)
    return run_check(CheckRequest(artifact=artifact, target=name, golden=golden, budget=budget))


def missing(board: Board) -> Missing:
    found = target(f"{board.device}/cpu").missing()
    assert found is not None
    return found


@pytest.mark.parametrize(
    "name",
    [
        "adb:R5CT20/cpu",
        "adb:127.0.0.1:5555/cpu-reference",
        "adb:adb-1 (2)._adb-tls-connect._tcp/cpu",
        "ssh:board/cpu",
        "ssh:pi@10.0.0.2:2222/cpu-reference",
        "ssh:pi@[fe80::1%eth0]:22/cpu",
    ],
)
def test_devices_have_names(name: str) -> None:
    info = target(name).info
    assert info.name == name
    assert info.budgets_of == name.rpartition("/")[2]
    assert (info.formats, info.repeatable, info.emulated) == (("tflite",), False, False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adb:", r"no target 'adb:'\..* Name the device .*: adb:DEVICE/cpu or"),
        ("adb:R5CT20", r"no target 'adb:R5CT20'\."),
        (
            "adb:R5CT20/tpu",
            r"no target .*adb:R5CT20/cpu or .*cpu-reference or .* adb:R5CT20/nnapi\.$",
        ),
        ("ssh:pi/gpu", r"no target .*ssh:pi/cpu or ssh:pi/cpu-reference\.$"),
        ("adb:R5CT20/cpu-refrence", "Did you mean 'cpu-reference'"),
        ("adb:/cpu", "no target 'adb:/cpu'"),
        ("ssh:board", r"no target 'ssh:board'\."),
        ("ssh:-oProxyCommand=reboot/cpu", "is no host"),
        ("ssh:fe80::1/cpu", "is no host"),
    ],
)
def test_names_that_do_not_fit_are_refused(name: str, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        target(name)


@pytest.mark.parametrize("kernels", ["cpu", "cpu-reference"])
def test_an_artifact_answers_on_a_board_as_here(
    linux: Board, artifact: Artifact, kernels: str
) -> None:
    place = target(f"{linux.device}/{kernels}")
    assert place.missing() is None
    with place.open(artifact) as session, target(kernels).open(artifact) as here:
        for there, expected in zip(session.run_all(BATCHES), here.run_all(BATCHES), strict=True):
            np.testing.assert_array_equal(there["y"], expected["y"])
        np.testing.assert_array_equal(session.run(BATCHES[0])["y"], here.run(BATCHES[0])["y"])
    assert "ai-edge-litert" in session.execution.place
    assert place.version() == session.execution.place
    assert linux.is_clean()


def test_an_artifact_runs_on_an_arm64_board(board: Board, artifact: Artifact, golden: Path) -> None:
    require_target("arm64")
    board.program("python3", python_program(*python_command("cortex-a72")))
    check = check_on(f"{board.device}/cpu", artifact, golden)
    assert (check.status, check.reason) == ("pass", "")
    assert check.samples == 3
    assert "(aarch64)" in check.execution.place
    assert board.is_clean()


def test_the_boards_model_and_own_python_come_first(on_ssh: Board, artifact: Artifact) -> None:
    on_ssh.program("getprop", '[ "$1" != ro.product.model ] || echo "Camera 7"')
    on_ssh.program("lscpu", 'echo "  Model name:   Cortex-A55"; echo "Model name: Cortex-A76"')
    on_ssh.program("python3", "exit 1")
    own = on_ssh.programs.parent / ".mobilekit" / "bin"
    own.mkdir(parents=True)
    (own / "python3").write_text(f"#!/bin/sh\n{python_program()}\n")
    (own / "python3").chmod(0o755)
    with target("ssh:board/cpu").open(artifact) as session:
        session.run(BATCHES[0])
    assert session.execution.place.startswith("Camera 7 (")
    assert ", Cortex-A55 Cortex-A76, ai-edge-litert " in session.execution.place


def test_a_board_without_a_runtime_says_how_to_get_one(board: Board) -> None:
    # -S: without the installed packages.
    board.program("python3", python_program(sys.executable, "-S"))
    found = missing(board)
    assert f"{board.device} (" in found.reason
    assert "has no TFLite runtime for" in found.reason
    assert found.command.startswith(("adb -s 127.0.0.1:", "ssh board "))
    assert "pip install ai-edge-litert" in found.command


def without_python(board: Board) -> None:
    """Leave on the board's search path only what any system has."""
    tools = ("sh", "uname", "tr", "sed", "mktemp", "rm", "sleep", "tar")
    for tool in tools:
        if not (board.programs / tool).exists():
            real = subprocess.run(
                ("which", tool), capture_output=True, text=True, check=True
            ).stdout.strip()
            (board.programs / tool).symlink_to(real)
    bare = board.programs.parent / "bare"
    board.programs.rename(bare)
    board.programs.mkdir()
    # The one program that is found first hides the system's.
    board.program("sh", f'PATH="{bare}" exec /bin/sh "$@"')


def test_a_board_without_python_says_so(board: Board) -> None:
    without_python(board)
    found = missing(board)
    assert found.reason.endswith("has no Python 3 on its search path.")
    assert "apt install python3-venv" in found.command


def test_a_phone_says_where_artifacts_run_on_it(
    board: Board, artifact: Artifact, golden: Path
) -> None:
    board.program("getprop", 'case $1 in *model) echo "Pixel 9";; *release) echo 16;; esac')
    without_python(board)
    check = check_on(f"{board.device}/cpu", artifact, golden)
    assert check.status == "not_run"
    assert check.reason == (
        f"{board.device} (Pixel 9) is an Android device, and Android has no Python. Artifacts run "
        "there in an app: in the tests of the generated module."
    )


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "echo 'no such ELF' >&2; exit 126",
            r"does not start on .*: no such ELF \(exit status 126\)",
        ),
        ("exit 0", r"it did not describe itself \(exit status 0\)"),
        ("echo '[1'", "it did not describe itself"),
        ("echo '{}'", "it did not describe itself"),
    ],
)
def test_a_python_that_does_not_work_is_told(on_ssh: Board, program: str, message: str) -> None:
    on_ssh.program("python3", program)
    assert re.search(message, missing(on_ssh).reason)


def test_a_board_that_does_not_answer_is_missing(
    on_ssh: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module, "_ANSWER_SECONDS", 0.5)
    on_ssh.program("python3", "exec sleep 1000")
    assert missing(on_ssh).reason == "ssh:board: sh took longer than 0.5 s, and was ended there."


def test_a_board_that_is_not_there_is_not_run(
    linux: Board, artifact: Artifact, golden: Path
) -> None:
    linux.unplug()
    check = check_on(f"{linux.device}/cpu", artifact, golden)
    assert check.status == "not_run"
    assert check.reason


def test_opening_a_board_that_is_not_there_is_an_error(on_ssh: Board, artifact: Artifact) -> None:
    on_ssh.unplug()
    with pytest.raises(TargetError, match="Nothing listens for ssh at board"):
        target("ssh:board/cpu").open(artifact)


RUNS_JOB = '[ "$1" != runner.py ] || '
"""What a stand-in for a Python does when it is to run a job, rather than to describe itself."""


def notes(path: Path) -> str:
    """Return shell text that writes down its process and then takes a thousand seconds."""
    return f"echo $$ > '{path}'; exec sleep 1000"


def is_noted(path: Path) -> bool:
    return path.exists() and path.read_text().endswith("\n")


def test_a_cable_that_is_pulled_fails_the_check(
    linux: Board, artifact: Artifact, golden: Path, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    linux.program("python3", f"{RUNS_JOB}{{ {notes(note)}; }}; {python_program()}")

    def unplug() -> None:
        eventually(lambda: is_noted(note))
        linux.unplug()

    cable = threading.Thread(target=unplug)
    cable.start()
    check = check_on(f"{linux.device}/cpu", artifact, golden)
    cable.join()
    assert check.status == "fail"
    assert check.reason == f"{linux.device} vanished while it was running python3."
    assert eventually(lambda: is_gone(int(note.read_text())))
    assert eventually(linux.is_clean)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("sleep 1000", "took longer than 1 s, and was ended there"),
        ("exit 0", "left no result of"),
        ("kill -SEGV $$", "SIGSEGV"),
        ("{ echo boom >&2; exit 1; }", "exit status 1.*: boom"),
        ('{ echo "{" > result.json; exit 0; }', "left no result of"),
        ('{ rm model.tflite; exec {python} "$@"; }', "did not get .* whole"),
        ('{ printf x >> model.tflite; exec {python} "$@"; }', "did not get .* whole"),
        ('{ {python} "$@"; printf x >> output-0.bin; exit 0; }', "sent 49 bytes .* not the 48"),
        ('{ {python} "$@"; rm output-0.bin; exit 0; }', "sent 0 bytes"),
        ('{ {python} "$@"; rm result.json; ln -s /etc/passwd result.json; exit 0; }', "no result"),
    ],
)
def test_what_goes_wrong_on_a_board_fails_the_check(
    on_ssh: Board,
    artifact: Artifact,
    golden: Path,
    monkeypatch: pytest.MonkeyPatch,
    job: str,
    message: str,
) -> None:
    if "longer" in message:
        monkeypatch.setattr(board_module, "RUN_SECONDS", 1.0)
    stand_in = job.replace("{python}", sys.executable)
    on_ssh.program("python3", f"{RUNS_JOB}{stand_in}; {python_program()}")
    check = check_on("ssh:board/cpu", artifact, golden)
    assert (check.status, bool(re.search(message, check.reason))) == ("fail", True), check.reason
    assert on_ssh.is_clean()


def test_an_artifact_that_the_runtime_refuses_fails_the_check(
    on_ssh: Board, artifact: Artifact, golden: Path, tmp_path: Path
) -> None:
    on_ssh.program("python3", python_program())
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(artifact.path.read_bytes()[:400])
    check = check_on("ssh:board/cpu", replace(artifact, path=broken), golden)
    assert check.status == "fail"
    assert "broken.tflite" in check.reason
    assert on_ssh.is_clean()


@contextlib.contextmanager
def verify(
    name: str, artifact: Artifact, golden: Path, folder: Path
) -> Iterator[subprocess.Popen[str]]:
    """`mobilekit verify` as a user runs it."""
    (folder / "golden").mkdir()
    write_golden(folder / "golden", load(golden))
    command = ("verify", artifact.path, "--golden", folder / "golden", "--target", name)
    process = subprocess.Popen(
        (sys.executable, "-m", "mobilekit", *command),
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_verify_runs_on_a_board(
    on_ssh: Board, artifact: Artifact, golden: Path, tmp_path: Path
) -> None:
    on_ssh.program("python3", python_program())
    with verify("ssh:board/cpu", artifact, golden, tmp_path) as command:
        output, errors = command.communicate(timeout=300)
    assert command.returncode == 0, errors
    assert "1 passed, 0 failed, 0 not run" in output
    assert on_ssh.is_clean()


def test_verify_on_a_board_that_is_not_there_ends_with_status_3(
    on_ssh: Board, artifact: Artifact, golden: Path, tmp_path: Path
) -> None:
    on_ssh.unplug()
    with verify("ssh:board/cpu", artifact, golden, tmp_path) as command:
        _, errors = command.communicate(timeout=300)
    assert command.returncode == 3
    assert "Nothing listens for ssh at board. Start sshd there." in errors


def test_interrupting_verify_leaves_the_board_clean(
    linux: Board, artifact: Artifact, golden: Path, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    linux.program("python3", f"{RUNS_JOB}{{ {notes(note)}; }}; {python_program()}")
    with verify(f"{linux.device}/cpu", artifact, golden, tmp_path) as command:
        assert eventually(lambda: is_noted(note))
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=60)
    assert command.returncode == 130
    assert eventually(lambda: is_gone(int(note.read_text())))
    assert eventually(linux.is_clean)
