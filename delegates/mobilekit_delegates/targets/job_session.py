"""Sessions of artifacts that a runner elsewhere runs: another Python, an emulator, a board."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.runner.job import Ended, Result, read_result, read_timing, write_job
from mobilekit_delegates.targets.target import Execution, LocalSession
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays, Outputs


class JobSession(LocalSession):
    """An artifact that a runner somewhere else runs."""

    def __init__(
        self,
        artifact: Artifact,
        *,
        target: str,
        journey: Callable[[Path], Ended],
        place: Callable[[Result], str],
        kernels: str = "AUTO",
    ) -> None:
        """Prepare to run an artifact.

        Args:
            artifact: a `.tflite` artifact.
            target: the target's name, for messages.
            journey: runs the job in a folder where the target is, and brings what the runner
                wrote back into the folder. It raises TargetError where it cannot.
            place: names where it ran, for `Execution.place`.
            kernels: a member of the runtime's `OpResolverType`.
        """
        self._artifact = artifact
        self._target = target
        self._journey = journey
        self._place = place
        self._kernels = kernels

    def run(self, inputs: Arrays) -> Outputs:
        """Run one batch; see `Session.run`."""
        return self.run_all([inputs])[0]

    def run_all(self, batches: Sequence[Arrays]) -> list[Outputs]:
        """Run batches in one journey; see `Session.run_all`."""
        with tempfile.TemporaryDirectory(prefix="job-") as name:
            folder = Path(name)
            write_job(folder, self._artifact, batches, kernels=self._kernels)
            ended = self._journey(folder)
            result = read_result(folder, self._artifact, ended, target=self._target)
        self.execution = Execution(place=self._place(result))
        return result.outputs

    def time(self, batches: Sequence[Arrays], plan: TimingPlan) -> TimedRuns:
        """Time runs where the target is, in one journey; see `TimedTarget.time_artifact`.

        The runner warms up for a fixed time: whether the times had settled is known here only
        afterwards.
        """
        with tempfile.TemporaryDirectory(prefix="job-") as name:
            folder = Path(name)
            write_job(
                folder,
                self._artifact,
                batches,
                kernels=self._kernels,
                threads=plan.threads,
                timing={**plan.numbers(), "warm_up_seconds": plan.blind_warm_up_seconds},
            )
            ended = self._journey(folder)
            found, result = read_timing(folder, self._artifact, ended, target=self._target)
        return TimedRuns(
            load_ns=found["load_ns"],
            prepare_ns=found["prepare_ns"],
            first_ns=found["first_ns"],
            warm_up_runs=found["warm_up_runs"],
            settled=plan.settled(found["warm_up_ns"], found["warm_up_window"]),
            run_ns=tuple(found["run_ns"]),
            clocked=f"invoke() of {result.runtime}'s interpreter",
            threads=plan.threads,
            place=self._place(result),
            peak_memory_bytes=found["peak_memory_bytes"],
            bare_memory_bytes=found["bare_memory_bytes"],
            conditions=tuple(found["conditions"]),
        )
