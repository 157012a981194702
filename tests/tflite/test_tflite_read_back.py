from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tflite_models import Make, edit

from mobilekit_converters.errors import ConversionError, MobilekitError, SourceError
from mobilekit_converters.tflite import precision_of, read_artifact
from mobilekit_converters.tflite.flatbuffer import Model, read_model

MODELS = Path(__file__).parents[3] / "shared" / "models"

needs_models = pytest.mark.skipif(
    not MODELS.is_dir(), reason="the real models of ../shared/models are not on this machine"
)


@pytest.fixture
def copy(make: Make, tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    shutil.copyfile(make("fp32").path, path)
    return path


def _weights(model: Any) -> Any:
    """The largest constant tensor of a model in TensorFlow's object form."""
    held = [t for t in model.subgraphs[0].tensors if model.buffers[t.buffer].data is not None]
    return max(held, key=lambda tensor: len(model.buffers[tensor.buffer].data))


def test_weights_that_are_not_in_the_file_are_missed(copy: Path) -> None:
    def drop(model: Any) -> None:
        model.buffers[_weights(model).buffer].data = None

    with pytest.raises(ConversionError, match=r"does not hold the weights .* FULLY_CONNECTED"):
        read_artifact(edit(copy, drop), "tflite-fp32")


def test_weights_of_another_size_are_damage(copy: Path) -> None:
    def shorten(model: Any) -> None:
        buffer = model.buffers[_weights(model).buffer]
        buffer.data = buffer.data[:-4]

    with pytest.raises(ConversionError, match="takes 10240 bytes and the file holds 10236"):
        read_artifact(edit(copy, shorten), "tflite-fp32")


def test_variables_outside_of_the_file_are_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    class Counter(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.total = tf.Variable(tf.zeros((1, 4)))

        @tf.function(input_signature=[tf.TensorSpec((1, 4))])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return self.total.assign_add(x)

    module = Counter()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.__call__.get_concrete_function()], module
    )
    converter.experimental_enable_resource_variables = True
    path = tmp_path / "variables.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(ConversionError, match=r"outside of itself \(.*READ_VARIABLE"):
        read_artifact(path, "tflite-fp32")


def _make_custom(name: str) -> Any:
    def change(model: Any) -> None:
        from tensorflow.lite.python import schema_py_generated as schema

        code = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = name.encode()

    return change


@pytest.mark.parametrize("name", ["FlexErf", "MyOperator"])
def test_custom_operators_need_to_be_named(copy: Path, name: str) -> None:
    edit(copy, _make_custom(name))
    with pytest.raises(ConversionError, match=rf'{name}.*allowed_operators = \["{name}"\]'):
        read_artifact(copy, "tflite-fp32", allowed_operators=("Other",))
    allowed = read_artifact(copy, "tflite-fp32", allowed_operators=(name,))
    assert allowed.operators[name] == 1


def test_float_weights_in_an_int8_file_are_noticed(copy: Path) -> None:
    with pytest.raises(ConversionError, match="was to be int8, and its weights are float32"):
        read_artifact(copy, "tflite-int8")


def test_a_file_without_signature_has_its_tensors_names(copy: Path) -> None:
    def drop(model: Any) -> None:
        model.signatureDefs = None

    artifact = read_artifact(edit(copy, drop), "tflite-fp32")
    # The name that the frozen graph gives to its first input.
    assert artifact.signature.inputs[0].name == "serving_default_input_0:0"


def test_a_signature_without_outputs_is_refused(copy: Path) -> None:
    def empty(model: Any) -> None:
        model.signatureDefs[0].outputs = []

    with pytest.raises(ConversionError, match="the signature 'serving_default' has no output"):
        read_artifact(edit(copy, empty), "tflite-fp32")


def test_quantisation_is_read_per_axis_and_per_tensor(make: Make) -> None:
    tensors = read_model(make("int8").path).subgraphs[0].tensors
    per_axis = [t for t in tensors if t.quantisation and t.quantisation.axis is not None]
    filters = next(tensor for tensor in per_axis if len(tensor.shape) == 4)
    assert filters.quantisation is not None
    assert filters.quantisation.axis == 0
    assert len(filters.quantisation.scales) == len(filters.quantisation.zero_points) == 16
    per_tensor = next(t for t in tensors if t.quantisation and t.quantisation.axis is None)
    assert per_tensor.quantisation is not None
    assert len(per_tensor.quantisation.scales) == 1


def test_data_that_tensors_share_counts_once(make: Make) -> None:
    model = read_model(make("fp32").path)
    tensors = model.subgraphs[0].tensors
    assert 4 * (3 * 3 * 2 * 16 + 256 * 10) <= model.weight_bytes() < make("fp32").file_bytes
    doubled = Model(subgraphs=model.subgraphs * 2, signatures=model.signatures)
    assert doubled.weight_bytes() == model.weight_bytes()
    assert model.weight_bytes() <= sum(tensor.constant_bytes or 0 for tensor in tensors)


def test_an_operator_newer_than_the_schema_keeps_its_number(copy: Path) -> None:
    def renumber(model: Any) -> None:
        code = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
        code.builtinCode, code.deprecatedBuiltinCode = 9999, 127

    assert "BUILTIN_9999" in read_artifact(edit(copy, renumber), "tflite-fp32").operators


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.tflite cannot be read: No such file"):
        read_model(tmp_path / "none.tflite")
    with pytest.raises(SourceError, match="cannot be read"):
        read_model(tmp_path)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 100, b"PK\3\4" + b"x" * 300])
