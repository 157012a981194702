from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite_models
from tflite_models import Make, spec

from mobilekit_converters.errors import ConversionError, DataError, ProjectError
from mobilekit_converters.tflite import TFLiteOptions, convert, precision_of
from mobilekit_converters.tflite.convert import explain
from mobilekit_converters.tflite.recipes import RECIPES, recipe
from mobilekit_converters.variants import precisions, variant
from mobilekit_delegates.targets import TARGETS


def _run(artifact: Any, **inputs: Any) -> dict[str, Any]:
    with TARGETS["cpu"].open(artifact) as session:
        return session.run(inputs)


def test_there_is_a_recipe_for_each_variant() -> None:
    assert tuple(RECIPES) == precisions("tflite")


def test_an_unknown_recipe_is_refused_by_name() -> None:
    with pytest.raises(ConversionError, match="fp8"):
        recipe("fp8")


@pytest.mark.parametrize("precision", RECIPES)
def test_each_precision_shows_itself_in_the_file(make: Make, precision: str) -> None:
    artifact = make(precision)
    assert precision_of(artifact.path) == precision
    assert artifact.variant == f"tflite-{precision}"
    assert artifact.signature.inputs == (spec("image-in/x", 1, 8, 8, 2),)
    assert artifact.signature.outputs == (spec("scores", 1, 10),)
    assert artifact.operators["CONV_2D"] == 1
    assert artifact.file_bytes == artifact.path.stat().st_size
    assert "has the source's signature" in artifact.proofs


def test_lower_precisions_make_smaller_files(make: Make) -> None:
    sizes = [make(precision).file_bytes for precision in ("fp32", "fp16", "dynamic")]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 0.5 * sizes[0]


@pytest.mark.parametrize("io_dtype", ["int8", "uint8"])
def test_int8_can_have_integer_inputs_and_outputs(make: Make, io_dtype: str) -> None:
    artifact = make("int8", io_dtype)
    for tensor in artifact.signature:
        assert tensor.dtype == io_dtype
        assert tensor.quantisation is not None
        assert tensor.quantisation.scales[0] > 0
    assert artifact.signature.outputs[0].quantisation.scales == (1 / 256,)  # type: ignore[union-attr]


def test_integer_io_is_of_the_int8_variant_alone(
    classifier: Path, calibration: Path, tmp_path: Path
) -> None:
    options = TFLiteOptions(io_dtype="int8")
    output = tmp_path / "model.tflite"
    artifact = convert(variant("tflite-int16x8"), classifier, output, options, calibration)
    assert {tensor.dtype for tensor in artifact.signature} == {"float32"}


def test_an_unknown_io_dtype_is_refused() -> None:
    with pytest.raises(ProjectError, match=r"'unt8'.*Did you mean 'uint8'"):
        TFLiteOptions(io_dtype="unt8")  # type: ignore[arg-type]


@pytest.mark.parametrize("precision", ["fp32", "w8", "int8", "int16x8"])
def test_the_same_inputs_give_the_same_bytes(
    make: Make, classifier: Path, calibration: Path, tmp_path: Path, precision: str
) -> None:
    again = convert(
        variant(f"tflite-{precision}"),
        classifier,
        tmp_path / "again.tflite",
        TFLiteOptions(),
        calibration,
    )
    assert again.path.read_bytes() == make(precision).path.read_bytes()
    assert again.sha256 == make(precision).sha256


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
def test_each_input_is_calibrated_with_its_own_data(tmp_path: Path, precision: str) -> None:
    tflite_models.freeze_two_inputs(tmp_path / "frozen")
    random = np.random.default_rng(1)
    samples = {
        "alpha": random.uniform(-1000, 1000, (30, 40)).astype("f4"),
        "zeta": random.uniform(-1, 1, (30, 40)).astype("f4"),
    }
    np.savez(tmp_path / "data.npz", **samples)  # type: ignore[arg-type]
    arguments = (tmp_path / "frozen", tmp_path / "m.tflite", TFLiteOptions())
    exact = convert(variant("tflite-fp32"), *arguments, None)
    one = {name: array[:1] for name, array in samples.items()}
    reference = _run(exact, **one)["sum"]
    quantised = convert(
        variant(f"tflite-{precision}"), *arguments, calibration=tmp_path / "data.npz"
    )
    assert [tensor.name for tensor in quantised.signature.inputs] == ["zeta", "alpha"]
    assert np.abs(_run(quantised, **one)["sum"] - reference).max() < 0.1


def test_a_batch_of_several_uses_every_sample(tmp_path: Path) -> None:
    tflite_models.freeze_classifier(tmp_path / "frozen", batch=4)
    samples = np.zeros((9, 8, 8, 2), "f4")
    samples[8] = 50  # Only in the last batch, which is not full.
    np.savez(tmp_path / "data.npz", **{"image-in/x": samples})
    artifact = convert(
        variant("tflite-int8"),
        tmp_path / "frozen",
        tmp_path / "m.tflite",
        TFLiteOptions(io_dtype="int8"),
        tmp_path / "data.npz",
    )
    quantisation = artifact.signature.inputs[0].quantisation
    assert artifact.signature.inputs[0].shape == (4, 8, 8, 2)
    assert quantisation is not None
    assert quantisation.scales[0] * 255 == pytest.approx(50, rel=0.01)


