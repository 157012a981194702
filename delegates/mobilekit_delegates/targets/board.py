"""What devices have in common as targets: a Linux board with Python, and a runner that goes there.

The runner goes with the artifact and the golden's inputs, all in one journey. Android phones have
no Python; there the generated module's own tests run artifacts.
"""

from __future__ import annotations

import functools
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError, TargetError, nearest
from mobilekit_delegates.devices.transport import Transport, UnreachableError
from mobilekit_delegates.runner import runner
from mobilekit_delegates.runner.job import RESULT, RUNNER, TIMING, Ended, output_files
from mobilekit_delegates.targets.job_session import JobSession
from mobilekit_delegates.targets.target import Missing, TargetInfo
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays

KERNELS = {"cpu": "AUTO", "cpu-reference": "BUILTIN_REF"}
"""What can run on a board, and the runtime's `OpResolverType` for it."""

RUN_SECONDS = 1500.0
"""How long all batches of a check may take on a board: less than a check may take by default."""

_ANSWER_SECONDS = 60.0
"""How long a board may take to start a Python and say what it has."""

_VENV = ".mobilekit"

_GET_RUNTIME = f"python3 -m venv ~/{_VENV} && ~/{_VENV}/bin/python3 -m pip install ai-edge-litert"
"""A virtual environment, because the systems of today's boards refuse pip outside of one."""

# Four lines (the model's name, its processors, Android's version, the Python to use), then what the
# runner says of itself in that Python.
_DESCRIBE = f"""
runner=$1
first() {{ for text; do [ -n "$text" ] && break; done; echo "$text"; }}
read_file() {{ [ -r "$1" ] && tr -d '\\0' <"$1"; }}
first "$(getprop ro.product.model 2>/dev/null)" "$(read_file /proc/device-tree/model)" \
    "$(read_file /sys/class/dmi/id/product_name)" "$(uname -n)"
echo $(LC_ALL=C lscpu 2>/dev/null | sed -n 's/^ *Model name: *//p')
echo $(getprop ro.build.version.release 2>/dev/null)
python=$(command -v "$HOME/{_VENV}/bin/python3" || command -v python3)
echo "$python"
[ -z "$python" ] || "$python" -c "$runner" --describe
"""


@dataclass(frozen=True, kw_only=True)
class Board:
    """What a board says of itself.

    `machine` is its instruction set, `processor` its CPU's name where Linux knows it, `python` a
    Python with a TFLite runtime, `runtime` that one's name and version.
    """

    model: str
    machine: str
    processor: str
    python: str
    runtime: str

    def __str__(self) -> str:
        facts = (f"{self.model} ({self.machine})", self.processor, self.runtime)
        return ", ".join(fact for fact in facts if fact)