def test_what_is_no_tflite_file_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "größe.tflite"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="does not carry the format's mark 'TFL3'"):
        read_artifact(path, "tflite-fp32")


fuzz = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@fuzz
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_a_clean_error(make: Make, tmp_path: Path, share: float) -> None:
    content = make("int8").path.read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(MobilekitError):
        read_artifact(path, "tflite-int8")


@fuzz
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1))
def test_changed_bytes_are_a_clean_error_or_a_whole_file(
    make: Make, tmp_path: Path, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(make("int8").path.read_bytes())
    # The end of the file holds its tables, the start its weights.
    for share, value in changes:
        content[8 + int(share * (len(content) - 8))] = value
    path = tmp_path / "changed.tflite"
    path.write_bytes(bytes(content))
    try:
        artifact = read_artifact(path, "tflite-int8")
    except MobilekitError:
        return
    assert artifact.signature.outputs


@fuzz
@given(st.binary(max_size=400))
def test_random_bytes_with_the_right_mark_are_a_clean_error(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "random.tflite"
    path.write_bytes(tail[:4].ljust(4, b"\0") + b"TFL3" + tail[4:])
    with pytest.raises(MobilekitError):
        read_artifact(path, "tflite-fp32")


def test_a_list_that_claims_billions_is_refused_at_once(copy: Path) -> None:
    content = copy.read_bytes()
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAsModel(content, 0)
    table = model._tab
    at = table.Vector(table.Offset(8)) - 4  # The length of the list of subgraphs.
    damaged = bytearray(content)
    damaged[at : at + 4] = np.uint32(4_000_000_000).tobytes()
    copy.write_bytes(bytes(damaged))
    with pytest.raises(SourceError, match="a list in it is longer than the file"):
        read_artifact(copy, "tflite-fp32")


@needs_models
@pytest.mark.parametrize(
    ("file", "precision", "inputs", "outputs"),
    [
        ("image_classification/pretrainedResnet.tflite", "fp32", "input_1", "Identity"),
        (
            "image_classification/pretrainedResnet_quant.tflite",
            "int8",
            "input_1_int8",
            "Identity_int8",
        ),
        ("keyword_spotting/kws_ref_model.tflite", "int8", "input_1", "Identity"),
        ("streaming_wakeword/str_ww_ref_model.tflite", "int8", "input_1", "dense"),
    ],
)
def test_ready_made_files_are_read(file: str, precision: str, inputs: str, outputs: str) -> None:
    path = MODELS / file
    assert precision_of(path) == precision
    artifact = read_artifact(path, f"tflite-{precision}")
    assert [tensor.name for tensor in artifact.signature.inputs] == [inputs]
    assert [tensor.name for tensor in artifact.signature.outputs] == [outputs]
    quantised = precision == "int8"
    assert all((tensor.quantisation is not None) == quantised for tensor in artifact.signature)
