"""The target `cpu-reference`: LiteRT's plain kernels, which say what an operator means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.targets.litert_interpreter import (
    InterpreterSession,
    litert_version,
    time_interpreter,
    why_litert_is_missing,
)
from mobilekit_delegates.targets.target import Missing, TargetInfo
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan

if TYPE_CHECKING:
    from mobilekit_delegates.profiling.litert_profile import ProfiledOperator
    from mobilekit_delegates.targets.target import Arrays


class CpuReference:
    """LiteRT on this machine's CPU, with the reference kernels."""

    info = TargetInfo(
        name="cpu-reference",
        description="LiteRT on this machine's CPU, with its reference kernels",
        meaning="LiteRT's reference kernels on the build machine: the plain definition of each "
        "operator.",
        formats=("tflite",),
        # Reference kernels take forty times as long as XNNPACK.
        cost=60,
        most_samples=32,
    )

    def missing(self) -> Missing | None:
        """Say whether LiteRT is installed."""
        return why_litert_is_missing()

    def version(self) -> str:
        """Return LiteRT's version."""
        return litert_version()

    def open(self, artifact: Artifact) -> InterpreterSession:
        """Load an artifact with LiteRT's reference kernels."""
        return InterpreterSession(artifact, kernels="BUILTIN_REF", target=self.info.name)

    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Time an artifact with the same kernels; see `TimedTarget`."""
        return time_interpreter(
            artifact, batches, plan, kernels="BUILTIN_REF", target=self.info.name
        )

    def profile_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> tuple[ProfiledOperator, ...]:
        """Return LiteRT's profile with these kernels; see `ProfiledTarget`."""
        from mobilekit_delegates.profiling.litert_profile import profile_on_cpu

        options = f'num_threads = {plan.threads}\nkernel_mode = "reference"\n'
        return profile_on_cpu(artifact, batches, options)
