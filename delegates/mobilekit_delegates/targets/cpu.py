"""The target `cpu`: what an Android phone runs when no accelerator takes the model."""

from __future__ import annotations

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.variants import Format
from mobilekit_delegates.targets.litert_interpreter import InterpreterSession, why_litert_is_missing


class Cpu:
    """LiteRT on this machine's CPU, with XNNPACK and the optimised kernels."""

    name = "cpu"
    description = "LiteRT on this machine's CPU, with XNNPACK"

    def takes(self, format: Format) -> bool:
        """Take TFLite artifacts."""
        return format == "tflite"

    def availability(self) -> str | None:
        """Say whether LiteRT is installed."""
        return why_litert_is_missing()

    def open(self, artifact: Artifact) -> InterpreterSession:
        """Load an artifact with LiteRT's default kernels, which are XNNPACK's where it has them."""
        return InterpreterSession(artifact, kernels="AUTO", target=self.name)
