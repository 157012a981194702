"""The targets `mac/cpu`, `mac/gpu` and `mac/neural-engine`: Core ML itself, on a Mac.

Untested: nobody has run these on a Mac yet. Only the parts that need no Core ML have tests.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import TargetError, UnsupportedError
from mobilekit_converters.signature import TensorSpec
from mobilekit_delegates.targets.coreml_features import feature_of, image_scales, output_of
from mobilekit_delegates.targets.target import Execution, LocalSession, Missing, TargetInfo
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan, time_here

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mobilekit_delegates.targets.target import Arrays

Name = Literal["cpu", "gpu", "neural-engine"]

_BGR = 30
"""FeatureTypes.proto, ImageFeatureType.ColorSpace."""


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """A member of `coremltools.ComputeUnit`, and the class of the device it adds to the CPU."""

    units: str
    words: str
    device: str = ""


_UNITS: dict[Name, _Unit] = {
    "cpu": _Unit(units="CPU_ONLY", words="the CPU alone"),
    "gpu": _Unit(units="CPU_AND_GPU", words="the GPU and the CPU", device="MLGPUComputeDevice"),
    "neural-engine": _Unit(
        units="CPU_AND_NE",
        words="the Neural Engine and the CPU",
        device="MLNeuralEngineComputeDevice",
    ),
}


class Mac:
    """Core ML on this Mac, which decides for itself what of a model an accelerator gets."""

    def __init__(self, name: Name) -> None:
        """Choose the compute units by name."""
        self._unit = _UNITS[name]
        self.info = TargetInfo(
            name=f"mac/{name}",
            description=f"Core ML on this Mac, with {self._unit.words}",
            meaning="Core ML itself, on a Mac's chip rather than a phone's. This target is "
            "untested: mobilekit's own tests have never run on a Mac.",
            formats=("coreml",),
            budgets_of="coreml",
            cost=10,
        )

    def missing(self) -> Missing | None:
        """Say whether this is a Mac that has what it takes."""
        if sys.platform != "darwin":
            return Missing(
                reason="Core ML runs on a Mac only. Run `mobilekit verify` on the release there."
            )
        if self.info.name == "mac/neural-engine" and platform.machine() != "arm64":
            return Missing(reason="This Mac has an Intel processor, and so no Neural Engine.")
        for module in ("coremltools", "PIL"):
            if importlib.util.find_spec(module) is None:
                return Missing(
                    reason=f"{module} is not installed here.",
                    command="pip install coremltools pillow",
                )
        return None

    def version(self) -> str:
        """Return the versions of macOS, which Core ML is a part of, and of coremltools."""
        version = importlib.metadata.version("coremltools")
        return f"macOS {platform.mac_ver()[0]}, coremltools {version}"

    def open(self, artifact: Artifact) -> MacSession:
        """Compile a package and load it.

        Raises:
            TargetError: Core ML could not load it.
            UnsupportedError: the accelerator takes nothing of it.
        """
        import coremltools as ct

        folder = tempfile.TemporaryDirectory(prefix="mobilekit-")
        try:
            # coremltools writes the manifest of every package that it opens.
            copy = shutil.copytree(artifact.path, Path(folder.name) / artifact.path.name)
            units = ct.ComputeUnit[self._unit.units]
            started = time.perf_counter_ns()
            model = ct.models.MLModel(str(copy), compute_units=units)
            load_ns = time.perf_counter_ns() - started
            plan = ct.models.compute_plan.MLComputePlan.load_from_path(
                path=model.get_compiled_model_path(), compute_units=units
            )
            execution = execution_of(plan, self._unit.device, place=self.version())
        except Exception as error:  # Core ML has no error of its own to catch.
            folder.cleanup()
            raise TargetError(
                f"{self.info.name} could not load {artifact.path.name}: {error}"
            ) from error
        if execution.nodes_taken == 0:
            folder.cleanup()
            raise UnsupportedError(
                f"Core ML runs nothing of {artifact.path.name} on the accelerator of "
                f"{self.info.name}."
            )
        return MacSession(artifact, model, execution=execution, folder=folder, load_ns=load_ns)

    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Time Core ML, which chooses its threads itself; see `TimedTarget`."""
        importlib.import_module("coremltools")  # Its memory is not the artifact's.
        opened: list[MacSession] = []

        def open_session() -> MacSession:
            opened.append(self.open(artifact))
            return opened[-1]

        try:
            timed = time_here(open_session, batches, plan)
            notes = (
                *opened[0].execution.notes,
                "Its load time holds compiling the package, which apps have done beforehand.",
            )
        finally:
            for session in opened:
                session.close()
        return replace(timed, place=self.version(), threads=None, notes=notes)


