"""The target `tflite-floor`: an old runtime, for apps that cannot take a new one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.installing.floor_environment import (
    environment,
    install_environment,
    is_installed,
    python_of,
    runs_on_this_system,
    runtime,
)
from mobilekit_delegates.runner.here import run_here
from mobilekit_delegates.targets.job_session import JobSession
from mobilekit_delegates.targets.target import Missing, TargetInfo
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays


class TFLiteFloor:
    """tflite-runtime 2.14, the last one under that name, in an environment of its own.

    It is from October 2023. Operators that got a newer version since are refused by name.
    """

    info = TargetInfo(
        name="tflite-floor",
        description="tflite-runtime 2.14, which old apps are pinned to",
        meaning="An app that is pinned to a runtime as old as tflite-runtime 2.14 (2023) loads the "
        "file, and it answers alike there.",
        formats=("tflite",),
        cost=10,
    )

    def missing(self) -> Missing | None:
        """Say whether the environment was made."""
        if not runs_on_this_system():
            return Missing(reason=f"{runtime()} was never built for this system.")
        if is_installed():
            return None
        return Missing(
            reason=f"{runtime()} is not installed.",
            command=f"mobilekit doctor --install {self.info.name}",
        )

    def version(self) -> str:
        """Return the runtime's version."""
        return runtime()

    def open(self, artifact: Artifact) -> JobSession:
        """Prepare to run an artifact with the runtime's default kernels."""
        return JobSession(
            artifact,
            target=self.info.name,
            journey=partial(run_here, (str(python_of(environment())), "-I")),
            place=lambda result: result.runtime,
        )

    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Time an artifact there; see `TimedTarget`."""
        return self.open(artifact).time(batches, plan)

    def install(self) -> None:
        """Make the environment; see `InstallableTarget.install`."""
        install_environment()