def test_integer_inputs_stay_integers(tmp_path: Path) -> None:
    import tensorflow as tf

    table = np.random.default_rng(2).normal(size=(20, 64)).astype("f4")
    tflite_models.freeze_function(
        tmp_path / "frozen",
        lambda tokens: tf.reduce_sum(tf.gather(table, tokens), axis=1),
        spec("tokens", 1, 6, dtype="int32"),
        spec("sum", 1, 64),
    )
    np.savez(tmp_path / "data.npz", tokens=np.arange(60).reshape(10, 6) % 20)
    artifact = convert(
        variant("tflite-int8"),
        tmp_path / "frozen",
        tmp_path / "m.tflite",
        TFLiteOptions(io_dtype="int8"),
        tmp_path / "data.npz",
    )
    assert artifact.signature.inputs[0].dtype == "int32"
    assert artifact.signature.outputs[0].dtype == "int8"
    tokens = np.array([[1, 2, 3, 4, 5, 6]], "i4")
    expected = table[tokens[0]].sum(axis=0)
    assert np.abs(_run(artifact, tokens=tokens)["sum"][0] - expected).max() < 0.5


def _convert_int8(frozen: Path, output: Path, calibration: Path | None) -> None:
    convert(variant("tflite-int8"), frozen, output, TFLiteOptions(), calibration)


def test_int8_without_calibration_data_is_refused(classifier: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tflite-int8 needs calibration data.*\[data\]"):
        _convert_int8(classifier, tmp_path / "m.tflite", None)
    assert not (tmp_path / "m.tflite").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"image_in_x": np.zeros((3, 8, 8, 2))},
            "no array 'image-in/x'.*Did you mean 'image_in_x'",
        ),
        ({"image-in/x": np.zeros((3, 8, 8, 3))}, r"shape \(3, 8, 8, 3\).*\('samples', 8, 8, 2\)"),
        ({"image-in/x": np.zeros((0, 8, 8, 2))}, "at least one"),
        ({"image-in/x": np.zeros(())}, "shape"),
    ],
)
def test_calibration_data_that_does_not_fit_is_refused(
    classifier: Path, tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(DataError, match=message):
        _convert_int8(classifier, tmp_path / "m.tflite", tmp_path / "data.npz")
    assert not (tmp_path / "m.tflite").exists()


def test_a_damaged_calibration_file_is_refused(
    classifier: Path, calibration: Path, tmp_path: Path
) -> None:
    (tmp_path / "data.npz").write_bytes(calibration.read_bytes()[:500])
    with pytest.raises(DataError, match=r"data\.npz cannot be read"):
        _convert_int8(classifier, tmp_path / "m.tflite", tmp_path / "data.npz")


@pytest.fixture(scope="module")
def without_tflite_form(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("determinant")
    tflite_models.freeze_function(folder, tf.linalg.det, spec("x", 1, 3, 3), spec("y", 1))
    return folder


def test_an_operator_without_a_tflite_form_is_named(
    without_tflite_form: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ConversionError, match=r'MatrixDeterminant.*allowed_operators = \["FlexMatrixDeterminant"\]'
    ) as e:
        convert(
            variant("tflite-fp32"),
            without_tflite_form,
            tmp_path / "m.tflite",
            TFLiteOptions(),
            None,
        )
    assert len(str(e.value)) < 600
    assert e.value.__cause__ is not None
    assert list(tmp_path.iterdir()) == []


def test_an_operator_of_tensorflow_is_let_in_by_name(
    without_tflite_form: Path, tmp_path: Path
) -> None:
    options = TFLiteOptions(allowed_operators=("FlexMatrixDeterminant",))
    output = tmp_path / "m.tflite"
    artifact = convert(variant("tflite-fp32"), without_tflite_form, output, options, None)
    assert artifact.operators == {"FlexMatrixDeterminant": 1}
    assert "has no custom operator but FlexMatrixDeterminant" in artifact.proofs


def test_what_was_not_named_leaves_nothing_behind(
    without_tflite_form: Path, tmp_path: Path
) -> None:
    options = TFLiteOptions(allowed_operators=("FlexErf",))
    with pytest.raises(ConversionError, match="FlexMatrixDeterminant"):
        convert(variant("tflite-fp32"), without_tflite_form, tmp_path / "m.tflite", options, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("<unknown>:0: error: 'tf.Foo' op is neither a custom op nor a flex op\n" * 40, "for Foo."),
        ("...\nCustom ops: Bar, Baz\nDetails:\n\ttf.Bar()", "for Bar, Baz."),
        ("Quantization not yet supported for op: 'CUMSUM'.\n", "does not know CUMSUM"),
        ("loc(x): error: type mismatch.\nsee current operation", "failed: type mismatch."),
        ("", "it gave no reason"),
    ],
)
def test_the_converters_message_is_made_short(message: str, expected: str) -> None:
    text = explain("tflite-int8", message)
    assert text.startswith("tflite-int8: ")
    assert expected in text
    assert len(text) < 600
