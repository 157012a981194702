"""Runs lowered programs with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import TargetError
from mobilekit_delegates.coreml.graph import carrier
from mobilekit_delegates.coreml.lowering import Computed, Lowered, lower
from mobilekit_delegates.coreml.package import Package, broken, open_package, package_of_model
from mobilekit_delegates.coreml.program import Program, read_program

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A value that a program computed, as float32, int32 or truth values, and what computed it."""

    name: str
    operator: str
    array: Array


class Evaluator:
    """An ML Program that is ready to run, on one thread so that sums are always in one order.

    `inputs` of all methods are arrays by the program's own names; they are converted to the types
    that the program declares.
    """

    def __init__(self, package: Package, *, rounds: bool = True) -> None:
        """Read and lower a package's program.

        Args:
            package: the opened package.
            rounds: whether what is declared float16 is rounded to it after every operation.

        Raises:
            TargetError: the package is damaged, or ONNX Runtime cannot run the graph.
            UnsupportedError: it holds something that the evaluator does not know.
        """
        self.package = package
        self.program: Program = read_program(package)
        self._lowered: Lowered = lower(self.program, rounds=rounds)
        self._session = self._session_for(self._lowered.outputs.values())
        self._tracer: Any = None

    @property
    def operations(self) -> int:
        """How many operations the program has, constants aside."""
        return self._lowered.operations

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the program's outputs by its own names, as float32, int32 or truth values.

        Raises:
            TargetError: an input is missing, or ONNX Runtime could not run the program.
        """
        outputs = self._run(self._session, self._lowered.outputs, inputs)
        for name, output in outputs.items():
            self._check_shape(name, output)
        return outputs

    def trace(self, inputs: Mapping[str, Array]) -> list[Traced]:
        """Return every value that the program computes, in running order.

        Raises:
            TargetError: as `run`.
        """
        computed: tuple[Computed, ...] = self._lowered.computed
        names = [each.value.name for each in computed]
        if self._tracer is None:
            self._tracer = self._session_for(map(self._lowered.scope.tensor_of, names))
        answers = self._run(self._tracer, names, inputs)
        return [
            Traced(name=each.value.name, operator=each.operator, array=answers[each.value.name])
            for each in computed
        ]

    def _run(
        self, session: Any, outputs: Iterable[str], inputs: Mapping[str, Array]
    ) -> dict[str, Array]:
        feeds = self._feeds(inputs)
        try:
            return dict(zip(outputs, session.run(None, feeds), strict=True))
        except Exception as error:  # ONNX Runtime has no error of its own to catch.
            raise self._error("run", error) from error

    def _check_shape(self, name: str, output: Array) -> None:
        declared = self._lowered.types[name]
        if declared.dtype == "dictionary":
            return  # It has no shape: see the operator `classify`.
        if declared.shape == (None,):
            return  # One dimension that is not known may stand for any number of them.
        sizes = zip(np.shape(output), declared.shape, strict=False)
        if isinstance(output, np.ndarray) and (
            output.ndim != declared.rank
            or any(wanted not in (None, size) for size, wanted in sizes)
        ):
            raise broken(
                self.package.name,
                f"its output {name!r} is declared {declared} and comes out as {list(output.shape)}",
            )

    def _feeds(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        feeds = {}
        for value in self.program.inputs:
            if value.name not in inputs:
                raise TargetError(
                    f"{self.package.name} has an input {value.name!r}; none is given."
                )
            array = np.asarray(inputs[value.name])
            if value.type.is_float and value.type.dtype == "float16" and self._lowered.graph.rounds:
                array = array.astype(np.float16)
            feeds[value.name] = array.astype(carrier(value.type.dtype), copy=False)
        return feeds

    def _session_for(self, outputs: Iterable[str]) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        model = self._lowered.graph.model(list(outputs))
        try:
            return onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise self._error("load", error) from error

    def _error(self, verb: str, error: Exception) -> TargetError:
        message = " ".join(str(error).split())[:500]
        return TargetError(f"ONNX Runtime could not {verb} {self.package.name}: {message}")


def predict(
    model: Path | Package | Any, inputs: Mapping[str, Array], *, rounds: bool = True
) -> dict[str, Array]:
    """Evaluate a package once, whatever outputs its program declares.

    Args:
        model: the path of a `.mlpackage`, an opened package, or a `coremltools.models.MLModel`,
            which need be neither saved nor loaded.
        inputs: arrays by the program's own names.
        rounds: whether what is declared float16 is rounded to it after every operation.

    Raises:
        TargetError: the package is damaged.
        UnsupportedError: it holds something that the evaluator does not know.
    """
    if isinstance(model, (str, Path)):
        model = open_package(Path(model))
    elif not isinstance(model, Package):
        model = package_of_model(model)
    return Evaluator(model, rounds=rounds).run(inputs)
