"""Weights in int8 that the runtime unpacks: what is stored, and what is computed with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite_models
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tflite_models import Make, spec
from tools import require_target

from mobilekit.parity.program.comparison import compare_programs
from mobilekit.parity.program.tflite import read_tflite_program
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.tflite.flatbuffer import Tensor, read_model
from mobilekit_converters.tflite.weight_only import quantise, store_weights_in_int8
from mobilekit_converters.variants import variant
from mobilekit_delegates.targets import TARGETS

ALIGNMENT = 16


def stored(path: Path) -> list[Tensor]:
    """Return the constants in int8, in the order of the nodes that unpack them."""
    graph = read_model(path).subgraphs[0]
    nodes = [node for node in graph.operators if node.name == "DEQUANTIZE"]
    assert all(node.version == 5 for node in nodes)
    return [graph.tensors[node.inputs[0]] for node in nodes]


@given(
    arrays.arrays(
        np.float32,
        arrays.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5),
        elements=st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False),
    ),
    st.data(),
)
def test_rounding_moves_a_weight_by_half_a_step_at_most(values: Any, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, values.ndim - 1))
    integers, scales = quantise(values, axis)
    assert (integers.shape, scales.shape) == (values.shape, (values.shape[axis],))
    assert integers.min() >= -127
    assert (scales > 0).all()
    assert np.isfinite(scales).all()
    wide = np.moveaxis(values, axis, -1).astype("f8")
    unpacked = np.moveaxis(integers, axis, -1) * scales.astype("f8")
    assert (np.abs(unpacked - wide) <= scales * (0.5 + 1e-4)).all()


def test_each_channel_has_a_scale_of_its_own() -> None:
    values = np.array([[127, -1], [0, 0], [0.0254, 0.0127]], "f4")
    integers, scales = quantise(values, 0)
    assert integers.tolist() == [[127, -1], [0, 0], [127, 64]]
    assert scales == pytest.approx([1, 1, 0.0002])


def test_weights_are_stored_by_channel_and_the_rest_stays(make: Make) -> None:
    exact, packed = (read_model(make(name).path).subgraphs[0] for name in ("fp32", "w8"))
    kernel, dense = stored(make("w8").path)
    assert (kernel.shape, kernel.dtype, kernel.constant_bytes) == ((16, 3, 3, 2), "int8", 288)
    assert (dense.shape, dense.dtype, dense.constant_bytes) == ((10, 256), "int8", 2560)
    for tensor, axis in ((kernel, 0), (dense, 0)):
        assert tensor.quantisation is not None
        assert tensor.quantisation.axis == axis
        assert len(tensor.quantisation.scales) == tensor.shape[axis]
        assert set(tensor.quantisation.zero_points) == {0}
    names = [node.name for node in packed.operators if node.name not in ("DEQUANTIZE", "ADD")]
    assert names == [node.name for node in exact.operators]
    known = {tensor.name: tensor.dtype for tensor in packed.tensors}
    assert all(known[tensor.name] == tensor.dtype for tensor in exact.tensors)
    assert make("w8").file_bytes < make("dynamic").file_bytes < 0.5 * make("fp32").file_bytes


def test_it_computes_in_floats_with_the_rounded_weights(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    weights = random.normal(0, 1, (64, 32)).astype("f4") * np.logspace(-3, 3, 32, dtype="f4")
    artifact = _dense(tmp_path, lambda x: x @ weights)
    integers, scales = quantise(weights.T, 0)
    inputs = random.normal(0, 1, (1, 64)).astype("f4")
    expected = inputs @ (integers * scales[:, None]).T
    for target in ("cpu", "cpu-reference"):
        with TARGETS[target].open(artifact) as session:
            found = session.run({"x": inputs})["y"]
        assert found / scales == pytest.approx(expected / scales, rel=1e-4, abs=1e-2)


def test_weights_that_layers_share_are_stored_once(tmp_path: Path) -> None:
    weights = np.random.default_rng(7).normal(0, 1, (64, 64)).astype("f4")
    artifact = _dense(tmp_path, lambda x: (x @ weights) @ weights)
    assert artifact.operators == {"DEQUANTIZE": 1, "FULLY_CONNECTED": 2}


def test_a_dense_layers_bias_is_added_apart(tmp_path: Path) -> None:
    """LiteRT 2.3.0's GPU accelerator forgets it where the weights are no constants."""
    import tensorflow as tf

    random = np.random.default_rng(8)
    weights, bias = random.normal(0, 1, (64, 32)).astype("f4"), random.normal(0, 9, 32).astype("f4")

    def layer(x: Any) -> Any:
        return tf.nn.relu(x @ weights + bias)

    artifact = _dense(tmp_path, layer)
    assert artifact.operators == {"ADD": 1, "DEQUANTIZE": 1, "FULLY_CONNECTED": 1}
    inputs = random.normal(0, 1, (1, 64)).astype("f4")
    integers, scales = quantise(weights.T, 0)
    expected = np.maximum(inputs @ (integers * scales[:, None]).T + bias, 0)
    require_target("gpu-fp32")
    for target in ("cpu", "cpu-reference", "gpu-fp32"):
        with TARGETS[target].open(artifact) as session:
            assert session.run({"x": inputs})["y"] == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_the_check_of_the_program_knows_a_bias_that_is_added_apart(tmp_path: Path) -> None:
    random = np.random.default_rng(11)
    weights, bias = random.normal(0, 1, (64, 32)).astype("f4"), random.normal(0, 1, 32).astype("f4")
    packed, exact = (
        _dense(tmp_path / name, lambda x: x @ weights + bias, name) for name in ("w8", "fp32")
    )

    def error() -> float:
        programs = (read_tflite_program(packed.path), read_tflite_program(exact.path))
        comparison = compare_programs(*programs, "fp32")
        assert comparison.differences == ()
        return comparison.metrics["weight_error"]

    assert 0 < error() < 0.01

    def spoil(model: Any) -> None:
        (adding,) = (
            node
            for node in model.subgraphs[0].operators
            if node.builtinOptions is not None and hasattr(node.builtinOptions, "potScaleInt16")
        )
        stored = model.buffers[model.subgraphs[0].tensors[adding.inputs[1]].buffer]
        values = np.array(stored.data, np.uint8).view("f4").copy()
        values[3] += 5
        stored.data = values.view(np.uint8)

    tflite_models.edit(packed.path, spoil)
    assert error() > 0.5


