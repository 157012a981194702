"""LiteRT's interpreter as a session; its targets differ only in the kernels that they choose."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, TargetError
from mobilekit_converters.signature import Signature
from mobilekit_delegates.quantised_values import real_output, stored_input
from mobilekit_delegates.runner.runner import processor_name, tensor_indices
from mobilekit_delegates.targets.target import LocalSession, Missing
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan, time_here

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mobilekit_delegates.targets.target import Arrays

    Stored = list[tuple[int, NDArray[np.generic]]]
    """What an input's tensor is called, and what it stores."""


class InterpreterSession(LocalSession):
    """An artifact in LiteRT's interpreter, on one thread so that sums are always in one order.

    A damaged file can end the process from native code, so open files that are not known to be
    good in a process of their own.
    """

    clocked = "the interpreter's invoke()"

    def __init__(self, artifact: Artifact, *, kernels: str, target: str, threads: int = 1) -> None:
        """Load an artifact.

        Args:
            artifact: a `.tflite` artifact.
            kernels: a member of `ai_edge_litert.interpreter.OpResolverType`.
            target: the target's name, for messages.
            threads: how many it may use.

        Raises:
            TargetError: LiteRT could not load it.
        """
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._artifact = artifact
        self._target = target
        try:
            started = time.perf_counter_ns()
            self._interpreter: Any = Interpreter(
                model_path=str(artifact.path),
                num_threads=threads,
                experimental_op_resolver_type=OpResolverType[kernels],
            )
            self.load_ns = time.perf_counter_ns() - started
            # Here XNNPACK takes what it can and packs its weights.
            self._interpreter.allocate_tensors()
            self.prepare_ns: int | None = time.perf_counter_ns() - started - self.load_ns
            self._inputs, self._outputs = _tensor_indices(self._interpreter, artifact.signature)
        except (RuntimeError, ValueError) as error:
            raise self._error("load", error) from error

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch; see `Session.run`."""
        stored = self.stored(inputs)
        try:
            self.set_inputs(stored)
            self.invoke()
            return {
                spec.name: real_output(spec, self._interpreter.get_tensor(self._outputs[spec.name]))
                for spec in self._artifact.signature.outputs
            }
        except (RuntimeError, ValueError) as error:
            raise self._error("run", error) from error

    def stored(self, inputs: Arrays) -> Stored:
        """Return a batch as `set_inputs` takes it; see `TimedSession`."""
        specs = self._artifact.signature.inputs
        if set(inputs) != {spec.name for spec in specs}:
            raise DataError(
                f"The artifact's inputs are {[spec.name for spec in specs]}, not {sorted(inputs)}."
            )
        return [(self._inputs[spec.name], stored_input(spec, inputs[spec.name])) for spec in specs]

    def set_inputs(self, stored: Stored) -> None:
        """Set what the next run takes."""
        # Recurrent layers keep their state in the file's variables from run to run.
        self._interpreter.reset_all_variables()
        for index, values in stored:
            self._interpreter.set_tensor(index, values)

    def invoke(self) -> None:
        """Run on what was set."""
        self._interpreter.invoke()

    def close(self) -> None:
        """Free the interpreter."""
        self._interpreter = None

    def _error(self, verb: str, error: Exception) -> TargetError:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return TargetError(
            f"{self._target} could not {verb} {self._artifact.path.name}: "
            f"{'; '.join(lines[:3]) or type(error).__name__}."
        )


def time_interpreter(
    artifact: Artifact,
    batches: Sequence[Arrays],
    plan: TimingPlan,
    *,
    kernels: str,
    target: str,
) -> TimedRuns:
    """Time an artifact in LiteRT's interpreter; see `TimedTarget.time_artifact`."""

    def opened() -> InterpreterSession:
        return InterpreterSession(artifact, kernels=kernels, target=target, threads=plan.threads)

    try:
        return replace(time_here(opened, batches, plan), place=processor_name())
    except (RuntimeError, ValueError) as error:
        raise TargetError(f"{target} could not run {artifact.path.name}: {error}.") from error


def why_litert_is_missing() -> Missing | None:
    """Say how to get LiteRT where it is not installed; it is not imported to find out."""
    if importlib.util.find_spec("ai_edge_litert") is not None:
        return None
    return Missing(reason="LiteRT is not installed here.", command="pip install ai-edge-litert")


def litert_version() -> str:
    """Return LiteRT's version as a text for `Target.version`."""
    return f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}"


def _tensor_indices(
    interpreter: Any, signature: Signature
) -> tuple[dict[str, int], dict[str, int]]:
    """Map the signature's names to the interpreter's tensors, which the file must have."""
    inputs, outputs = tensor_indices(interpreter)
    missing = [spec.name for spec in signature.inputs if spec.name not in inputs]
    missing += [spec.name for spec in signature.outputs if spec.name not in outputs]
    if missing:
        raise ValueError(f"the file has no input or output named {', '.join(missing)}")
    return inputs, outputs
