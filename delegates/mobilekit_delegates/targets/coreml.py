"""The targets `coreml` and `coreml-fp32`: ML Programs, evaluated on any machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.coreml.canonical import IMAGES_KEY
from mobilekit_converters.errors import DataError, TargetError
from mobilekit_converters.signature import TensorSpec
from mobilekit_delegates.targets.target import Execution, LocalSession, Missing, TargetInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mobilekit_delegates.coreml.evaluator import Traced

    Reals = NDArray[np.float64]


class CoreML:
    """The saved package, evaluated with ONNX Runtime in the types that its program declares."""

    info = TargetInfo(
        name="coreml",
        description="the Core ML package, evaluated here in the types that it declares",
        meaning="Proves the conversion, not Apple's hardware.",
        formats=("coreml",),
        cost=10,
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
        self._images = _images(self._evaluator.package.spec)
        self.execution = Execution(
            place=f"ONNX Runtime {importlib.metadata.version('onnxruntime')}, "
            f"{self._evaluator.operations} operations",
            nodes=self._evaluator.operations,
        )

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch; see `Session.run`."""
        outputs = self._evaluator.run(self._features(inputs))
        return {
            spec.name: _output(spec, outputs, self._native(spec))
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
        return {
            self._native(spec): _feature(spec, inputs[spec.name], self._images.get(spec.name))
            for spec in specs
        }


def _images(spec: Any) -> dict[str, tuple[Reals, Reals]]:
    """The scale and offset of each image input, by the source's names, where the package says."""
    import numpy as np

    stored = dict(spec.description.metadata.userDefined).get(IMAGES_KEY, "{}")
    try:
        return {
            name: (np.asarray(image["scale"], float), np.asarray(image["offset"], float))
            for name, image in json.loads(stored).items()
        }
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise TargetError(f"The metadata {IMAGES_KEY} cannot be read: {error!r}.") from error


def _feature(
    spec: TensorSpec, values: NDArray[np.generic], image: tuple[Reals, Reals] | None
) -> NDArray[np.generic]:
    """Turn an input's values into what the program takes: images by channel, as whole pixels."""
    import numpy as np

    if values.shape != spec.shape:
        raise DataError(f"Input {spec.name!r} is {spec.shape}, not {values.shape}.")
    if spec.dtype != "uint8":
        if values.dtype.kind not in ("f" if spec.dtype.startswith("float") else "iub"):
            raise DataError(f"Input {spec.name!r} is {spec.dtype}, not {values.dtype}.")
        return values
    if values.dtype.kind == "f" and image is not None:
        scale, offset = image
        pixels = (values.astype(np.float64) - offset) / scale
        values = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    if values.dtype != np.uint8:
        raise DataError(f"Input {spec.name!r} takes the pixels of an image, not {values.dtype}.")
    return np.moveaxis(values, -1, 1)


def _output(
    spec: TensorSpec, outputs: Mapping[str, NDArray[np.generic]], native: str
) -> NDArray[np.generic]:
    if native not in outputs:
        raise TargetError(f"The package has no output {native!r}, only {sorted(outputs)}.")
    return outputs[native].astype(spec.dtype, copy=False)
