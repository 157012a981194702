"""The targets `gpu` and `gpu-fp32`: LiteRT's own GPU accelerator, on a Vulkan device."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import SourceError, TargetError
from mobilekit_delegates.targets import vulkan
from mobilekit_delegates.targets.gpu_refusals import Coverage, read_coverage
from mobilekit_delegates.targets.litert_compiled import (
    CompiledSession,
    CompileError,
    default_cpu_options,
    time_compiled,
)
from mobilekit_delegates.targets.litert_interpreter import litert_version, why_litert_is_missing
from mobilekit_delegates.targets.target import Execution, Missing, TargetInfo, UnsupportedError
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan

if TYPE_CHECKING:
    from ai_edge_litert.compiled_model import Options

    from mobilekit_delegates.targets.silent_fallback import WatchedSession
    from mobilekit_delegates.targets.target import Arrays

_ACCELERATOR = "libLiteRtWebGpuAccelerator.so"

# What LiteRT says where there is no device that it can use, and where it would need the CPU's help.
_NO_ADAPTER = "No adapters found"
_NOT_ALONE = "Some ops are not accelerated"


_Opened = tuple[vulkan.Device, CompiledSession, Coverage]


@dataclass(frozen=True, kw_only=True)
class _Graph:
    """What has to be known of an artifact's graph; see `computed_outputs`."""

    nodes: int
    computed: tuple[str, ...]