def test_the_weights_of_groups_are_stored_in_float16(tmp_path: Path) -> None:
    """LiteRT 2.3.0's GPU accelerator does not know groups where the weights are no constants."""
    import tensorflow as tf

    kernel = np.random.default_rng(9).normal(0, 1, (3, 3, 8, 32)).astype("f4")
    tflite_models.freeze_function(
        tmp_path / "frozen",
        lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"),
        spec("x", 1, 8, 8, 32),
        spec("y", 1, 8, 8, 32),
    )
    output = tmp_path / "model.tflite"
    artifact = convert(variant("tflite-w8"), tmp_path / "frozen", output, TFLiteOptions(), None)
    assert artifact.operators == {"CONV_2D": 1, "DEQUANTIZE": 1}
    graph = read_model(output).subgraphs[0]
    (node,) = (node for node in graph.operators if node.name == "DEQUANTIZE")
    assert (graph.tensors[node.inputs[0]].dtype, node.version) == ("float16", 3)
    image = np.random.default_rng(10).normal(0, 1, (1, 8, 8, 32)).astype("f4")
    require_target("gpu-fp32")
    found = []
    for target in ("cpu-reference", "gpu-fp32"):
        with TARGETS[target].open(artifact) as session:
            found.append(session.run({"x": image})["y"])
    assert found[0] == pytest.approx(found[1], rel=1e-3, abs=1e-3)


def test_small_weights_stay(tmp_path: Path) -> None:
    artifact = _dense(tmp_path, lambda x: x @ np.ones((64, 1), "f4"))
    exact = _dense(tmp_path / "exact", lambda x: x @ np.ones((64, 1), "f4"), "fp32")
    assert artifact.operators == exact.operators == {"FULLY_CONNECTED": 1}
    assert "its tensors show fp32" in artifact.proofs


def test_weights_that_are_not_finite_stay(make: Make) -> None:
    model = schema.ModelT.InitFromPackedBuf(make("fp32").path.read_bytes(), 0)
    (dense,) = (tensor for tensor in model.subgraphs[0].tensors if list(tensor.shape) == [10, 256])
    values = np.array(model.buffers[dense.buffer].data, np.uint8).view("f4")
    values[5] = np.nan
    model.buffers[dense.buffer].data = values.view(np.uint8)
    packed = schema.ModelT.InitFromPackedBuf(store_weights_in_int8(_written(model)), 0)
    dtypes = {tuple(tensor.shape): tensor.type for tensor in packed.subgraphs[0].tensors[::-1]}
    assert dtypes[10, 256] == schema.TensorType.FLOAT32
    kernels = [t for t in packed.subgraphs[0].tensors if t.type == schema.TensorType.INT8]
    assert [list(tensor.shape) for tensor in kernels] == [[16, 3, 3, 2]]


def test_data_lie_where_the_schema_wants_them(make: Make) -> None:
    content = make("w8").path.read_bytes()
    model = schema.Model.GetRootAsModel(content, 0)
    start = np.frombuffer(content, np.uint8).__array_interface__["data"][0]
    for index in range(model.BuffersLength()):
        data = model.Buffers(index).DataAsNumpy()
        if not isinstance(data, int):
            assert (data.__array_interface__["data"][0] - start) % ALIGNMENT == 0


def _dense(folder: Path, function: Any, precision: str = "w8") -> Artifact:
    """Convert a function of 64 numbers."""
    import tensorflow as tf

    result = function(tf.zeros((1, 64))).shape[1]
    tflite_models.freeze_function(
        folder / "frozen", function, spec("x", 1, 64), spec("y", 1, result)
    )
    output = folder / "model.tflite"
    return convert(variant(f"tflite-{precision}"), folder / "frozen", output, TFLiteOptions(), None)


def _written(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
