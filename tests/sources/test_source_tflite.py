from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobilekit_converters.errors import SourceError
from mobilekit_converters.sources import SourceOptions, examine, open_source

OPTIONS = SourceOptions()


def rewritten(tflite_file: Path, tmp_path: Path, change: Callable[[Any], Any]) -> Path:
    """Copy a TFLite file with a changed structure."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(tflite_file.read_bytes())
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "changed.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path


@pytest.fixture(scope="session")
def int8_file(folder: Path) -> Path:
    """Full integer: int8 in and out."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [keras.Input((4,), name="x", batch_size=1), keras.layers.Dense(3, name="dense")]
    )
    rng = np.random.default_rng(0)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([rng.random((1, 4), np.float32)] for _ in range(8))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    path = folder / "int8.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.fixture(scope="session")
def two_signatures(folder: Path) -> Path:
    import tensorflow as tf

    module = tf.Module()
    for name, shape, factor in (("triple", [None, 3], 3.0), ("double", [None, None, 3], 2.0)):

        def multiply(x: Any, factor: float = factor) -> dict[str, Any]:
            return {"out": x * factor}

        spec = tf.TensorSpec(shape, name="x")
        setattr(module, name, tf.function(multiply).get_concrete_function(spec))
    signatures = {"triple": module.triple, "double": module.double}
    tf.saved_model.save(module, str(folder / "two"), signatures)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(folder / "two"), signature_keys=list(signatures)
    )
    path = folder / "two.tflite"
    path.write_bytes(converter.convert())
    return path


def test_signature_and_values(tflite_file: Path) -> None:
    source = open_source(tflite_file, SourceOptions(signature="serving_default"))
    assert source.kind == "tflite"
    assert source.framework.startswith("LiteRT 2.")
    assert source.parameters is None
    assert {str(s) for s in source.signature.inputs} == {"x: float32 1×3", "y: float32 2"}
    assert {str(s) for s in source.signature.outputs} == {
        "sum: float32 1×2",
        "product: float32 1×2",
    }
    x, y = np.array([[1, 2, 3]], np.float32), np.array([10, 20], np.float32)
    weight = np.arange(6, dtype=np.float32).reshape(3, 2)
    results = source.predict({"x": x, "y": y})
    np.testing.assert_allclose(results["sum"], x @ weight + y)
    np.testing.assert_allclose(results["product"], x @ weight * y)
    assert list(results) == [spec.name for spec in source.signature.outputs]


def test_open_dimensions_are_fixed_as_asked(two_signatures: Path) -> None:
    options = SourceOptions(signature="double", shapes={"x": (4, 3)}, batch=2)
    source = open_source(two_signatures, options)
    assert [s.shape for s in source.signature] == [(2, 4, 3), (2, 4, 3)]
    x = np.random.default_rng(0).random((2, 4, 3), np.float32)
    np.testing.assert_array_equal(source.predict({"x": x})["out"], 2 * x)
    with pytest.raises(SourceError, match=r"dimension 1 .*\[model\.inputs\.x\]"):
        open_source(two_signatures, SourceOptions(signature="double"))


def test_missing_signature_is_named(two_signatures: Path) -> None:
    with pytest.raises(SourceError, match=r"no signature 'dubble'.* 'double'.*double, triple"):
        examine(two_signatures, SourceOptions(signature="dubble"))
    with pytest.raises(SourceError, match=r"double, triple\. Choose one"):
        examine(two_signatures, OPTIONS)
    source = open_source(two_signatures, SourceOptions(signature="triple"))
    x = np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(source.predict({"x": x})["out"], 3 * x)


def test_quantised_file_keeps_its_own_dtypes(int8_file: Path) -> None:
    source = open_source(int8_file, OPTIONS)
    (x,), (y,) = source.signature.inputs, source.signature.outputs
    assert (x.dtype, x.shape, y.dtype, y.shape) == ("int8", (1, 4), "int8", (1, 3))
    assert x.quantisation is not None
    assert len(x.quantisation.scales) == len(x.quantisation.zero_points) == 1
    assert x.quantisation.axis is None
    # Inputs in [0, 1) fill the range of int8.
    assert 0.9 < x.quantisation.scales[0] * 255 < 1.1
    stored = np.array([[-128, 0, 50, 127]], np.int8)
    result = source.predict({x.name: stored})[y.name]
    assert result.dtype == np.int8
    np.testing.assert_array_equal(result, source.predict({x.name: stored})[y.name])


