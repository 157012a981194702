"""The target `coreml`: ML Programs, evaluated on any machine in the types that they declare."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.targets.target import Missing, Session, TargetInfo, UnsupportedError


class CoreML:
    """The saved package, evaluated with ONNX Runtime."""

    info = TargetInfo(
        name="coreml",
        description="the Core ML package, evaluated here in the types that it declares",
        meaning="Proves the conversion, not Apple's hardware.",
        formats=("coreml",),
    )

    def missing(self) -> Missing | None:
        """Say whether ONNX Runtime is installed."""
        if importlib.util.find_spec("onnxruntime") is not None:
            return None
        return Missing(
            reason="ONNX Runtime is not installed here.", command="pip install onnxruntime onnx"
        )

    def version(self) -> str:
        """Return ONNX Runtime's version."""
        return f"onnxruntime {importlib.metadata.version('onnxruntime')}"

    def open(self, artifact: Artifact) -> Session:
        """Load a package."""
        raise UnsupportedError(f"{artifact.path.name}: the evaluator is not there yet.")