class Gpu:
    """The accelerator on the best Vulkan device that it can use, in one of its two precisions."""

    def __init__(self, *, exact: bool) -> None:
        """Choose the precision.

        Args:
            exact: 32-bit floats, as an app may ask for; else the default, which is 16-bit floats
                where the device has them.
        """
        self._exact = exact
        self.info = TargetInfo(
            name="gpu-fp32" if exact else "gpu",
            description="LiteRT's GPU accelerator in "
            f"{'exact' if exact else 'its default'} precision, over Vulkan",
            meaning=f"LiteRT's real GPU code in {'32-bit floats' if exact else 'the precision'} "
            f"that apps get {'where they ask for them' if exact else 'by default'}, on this "
            "machine's Vulkan device. It is not a phone's driver.",
            formats=("tflite",),
            cost=30,
            most_samples=32,
            memory=500 * 2**20,
            emulated=True,
        )

    def missing(self) -> Missing | None:
        """Say whether LiteRT, its accelerator or Vulkan is missing."""
        return (
            why_litert_is_missing()
            or _why_accelerator_is_missing()
            or vulkan.why_vulkan_is_missing()
        )

    def version(self) -> str:
        """Return LiteRT's version and what identifies the drivers."""
        return f"{litert_version()}, {vulkan.drivers_version()}"

    def open(self, artifact: Artifact) -> WatchedSession:
        """Compile an artifact for the best device that the accelerator can use.

        Raises:
            TargetError: LiteRT could not load it.
            UnsupportedError: the accelerator takes nothing of it, or can use no device here.
        """
        model = self._model(artifact)
        return self._watched(artifact, model, self._on_best_device(artifact, model.nodes))

    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Time an artifact, and then see that the accelerator answered; see `TimedTarget`.

        Raises:
            UnsupportedError: the CPU did, or as for `open`.
        """
        model = self._model(artifact)
        opened = functools.cache(
            lambda: self._on_best_device(artifact, model.nodes, threads=plan.threads, waits=True)
        )
        timed = time_compiled(lambda: opened()[1], batches, plan)
        with self._watched(artifact, model, opened()) as watched:
            watched.run_all(batches)
        return replace(timed, place=watched.execution.place, notes=watched.execution.notes)

    def _model(self, artifact: Artifact) -> _Graph:
        # Here, because they load numpy.
        from mobilekit_converters.tflite.flatbuffer import read_model
        from mobilekit_delegates.targets.silent_fallback import computed_outputs

        try:
            model = read_model(artifact.path)
        except SourceError as error:
            raise TargetError(
                f"{self.info.name} could not load {artifact.path.name}: {error}"
            ) from error
        return _Graph(
            nodes=sum(model.operator_counts().values()),
            computed=computed_outputs(model, artifact.signature),
        )

    def _watched(self, artifact: Artifact, model: _Graph, opened: _Opened) -> WatchedSession:
        from mobilekit_delegates.targets.silent_fallback import WatchedSession

        device, session, coverage = opened
        return WatchedSession(
            session,
            CompiledSession(artifact, default_cpu_options(), target=self.info.name),
            accelerator="the GPU accelerator",
            half=device.has_fp16 and not self._exact,
            computed=model.computed,
            execution=Execution(
                place=str(device),
                nodes=model.nodes,
                nodes_taken=None if coverage.left is None else model.nodes - coverage.left,
                notes=(*self._precision_notes(device), *_coverage_notes(coverage)),
            ),
        )

    def _on_best_device(
        self, artifact: Artifact, nodes: int, *, threads: int = 1, waits: bool = False
    ) -> _Opened:
        """Compile on the best device. A second one could not be tried: LiteRT keeps the first."""
        devices = vulkan.devices()
        if not devices or not devices[0].sufficient:
            raise _no_device_error(devices)
        device = devices[0]
        with vulkan.only(device.manifest):
            try:
                return (device, *self._compile(artifact, nodes, threads, waits=waits))
            except CompileError as error:
                if _NO_ADAPTER in error.log:
                    raise _no_device_error((device,)) from error
                raise

    def _compile(
        self, artifact: Artifact, nodes: int, threads: int, *, waits: bool
    ) -> tuple[CompiledSession, Coverage]:
        """Compile for the accelerator alone, and with the CPU where that does not take all nodes.

        Asked for both, LiteRT claims that every graph is fully accelerated.
        """
        from ai_edge_litert.compiled_model import CpuOptions, GpuOptions, Options
        from ai_edge_litert.hardware_accelerator import HardwareAccelerator

        def compiled_for(accelerators: HardwareAccelerator) -> CompiledSession:
            options: Options = Options(
                hardware_accelerators=accelerators,
                gpu_options=GpuOptions(enforce_f32=self._exact),
                cpu_options=CpuOptions(num_threads=threads),
            )
            return CompiledSession(artifact, options, target=self.info.name, waits=waits)

        try:
            return compiled_for(HardwareAccelerator.GPU), Coverage(left=0)
        except CompileError as error:
            if _NOT_ALONE not in str(error):
                raise
            coverage = read_coverage(error.log)
        if coverage.left is not None and coverage.left >= nodes:
            raise UnsupportedError(
                f"The GPU accelerator takes none of the {nodes} nodes: {coverage.rules()}."
            )
        return compiled_for(HardwareAccelerator.GPU | HardwareAccelerator.CPU), coverage

    def _precision_notes(self, device: vulkan.Device) -> tuple[str, ...]:
        if self._exact or device.has_fp16:
            return ()
        return (f"16-bit floats were not exercised: {device.name} has none, and used 32 bits.",)


def _why_accelerator_is_missing() -> Missing | None:
    """Say whether LiteRT's package lacks the accelerator, as builds for other systems do."""
    package = importlib.util.find_spec("ai_edge_litert")
    folders = package.submodule_search_locations or () if package else ()
    if any((Path(folder) / _ACCELERATOR).is_file() for folder in folders):
        return None
    return Missing(reason=f"The LiteRT that is installed here comes without {_ACCELERATOR}.")


def _coverage_notes(coverage: Coverage) -> tuple[str, ...]:
    """Say what the accelerator left to the CPU; it takes one connected part of a graph at most."""
    if not coverage.refusals:
        return ()
    return (
        "The CPU ran what the accelerator refuses, and what is cut off by that.",
        *(f"Refused: {refusal}." for refusal in coverage.refusals),
    )


def _no_device_error(devices: tuple[vulkan.Device, ...]) -> UnsupportedError:
    named = "; ".join(map(str, devices))
    found = f"{named}: too old, or without what it needs" if devices else "its drivers find none"
    command = vulkan.how_to_get()
    return UnsupportedError(
        f"The GPU accelerator can use no Vulkan device of this machine ({found})."
        + (f" Get a new one: {command}" if command else "")
    )
