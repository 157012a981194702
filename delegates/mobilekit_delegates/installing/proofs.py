"""The proof that what was installed runs: a model of one operator, run for real."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import MobilekitError, ToolMissingError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_delegates.runner.here import run_here
from mobilekit_delegates.runner.job import read_result, write_job


def prove(python: Sequence[str]) -> str:
    """Run a model with the runner in a Python; return the runtime that ran it.

    Raises:
        ToolMissingError: it does not run, or answers something else.
    """
    import numpy as np

    inputs = np.array([-1, 2, -3, 4], "f4")
    with tempfile.TemporaryDirectory(prefix="proof-") as name:
        folder = Path(name)
        artifact = _relu(folder / "relu.tflite")
        write_job(folder, artifact, [{"x": inputs}])
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                ended = run_here(python, folder)
            result = read_result(folder, artifact, ended, target=" ".join(python))
        except MobilekitError as error:
            raise ToolMissingError(
                f"What was installed does not run, so it was removed: {error}"
            ) from error
    if not np.array_equal(result.outputs[0]["y"], np.maximum(inputs, 0)):
        raise ToolMissingError(
            f"What was installed computes wrongly, so it was removed: {' '.join(python)} says that "
            f"relu({inputs}) is {result.outputs[0]['y']}."
        )
    return result.runtime


def _relu(file: Path) -> Artifact:
    """Write y = relu(x) on four floats as a `.tflite` file."""
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    def tensor(name: str) -> object:
        made = schema.TensorT()
        made.name, made.shape, made.type = name, [4], schema.TensorType.FLOAT32
        return made

    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RELU
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0], [1]
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [tensor("x"), tensor("y")], [operator]
    graph.inputs, graph.outputs = [0], [1]
    model = schema.ModelT()
    model.version, model.operatorCodes = 3, [code]
    model.subgraphs, model.buffers = [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(512)
    builder.Finish(model.Pack(builder), b"TFL3")
    file.write_bytes(bytes(builder.Output()))
    return Artifact(
        variant="tflite-fp32",
        path=file,
        sha256=sha256_of_path(file),
        file_bytes=file.stat().st_size,
        signature=Signature(
            inputs=(TensorSpec(name="x", shape=(4,), dtype="float32"),),
            outputs=(TensorSpec(name="y", shape=(4,), dtype="float32"),),
        ),
    )
