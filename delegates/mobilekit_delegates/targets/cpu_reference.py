"""The target `cpu-reference`: LiteRT's plain kernels, which say what an operator means."""

from __future__ import annotations

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.variants import Format
from mobilekit_delegates.targets.litert_interpreter import InterpreterSession, why_litert_is_missing


class CpuReference:
    """LiteRT on this machine's CPU, with the reference kernels."""

    name = "cpu-reference"
    description = "LiteRT on this machine's CPU, with its reference kernels"

    def takes(self, format: Format) -> bool:
        """Take TFLite artifacts."""
        return format == "tflite"

    def availability(self) -> str | None:
        """Say whether LiteRT is installed."""
        return why_litert_is_missing()

    def open(self, artifact: Artifact) -> InterpreterSession:
        """Load an artifact with LiteRT's reference kernels."""
        return InterpreterSession(artifact, kernels="BUILTIN_REF", target=self.name)
