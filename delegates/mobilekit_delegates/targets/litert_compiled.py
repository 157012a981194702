"""LiteRT's CompiledModel as a session; its targets differ only in the options that they choose."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, TargetError
from mobilekit_converters.signature import TensorSpec
from mobilekit_delegates.quantised_values import real_output, stored_input
from mobilekit_delegates.targets.target import LocalSession, UnsupportedError
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan, time_here

if TYPE_CHECKING:
    import numpy as np
    from ai_edge_litert.compiled_model import Options
    from numpy.typing import NDArray

    from mobilekit_delegates.targets.target import Arrays

NO_VARIABLES = "Variable tensors not yet supported"
"""What LiteRT says of a graph that keeps state from run to run, as a fused LSTM does."""

_STILL_BUSY = "Failed to lock custom tensor buffer"
"""What LiteRT says after waiting for a device for about two minutes. A software device may still be
compiling the graph's kernels then; it has them when it is asked again."""

_MOST_WAITS = 5

_DECORATION = re.compile(r"\[[^\]]*:\d+\]|(message=)?\bERROR:|└")
"""What LiteRT puts around its words: where in its own sources it was, and how bad it is."""


class CompileError(TargetError):
    """LiteRT could not compile an artifact. `log` is what it wrote to standard error meanwhile."""

    def __init__(self, message: str, log: str = "") -> None:
        """Keep the log beside the message."""
        super().__init__(message)
        self.log = log


class CompiledSession(LocalSession):
    """An artifact that LiteRT has compiled for the accelerators in its options."""

    def __init__(
        self, artifact: Artifact, options: Options, *, target: str, waits: bool = False
    ) -> None:
        """Compile an artifact.

        Args:
            artifact: a `.tflite` artifact.
            options: the accelerators and how exact they are.
            target: the target's name, for messages.
            waits: whether a run may return before it ended, so that `invoke` has to read what came
                out to wait for the end.

        Raises:
            CompileError: LiteRT could not.
            UnsupportedError: the artifact keeps state, which a CompiledModel does not do yet.
        """
        from ai_edge_litert.compiled_model import CompiledModel

        self._artifact = artifact
        self._target = target
        self._inputs: dict[str, Any] = {}
        self._outputs: dict[str, Any] = {}
        self._waits = waits
        self.clocked = "a run, until its outputs are here" if waits else "CompiledModel's run"
        log: list[str] = []
        started = time.perf_counter_ns()
        try:
            with captured_stderr(log.append):
                self._model: Any = CompiledModel.from_file(str(artifact.path), options=options)
            self._key = _signature_key(self._model)
            self._make_buffers()
            self.load_ns = time.perf_counter_ns() - started
            # Reading the file and compiling it are one call.
            self.prepare_ns: int | None = None
        except (RuntimeError, ValueError) as error:
            text = "".join(log)
            if NO_VARIABLES in text:
                raise UnsupportedError(
                    f"{target} does not run {artifact.path.name}: it keeps state in variable "
                    "tensors, which LiteRT's CompiledModel does not support yet."
                ) from error
            raise CompileError(self._message("load", error, text), text) from error

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch; see `Session.run`."""
        stored = self.stored(inputs)
        for _ in range(_MOST_WAITS):
            try:
                return self._run(stored)
            except (RuntimeError, ValueError) as error:
                if _STILL_BUSY not in str(error):
                    raise TargetError(self._message("run", error)) from error
                # Buffers that could not be read stay locked.
                self._make_buffers()
        raise TargetError(
            f"{self._target} could not run {self._artifact.path.name}: the accelerator did not "
            "answer in time."
        )

    def stored(self, inputs: Arrays) -> dict[str, NDArray[np.generic]]:
        """Return a batch as `set_inputs` takes it; see `TimedSession`."""
        specs = self._artifact.signature.inputs
        if set(inputs) != {spec.name for spec in specs}:
            raise DataError(
                f"The artifact's inputs are {[spec.name for spec in specs]}, not {sorted(inputs)}."
            )
        return {spec.name: stored_input(spec, inputs[spec.name]) for spec in specs}

    def set_inputs(self, stored: dict[str, NDArray[np.generic]]) -> None:
        """Set what the next run takes."""
        for name, values in stored.items():
            _write(self._inputs[name], values)

    def invoke(self) -> None:
        """Run on what was set."""
        self._model.run_by_name(self._key, self._inputs, self._outputs)
        if self._waits:
            for spec in self._artifact.signature.outputs:
                _read(self._outputs[spec.name], spec)

    def _run(self, stored: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        self.set_inputs(stored)
        self._model.run_by_name(self._key, self._inputs, self._outputs)
        return {
            spec.name: real_output(spec, _read(self._outputs[spec.name], spec))
            for spec in self._artifact.signature.outputs
        }

    def close(self) -> None:
        """Free the model and its buffers."""
        self._inputs, self._outputs = {}, {}
        self._model = None

    def _make_buffers(self) -> None:
        model, signature = self._model, self._artifact.signature
        known = model.get_signature_list()[self._key]
        missing = [spec.name for spec in signature.inputs if spec.name not in known["inputs"]]
        missing += [spec.name for spec in signature.outputs if spec.name not in known["outputs"]]
        if missing:
            raise ValueError(f"the file has no input or output named {', '.join(missing)}")
        self._inputs = {
            spec.name: model.create_input_buffer_by_name(self._key, spec.name)
            for spec in signature.inputs
        }
        self._outputs = {
            spec.name: model.create_output_buffer_by_name(self._key, spec.name)
            for spec in signature.outputs
        }

    def _message(self, verb: str, error: Exception, log: str = "") -> str:
        """Say what went wrong, in LiteRT's words without its own file names and line numbers."""
        lines = [*re.findall(r"^ERROR: (.*)$", log, re.MULTILINE), *str(error).splitlines()]
        words = [_DECORATION.sub("", line).strip(" .,") for line in lines]
        said = "; ".join(dict.fromkeys(word for word in words if word))
        name = self._artifact.path.name
        return f"{self._target} could not {verb} {name}: {said or type(error).__name__}."


