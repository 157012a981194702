"""Sessions of artifacts that a runner elsewhere runs: another Python, an emulator, a board."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.runner.job import Ended, Result, read_result, write_job
from mobilekit_delegates.targets.target import Execution, LocalSession

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