class MacSession(LocalSession):
    """A package that Core ML has loaded."""

    clocked = "coremltools' predict(), which copies inputs to Core ML and outputs back"
    prepare_ns: int | None = None

    def __init__(
        self,
        artifact: Artifact,
        model: Any,
        *,
        execution: Execution,
        folder: tempfile.TemporaryDirectory[str] | None = None,
        load_ns: int = 0,
    ) -> None:
        """Take a loaded model.

        Args:
            artifact: the package.
            model: a `coremltools.models.MLModel` of it.
            execution: where it runs.
            folder: what is removed when the session closes.
            load_ns: how long Core ML took to compile the package and to load it.

        Raises:
            TargetError: the package's metadata is damaged.
        """
        self.execution = execution
        self.load_ns = load_ns
        self._set: Mapping[str, Any] = {}
        self._artifact = artifact
        self._model = model
        self._folder = folder
        spec = model.get_spec()
        self._scales = image_scales(spec)
        self._reversed = {
            item.name for item in spec.description.input if item.type.imageType.colorSpace == _BGR
        }

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch; see `Session.run`."""
        outputs = self._predict(self.stored(inputs))
        return {
            spec.name: output_of(spec, outputs, self._native(spec))
            for spec in self._artifact.signature.outputs
        }

    def stored(self, inputs: Arrays) -> Mapping[str, Any]:
        """Return a batch as `set_inputs` takes it; see `TimedSession`."""
        return {
            self._native(spec): self._feature(spec, inputs)
            for spec in self._artifact.signature.inputs
        }

    def set_inputs(self, stored: Mapping[str, Any]) -> None:
        """Set what the next run takes."""
        self._set = stored

    def invoke(self) -> object:
        """Run on what was set."""
        return self._predict(self._set)

    def _predict(self, features: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            outputs: Mapping[str, Any] = self._model.predict(features)
        except Exception as error:  # Whatever Core ML says arrives as one of many kinds.
            raise TargetError(
                f"Core ML could not run {self._artifact.path.name}: {error}"
            ) from error
        return outputs

    def close(self) -> None:
        """Remove the copy of the package."""
        if self._folder is not None:
            self._folder.cleanup()

    def _native(self, spec: TensorSpec) -> str:
        return self._artifact.native_names.get(spec.name, spec.name)

    def _feature(self, spec: TensorSpec, inputs: Mapping[str, NDArray[np.generic]]) -> Any:
        """Return what coremltools takes for an input: an array, or a PIL image of its pixels."""
        feature = feature_of(spec, inputs, self._scales)
        if spec.dtype != "uint8":
            return feature
        import numpy as np
        from PIL import Image

        pixels = np.moveaxis(feature[0], 0, -1)
        if self._native(spec) in self._reversed:
            pixels = pixels[..., ::-1]  # PIL has no BGR: coremltools takes RGB and turns it.
        return Image.fromarray(
            np.ascontiguousarray(np.squeeze(pixels, -1) if pixels.shape[-1] == 1 else pixels)
        )


def execution_of(plan: Any, device: str, *, place: str) -> Execution:
    """Read from a plan where Core ML prefers to run a model's operations.

    Args:
        plan: a `coremltools.models.compute_plan.MLComputePlan` of an ML program.
        device: the class of the accelerator in `coremltools.models.compute_device`, or empty.
        place: what runs it.

    Returns:
        How many operations Core ML has a preference for (constants have none), and how many of them
        the accelerator takes, where there is one.
    """
    preferred = [
        type(usage.preferred_compute_device).__name__
        for operation in _operations(plan.model_structure.program.functions["main"].block)
        if (usage := plan.get_compute_device_usage_for_mlprogram_operation(operation)) is not None
    ]
    return Execution(
        place=place,
        nodes=len(preferred),
        nodes_taken=preferred.count(device) if device else None,
        notes=("What runs where is what Core ML plans, not what was measured.",) if device else (),
    )


def _operations(block: Any) -> Iterator[Any]:
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from _operations(inner)
