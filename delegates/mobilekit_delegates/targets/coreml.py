"""The targets `coreml` and `coreml-fp32`: ML Programs, evaluated on any machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError
from mobilekit_converters.signature import TensorSpec
from mobilekit_delegates.targets.coreml_features import feature_of, image_scales, output_of
from mobilekit_delegates.targets.target import Execution, LocalSession, Missing, TargetInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mobilekit_delegates.coreml.evaluator import Traced


class CoreML:
    """The saved package, evaluated with ONNX Runtime in the types that its program declares."""

    info = TargetInfo(
        name="coreml",
        description="the Core ML package, evaluated here in the types that it declares",
        meaning="Proves the conversion, not Apple's hardware.",
        formats=("coreml",),
        cost=10,
        memory=400 * 2**20,
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


class CoreMLFp32(CoreML):
    """The same program in float32 throughout: what is left is not float16's doing."""

    info = TargetInfo(
        name="coreml-fp32",
        description="the Core ML package, evaluated here in float32 throughout",
        meaning="Proves the conversion without float16's rounding, not Apple's hardware.",
        formats=("coreml",),
        cost=10,
        memory=400 * 2**20,
    )
    rounds = False


class CoreMLSession(LocalSession):
    """A package in the evaluator."""

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

        self._artifact = artifact
        self._evaluator = Evaluator(open_package(artifact.path), rounds=rounds)
        self._scales = image_scales(self._evaluator.package.spec)
        self.execution = Execution(
            place=f"ONNX Runtime {importlib.metadata.version('onnxruntime')}, "
            f"{self._evaluator.operations} operations",
            nodes=self._evaluator.operations,
        )

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch; see `Session.run`."""
        outputs = self._evaluator.run(self._features(inputs))
        return {
            spec.name: output_of(spec, outputs, self._native(spec))
            for spec in self._artifact.signature.outputs
        }

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
