"""The targets `coreml` and `coreml-fp32`: ML Programs, evaluated on any machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError
from mobilekit_converters.signature import TensorSpec
from mobilekit_delegates.targets.coreml_features import feature_of, image_scales, output_of
from mobilekit_delegates.targets.target import Execution, LocalSession, Missing, TargetInfo
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan, time_here

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mobilekit_delegates.coreml.evaluator import Traced
    from mobilekit_delegates.targets.target import Arrays


class CoreML:
    """The saved package, evaluated with ONNX Runtime in the types that its program declares."""

    info = TargetInfo(
        name="coreml",
        description="the Core ML package, evaluated here in the types that it declares",
        meaning="Proves the conversion, not Apple's hardware.",
        formats=("coreml",),
        cost=10,
        memory=400 * 2**20,
        # Nothing of its time is any device's.
        emulated=True,
    )
    rounds = True

    def missing(self) -> Missing | None:
        """Say whether ONNX Runtime is installed."""
        for module in ("onnxruntime", "onnx"):
            if importlib.util.find_spec(module) is None:
                return Missing(
                    reason=f"{module} is not installed here.",
                    command="pip install onnxruntime onnx",
                )
        return None

    def version(self) -> str:
        """Return ONNX Runtime's version."""
        return f"onnxruntime {importlib.metadata.version('onnxruntime')}"

    def open(self, artifact: Artifact) -> CoreMLSession:
        """Load a package."""
        return CoreMLSession(artifact, rounds=self.rounds)

    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Time the evaluator, which has one thread whatever is asked for; see `TimedTarget`."""
        timed = time_here(lambda: self.open(artifact), batches, plan)
        version = self.version().replace("onnxruntime", "ONNX Runtime")
        return replace(timed, place=version, threads=1)


class CoreMLFp32(CoreML):
    """The same program in float32 throughout: what is left is not float16's doing."""

    info = TargetInfo(
        name="coreml-fp32",
        description="the Core ML package, evaluated here in float32 throughout",
        meaning="Proves the conversion without float16's rounding, not Apple's hardware.",
        formats=("coreml",),
        cost=10,
        memory=400 * 2**20,
        # Nothing of its time is any device's.
        emulated=True,
    )
    rounds = False


class CoreMLSession(LocalSession):
    """A package in the evaluator."""

    clocked = "a run of the evaluator"

    def __init__(self, artifact: Artifact, *, rounds: bool) -> None:
        """Load a package.

        Args:
            artifact: a `.mlpackage` artifact.
            rounds: whether what the program declares float16 is rounded to it.

        Raises:
            TargetError: the package is damaged.
            UnsupportedError: it holds something that the evaluator does not know.
        """
        from mobilekit_delegates.coreml.evaluator import Evaluator
        from mobilekit_delegates.coreml.package import open_package

        started = time.perf_counter_ns()
        self._artifact = artifact
        self._evaluator = Evaluator(open_package(artifact.path), rounds=rounds)
        self._scales = image_scales(self._evaluator.package.spec)
        self.execution = Execution(
            place=f"ONNX Runtime {importlib.metadata.version('onnxruntime')}, "
            f"{self._evaluator.operations} operations",
            nodes=self._evaluator.operations,
        )
        self.load_ns = time.perf_counter_ns() - started
        self.prepare_ns: int | None = None
        self._set: Mapping[str, NDArray[np.generic]] = {}

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch; see `Session.run`."""
        outputs = self._evaluator.run(self._features(inputs))
        return {
            spec.name: output_of(spec, outputs, self._native(spec))
            for spec in self._artifact.signature.outputs
        }

    def stored(self, inputs: Arrays) -> Mapping[str, NDArray[np.generic]]:
        """Return a batch as `set_inputs` takes it; see `TimedSession`."""
        return self._features(inputs)

    def set_inputs(self, stored: Mapping[str, NDArray[np.generic]]) -> None:
        """Set what the next run takes."""
        self._set = stored

    def invoke(self) -> object:
        """Run on what was set."""
        return self._evaluator.run(self._set)

    def trace(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[Traced]:
        """Return every value that the program computes on one batch, in running order.

        They have the program's own names and layouts, and are the rounded values that the program
        goes on with.
        """
        return self._evaluator.trace(self._features(inputs))

    def _native(self, spec: TensorSpec) -> str:
        return self._artifact.native_names.get(spec.name, spec.name)

    def _features(
        self, inputs: Mapping[str, NDArray[np.generic]]
    ) -> dict[str, NDArray[np.generic]]:
        specs = self._artifact.signature.inputs
        if set(inputs) != {spec.name for spec in specs}:
            raise DataError(
                f"The artifact's inputs are {[spec.name for spec in specs]}, not {sorted(inputs)}."
            )
        return {self._native(spec): feature_of(spec, inputs, self._scales) for spec in specs}