def test_file_without_signatures_has_its_tensors_names(tflite_file: Path, tmp_path: Path) -> None:
    def forget(model: Any) -> None:
        model.signatureDefs = None

    source = open_source(rewritten(tflite_file, tmp_path, forget), OPTIONS)
    assert {spec.shape for spec in source.signature.inputs} in ({(1, 3), (2,)}, {(1, 4, 3)})
    values = {s.name: np.ones(s.shape, np.float32) for s in source.signature.inputs}
    assert set(source.predict(values)) == {spec.name for spec in source.signature.outputs}


def test_nothing_is_converted_from_a_finished_file(tflite_file: Path, tmp_path: Path) -> None:
    source = open_source(tflite_file, OPTIONS)
    with pytest.raises(SourceError, match=r"finished \.tflite file.*\[model\] source"):
        source.freeze(tmp_path / "frozen")
    assert not (tmp_path / "frozen").exists()


def test_truncated_file(tflite_file: Path, tmp_path: Path) -> None:
    content = tflite_file.read_bytes()
    path = tmp_path / "cut.tflite"
    for kept in [8, 9, 20, 100, *range(200, len(content) * 9 // 10, 97)]:
        path.write_bytes(content[:kept])
        with pytest.raises(SourceError, match=r"cut\.tflite is damaged or cut short"):
            examine(path, OPTIONS)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damaged_bytes_raise_nothing_but_a_source_error(
    int8_file: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(int8_file.read_bytes())
    for position in data.draw(st.lists(st.integers(8, len(content) - 1), max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.tflite"
    path.write_bytes(content)
    try:
        kind = examine(path, OPTIONS).kind
    except SourceError:
        kind = "refused"
    assert kind in {"tflite", "refused"}


def _point_elsewhere(model: Any) -> None:
    model.subgraphs[0].tensors[0].buffer = 9999


def _another_operator(model: Any) -> None:
    model.subgraphs[0].operators[0].opcodeIndex = 77


def _another_input(model: Any) -> None:
    model.subgraphs[0].inputs = [1000]


def _behind_the_end(model: Any) -> None:
    model.buffers[1].offset, model.buffers[1].size = 1 << 40, 16


def _another_version(model: Any) -> None:
    model.version = 2


def _no_graph(model: Any) -> None:
    model.subgraphs, model.signatureDefs = [], None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_point_elsewhere, "a tensor's buffer is number 9999"),
        (_another_operator, "an operator's code is number 77"),
        (_another_input, "is number 1000 of"),
        (_behind_the_end, "a buffer ends at byte"),
        (_another_version, "schema version is 2"),
        (_no_graph, "no graph"),
    ],
)
def test_indices_that_lead_nowhere(
    tflite_file: Path, tmp_path: Path, change: Callable[[Any], Any], said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        examine(rewritten(tflite_file, tmp_path, change), OPTIONS)


def test_weights_that_are_no_numbers_are_named(tflite_file: Path, tmp_path: Path) -> None:
    def break_weights(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors + model.subgraphs[-1].tensors:
            data = model.buffers[tensor.buffer].data
            if data is not None and len(data) == 24:
                values = np.frombuffer(bytes(data), np.float32).copy()
                values[3] = np.nan
                model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
                tensor.name = b"the weight"

    with pytest.raises(SourceError, match=r"'the weight' .* 1 of 6"):
        examine(rewritten(tflite_file, tmp_path, break_weights), OPTIONS)


def test_custom_operator_is_named(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.f = tf.function(
        lambda x: {"y": tf.math.erfinv(x)}, input_signature=[tf.TensorSpec([3], name="x")]
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.f.get_concrete_function()], module
    )
    converter.allow_custom_ops = True
    path = tmp_path / "custom.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(
        SourceError, match=r"custom\.tflite.*Erfinv.*Flex operators are not supported"
    ):
        open_source(path, OPTIONS)
