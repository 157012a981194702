"""Files that are whole and still bring a native runtime down: a failed check, with what it said."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mobilekit.jobs import Limits
from mobilekit.parity.golden import Golden, write_golden
from mobilekit.progress import PlainProgress
from mobilekit.results import Check, Report
from mobilekit.verification import Settings, verify
from mobilekit_converters.errors import DataError
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant

MEMORY = 900 * 2**20


def make(
    folder: Path, function: Callable[[Any], Any], inputs: TensorSpec, outputs: TensorSpec
) -> Path:
    """A `.tflite` file of a function of one input, and the folder `golden` with zeros beside it."""
    signature = Signature(inputs=(inputs,), outputs=(outputs,))
    freeze(lambda tensors: {outputs.name: function(tensors[inputs.name])}, signature, folder / "f")
    path = folder / "model.tflite"
    convert(variant("tflite-fp32"), folder / "f", path, TFLiteOptions(), None)
    golden(folder / "golden", inputs, outputs)
    return path


def golden(folder: Path, inputs: TensorSpec, outputs: TensorSpec) -> None:
    def zeros(spec: TensorSpec) -> NDArray[np.generic]:
        return np.zeros((3, *spec.shape[1:]), spec.dtype)

    write_golden(
        folder,
        Golden(
            inputs={inputs.name: zeros(inputs)},
            outputs={outputs.name: zeros(outputs)},
            origin="Zeros.",
        ),
    )


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Change a file through TensorFlow's object form of the schema, in place."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    change(model)
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def run(path: Path, seconds: float = 60) -> Report:
    settings = Settings(
        limits=Limits(workers=1, memory=MEMORY, seconds=seconds),
        targets=("cpu",),
        golden=path.parent / "golden",
    )
    return verify(path, settings, PlainProgress(StringIO()))


def only_check(report: Report) -> Check:
    (artifact,) = report.variants
    (check,) = artifact.checks
    assert report.verdict == "fail"
    assert artifact.status == "built"
    return check


def spec(name: str, *shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype=dtype)


def test_a_graph_that_runs_itself_crashes_its_own_process_only(tmp_path: Path) -> None:
    """An IF both of whose branches are the graph that it stands in: LiteRT's stack overflows."""
    import tensorflow as tf

    def recurse(model: Any) -> None:
        from tensorflow.lite.python import schema_py_generated as schema

        graph = model.subgraphs[0]
        code = model.operatorCodes[graph.operators[0].opcodeIndex]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.IF
        branches = schema.IfOptionsT()
        branches.thenSubgraphIndex = branches.elseSubgraphIndex = 0
        graph.operators[0].inputs = [graph.inputs[0], graph.inputs[0]]
        graph.operators[0].builtinOptions = branches
        graph.operators[0].builtinOptionsType = schema.BuiltinOptions.IfOptions

    path = make(tmp_path, tf.logical_not, spec("x", 1, dtype="bool"), spec("y", 1, dtype="bool"))
    edit(path, recurse)
    check = only_check(run(path))
    assert check.status == "fail"
    assert "its process ended: SIGSEGV" in check.reason
    assert "It last said: INFO: Created TensorFlow Lite XNNPACK delegate" in check.reason


def test_a_graph_that_asks_for_gigabytes_is_ended(tmp_path: Path) -> None:
    """Half a gigabyte of activations, by eight bytes of the file."""
    import tensorflow as tf

    def stretch(model: Any) -> None:
        multiples = np.array([1, 3], np.int32).tobytes()
        for buffer in model.buffers:
            if buffer.data is not None and bytes(buffer.data) == multiples:
                buffer.data = list(np.array([1, 2**27], np.int32).tobytes())

    def function(x: Any) -> Any:
        return tf.reduce_max(tf.nn.relu(tf.tile(x, [1, 3])), axis=1)

    path = make(tmp_path, function, spec("x", 1, 4), spec("y", 1))
    assert run(path).verdict == "pass"
    edit(path, stretch)
    check = only_check(run(path))
    assert check.status == "fail"
    assert "it used more than 0.9 GiB of memory" in check.reason


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (spec("z", 1, 4), spec("y", 1, 4), "it has the inputs z, and model.tflite has x"),
        (spec("x", 1, 4), spec("z", 1, 4), "it has the outputs z, and model.tflite has y"),
        (spec("x", 1, 5), spec("y", 1, 4), r"its input 'x' has the shape \(5,\), and .* \(4,\)"),
        (spec("x", 1, 4), spec("y", 1, 2, 2), r"its output 'y' has the shape \(2, 2\), and .*\(4,"),
    ],
)
def test_an_artifact_of_another_signature_is_no_crash(
    inputs: TensorSpec, outputs: TensorSpec, message: str, tmp_path: Path
) -> None:
    import tensorflow as tf

    path = make(tmp_path, tf.nn.relu, spec("x", 1, 4), spec("y", 1, 4))
    golden(tmp_path / "golden", inputs, outputs)
    with pytest.raises(DataError, match=f"The golden is another model's: .*{message}"):
        run(path)
