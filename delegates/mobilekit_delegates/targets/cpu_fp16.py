"""The target `cpu-fp16`: XNNPACK made to compute in 16-bit floats, as on many ARM phones."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import SourceError, TargetError
from mobilekit_delegates.runner.runner import processor_name
from mobilekit_delegates.targets.litert_compiled import (
    CompiledSession,
    default_cpu_options,
    time_compiled,
)
from mobilekit_delegates.targets.litert_interpreter import litert_version, why_litert_is_missing
from mobilekit_delegates.targets.target import Execution, Missing, TargetInfo
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan

if TYPE_CHECKING:
    from mobilekit_delegates.profiling.litert_profile import ProfiledOperator
    from mobilekit_delegates.targets.silent_fallback import WatchedSession
    from mobilekit_delegates.targets.target import Arrays

_FORCE_FP16 = 0x4
"""`TFLITE_XNNPACK_DELEGATE_FLAG_FORCE_FP16`, of TensorFlow's `xnnpack_delegate.h`."""


class CpuFp16:
    """LiteRT on this machine's CPU, with XNNPACK's kernels for 16-bit floats."""

    info = TargetInfo(
        name="cpu-fp16",
        description="LiteRT on this machine's CPU, with XNNPACK in 16-bit floats",
        meaning="XNNPACK made to compute in 16-bit floats, as apps may let it on ARM phones that "
        "have them; on the build machine, whose kernels may round at other places.",
        formats=("tflite",),
        emulated=True,
    )

    def missing(self) -> Missing | None:
        """Say whether LiteRT is installed."""
        return why_litert_is_missing()

    def version(self) -> str:
        """Return LiteRT's version."""
        return litert_version()

    def open(self, artifact: Artifact) -> WatchedSession:
        """Load an artifact.

        Raises:
            TargetError: LiteRT could not load it.
            UnsupportedError: LiteRT's CompiledModel does not know something in it.
        """
        return self._watched(artifact, self._accelerated(artifact))

    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Time an artifact, and then see that the kernels answered that were asked for.

        Raises:
            UnsupportedError: others did; see also `TimedTarget`.
        """
        opened = functools.cache(lambda: self._accelerated(artifact, plan.threads))
        timed = time_compiled(opened, batches, plan)
        with self._watched(artifact, opened()) as watched:
            watched.run_all(batches)
        return replace(timed, place=processor_name(), notes=watched.execution.notes)

    def profile_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> tuple[ProfiledOperator, ...]:
        """Return LiteRT's profile with these kernels; see `ProfiledTarget`."""
        from mobilekit_delegates.profiling.litert_profile import profile_on_cpu

        options = f"num_threads = {plan.threads}\nflags = {_FORCE_FP16}\n"
        return profile_on_cpu(artifact, batches, options)

    def _accelerated(self, artifact: Artifact, threads: int = 1) -> CompiledSession:
        from ai_edge_litert.compiled_model import CpuOptions, Options

        half = CpuOptions(num_threads=threads, xnnpack_flags=_FORCE_FP16)
        return CompiledSession(artifact, Options(cpu_options=half), target=self.info.name)

    def _watched(self, artifact: Artifact, session: CompiledSession) -> WatchedSession:
        # Here, because they load numpy.
        from mobilekit_converters.tflite.flatbuffer import read_model
        from mobilekit_delegates.targets.silent_fallback import WatchedSession, computed_outputs

        name = self.info.name
        try:
            model = read_model(artifact.path)
        except SourceError as error:
            raise TargetError(f"{name} could not load {artifact.path.name}: {error}") from error
        return WatchedSession(
            session,
            CompiledSession(artifact, default_cpu_options(), target=name),
            accelerator="those for 16-bit floats",
            half=True,
            computed=computed_outputs(model, artifact.signature),
            execution=Execution(),
        )