def time_compiled(
    open_session: Callable[[], CompiledSession], batches: Sequence[Arrays], plan: TimingPlan
) -> TimedRuns:
    """Time what LiteRT compiles; see `TimedTarget.time_artifact`."""
    try:
        return time_here(open_session, batches, plan)
    except (RuntimeError, ValueError) as error:
        raise TargetError(f"LiteRT could not run it: {error}.") from error


def default_cpu_options(threads: int = 1) -> Options:
    """Return options for the CPU alone; on one thread sums are always in one order."""
    from ai_edge_litert.compiled_model import CpuOptions, Options

    return Options(cpu_options=CpuOptions(num_threads=threads))


@contextlib.contextmanager
def captured_stderr(keep: Callable[[str], object]) -> Iterator[None]:
    """Hand over what is written to standard error meanwhile, native code's too.

    It is written there afterwards, so that a log still holds all of it.
    """
    sys.stderr.flush()
    original = os.dup(2)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(original, 2)
                file.seek(0)
                written = file.read()
                os.write(2, written)
                keep(written.decode(errors="replace"))
    finally:
        os.close(original)


def _signature_key(model: Any) -> str:
    """Choose a signature as reading an artifact back does; a file without one has a stand-in."""
    keys = list(model.get_signature_list())
    return "serving_default" if "serving_default" in keys else keys[0]


# As bytes, because LiteRT's Python knows fewer dtypes than its buffers hold: no int16, no int64.


def _write(buffer: Any, values: NDArray[np.generic]) -> None:
    import numpy as np

    buffer.write(values.reshape(-1).view(np.uint8))


def _read(buffer: Any, spec: TensorSpec) -> NDArray[np.generic]:
    import math

    import numpy as np

    dtype = np.dtype(spec.dtype)
    data = buffer.read(math.prod(spec.shape) * dtype.itemsize, np.uint8)
    values: NDArray[np.generic] = data.view(dtype).reshape(spec.shape)
    return values