class BoardTarget:
    """A runtime on a board."""

    def __init__(self, transport: Transport, kernels: str, by_hand: Callable[[str], str]) -> None:
        """Connect nothing yet.

        Args:
            transport: the way to the board.
            kernels: a key of `KERNELS`.
            by_hand: turns shell text for the board into the command that runs it from here.
        """
        self.info = TargetInfo(
            name=f"{transport.device}/{kernels}",
            description=f"the TFLite runtime on {transport.device}, on its CPU"
            + (" with the reference kernels" if kernels == "cpu-reference" else ""),
            meaning="The TFLite runtime that is installed on the board, on the board's own CPU: "
            "what the board answers today, with whatever else runs on it.",
            formats=("tflite",),
            budgets_of=kernels,
            cost=60 if kernels == "cpu-reference" else 20,
            most_samples=32 if kernels == "cpu-reference" else None,
            repeatable=False,
        )
        self._transport = transport
        self._kernels = KERNELS[kernels]
        self._by_hand = by_hand

    def missing(self) -> Missing | None:
        """Say whether the board answers and has a runtime; this asks it, over the cable."""
        board = self._board
        return board if isinstance(board, Missing) else None

    def version(self) -> str:
        """Return the board and its runtime."""
        return str(self._board)

    def open(self, artifact: Artifact) -> JobSession:
        """Prepare to run an artifact; it goes to the board with the first batches.

        Raises:
            TargetError: the board cannot be reached.
        """
        board = self._board
        if isinstance(board, Missing):
            raise TargetError(str(board))

        return self._session(artifact, board, output_files(artifact))

    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Time an artifact on the board, by the board's own clock; see `TimedTarget`."""
        board = self._board
        if isinstance(board, Missing):
            raise TargetError(str(board))
        return self._session(artifact, board, (RESULT,)).time(batches, plan)

    def _session(self, artifact: Artifact, board: Board, files: tuple[str, ...]) -> JobSession:
        """Return a session that brings some files back."""

        def journey(folder: Path) -> Ended:
            return self._journey(folder, board.python, files)

        return JobSession(
            artifact,
            target=self.info.name,
            journey=journey,
            place=lambda result: str(replace(board, runtime=result.runtime)),
            kernels=self._kernels,
        )

    def _journey(self, job: Path, python: str, outputs: tuple[str, ...]) -> Ended:
        for file in (RUNNER, TIMING):
            shutil.copyfile(file, job / file.name)
        with self._transport.folder() as remote:
            self._transport.push(job, remote)
            ended = self._transport.run(
                (python, RUNNER.name, "."), folder=remote, seconds=RUN_SECONDS
            )
            self._transport.pull(remote, outputs, job)
        said = ended.output + ended.errors
        print(said, file=sys.stderr, end="")  # The check's log holds it too.
        return Ended(status=_signal_or_status(ended.status), log=said)

    @functools.cached_property
    def _board(self) -> Board | Missing:
        """What there is, or why nothing can run there; asked once."""
        device = self._transport.device
        try:
            ended = self._transport.run(
                ("sh", "-c", _DESCRIBE, "sh", RUNNER.read_text(encoding="utf-8")),
                folder="/",
                seconds=_ANSWER_SECONDS,
            )
        except UnreachableError as error:
            return Missing(reason=str(error), command=error.command)
        except TargetError as error:
            return Missing(reason=str(error))
        model, processor, android, python, *said = [*ended.output.splitlines(), *[""] * 4]
        if android and not python:
            return Missing(
                reason=f"{device} ({model}) is an Android device, and Android has no Python. "
                "Artifacts run there in an app: in the tests of the generated module."
            )
        if not python:
            return Missing(
                reason=f"{device} ({model}) has no Python 3 on its search path.",
                command=self._by_hand(f"apt install python3-venv && {_GET_RUNTIME}"),
            )
        if ended.status == runner.NO_RUNTIME:
            return Missing(
                reason=f"{device} ({model}) has no TFLite runtime for {python}.",
                command=self._by_hand(_GET_RUNTIME),
            )
        described = _read_description(said)
        if ended.status != 0 or not described:
            why = ended.errors.strip().rpartition("\n")[2] or "it did not describe itself"
            return Missing(
                reason=f"The runner does not start on {device} with {python}: {why} "
                f"(exit status {ended.status})."
            )
        return Board(
            model=model,
            machine=described["machine"],
            processor=processor or described["cpu"],
            python=python,
            runtime=described["runtime"],
        )


def split_name(family: str, rest: str, kinds: Iterable[str] = KERNELS) -> tuple[str, str]:
    """Split what stands behind `adb:` or `ssh:` into the device and what runs there, of `kinds`.

    Raises:
        ProjectError: it is not of that form.
    """
    device, _, kind = rest.rpartition("/")
    known = tuple(dict.fromkeys(kinds))
    if not device or kind not in known:
        forms = " or ".join(f"{family}:{device or 'DEVICE'}/{name}" for name in known)
        raise ProjectError(
            f"There is no target '{family}:{rest}'.{nearest(kind, known)} Name the device and what "
            f"runs there: {forms}."
        )
    return device, kind


def _read_description(lines: list[str]) -> dict[str, str]:
    """Return what a runner says of itself; nothing where this is no description."""
    try:
        described: Any = json.loads("\n".join(lines))
    except ValueError:
        return {}
    known = isinstance(described, dict) and {"runtime", "machine", "cpu"} <= set(described)
    return {key: str(value) for key, value in described.items()} if known else {}


def _signal_or_status(status: int) -> int:
    """Return what `Ended` wants of a shell's exit status, which is 128 more than a signal's."""
    return 128 - status if status - 128 in set(signal.Signals) else status
