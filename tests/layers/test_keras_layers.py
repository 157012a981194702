from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_layer_table import (
    ROWS,
    WITHOUT_FIXED_FORM,
    Row,
    Tensor,
    document,
    failing,
    public_classes,
)

from mobilekit_converters import coreml, tflite
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import MobilekitError
from mobilekit_converters.frozen import freeze
from mobilekit_converters.keras_preparation import prepare_keras_model
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.variants import variant
from mobilekit_delegates.targets import target

LEAST_SHARE = 0.95

Arrays = list[np.ndarray]


def to_tflite(frozen: Path, output: Path) -> Artifact:
    return tflite.convert(variant("tflite-fp32"), frozen, output, tflite.TFLiteOptions(), None)


def to_coreml(frozen: Path, output: Path) -> Artifact:
    return coreml.convert(variant("coreml-fp32"), frozen, output, coreml.CoreMLOptions())


CONVERT: dict[str, Callable[[Path, Path], Artifact]] = {"tflite": to_tflite, "coreml": to_coreml}


def values(tensor: Tensor, generator: np.random.Generator) -> np.ndarray:
    drawn = generator.uniform(tensor.low, tensor.high, (1, *tensor.shape))
    return drawn.astype(tensor.dtype)


@functools.cache
def built(row: Row) -> tuple[Any, Arrays, np.ndarray]:
    """The layer in a model of its own, inputs for it, and Keras' answer."""
    import keras

    keras.utils.set_random_seed(0)
    inputs = [
        keras.Input(tensor.shape, batch_size=1, dtype=tensor.dtype, name=f"input{index}")
        for index, tensor in enumerate(row.inputs)
    ]
    layer = row.build(keras.layers)
    model = keras.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]))
    generator = np.random.default_rng(0)
    arrays = [values(tensor, generator) for tensor in row.inputs]
    answer = np.asarray(model(arrays, training=False))
    return model, arrays, answer


def frozen_row(row: Row, folder: Path) -> Path:
    import tensorflow as tf

    model, arrays, answer = built(row)
    prepare_keras_model(model)
    names = [f"input{index}" for index in range(len(arrays))]
    signature = Signature(
        inputs=tuple(
            TensorSpec(name=name, shape=array.shape, dtype=array.dtype.name)
            for name, array in zip(names, arrays, strict=True)
        ),
        outputs=(TensorSpec(name="output", shape=answer.shape, dtype=answer.dtype.name),),
    )

    def call(tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        result = model([tensors[name] for name in names], training=False)
        return {"output": tf.convert_to_tensor(result)}

    freeze(call, signature, folder)
    return folder


def run_tflite(path: Path, arrays: Arrays) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path)).get_signature_runner()
    return runner(**{f"input{index}": array for index, array in enumerate(arrays)})["output"]


def convert_row(row: Row, format: str, tmp_path: Path) -> Artifact:
    frozen = frozen_row(row, tmp_path / "frozen")
    output = tmp_path / {"tflite": "layer.tflite", "coreml": "layer.mlpackage"}[format]
    return CONVERT[format](frozen, output)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_layer_becomes_tflite_with_the_same_numbers(row: Row, tmp_path: Path) -> None:
    if "tflite" in row.fails:
        with pytest.raises(MobilekitError):
            convert_row(row, "tflite", tmp_path)
        return
    artifact = convert_row(row, "tflite", tmp_path)
    _, arrays, answer = built(row)
    scale = max(1.0, float(np.abs(answer).max()))
    found = run_tflite(artifact.path, arrays)
    assert found.dtype == answer.dtype
    np.testing.assert_allclose(found, answer, rtol=0, atol=row.tolerance * scale)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_layer_becomes_core_ml(row: Row, tmp_path: Path) -> None:
    if "coreml" in row.fails:
        with pytest.raises(MobilekitError):
            convert_row(row, "coreml", tmp_path)
        return
    artifact = convert_row(row, "coreml", tmp_path)
    _, arrays, answer = built(row)
    assert [spec.shape for spec in artifact.signature.inputs] == [a.shape for a in arrays]
    assert [spec.shape for spec in artifact.signature.outputs] == [answer.shape]
    with target("coreml").open(artifact) as session:
        found = session.run({f"input{i}": array for i, array in enumerate(arrays)})["output"]
    scale = max(1.0, float(np.abs(answer).max()))
    np.testing.assert_allclose(found, answer, rtol=0, atol=row.tolerance * scale)


def test_every_layer_of_keras_is_in_the_table() -> None:
    classes = public_classes()
    known = {classes[row.layer] for row in ROWS} | {classes[name] for name in WITHOUT_FIXED_FORM}
    assert sorted(name for name, item in classes.items() if item not in known) == []
    assert {row.layer for row in ROWS} & set(WITHOUT_FIXED_FORM) == set()


def test_rows_have_names_of_their_own() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("format", CONVERT)
def test_at_least_95_percent_of_the_layers_convert(format: str) -> None:
    layers = {row.layer for row in ROWS}
    assert 1 - len({row.layer for row in failing(format)}) / len(layers) >= LEAST_SHARE


def test_the_page_says_what_the_table_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "layers.md"
    assert page.read_text("utf-8") == document(len(public_classes()))


@pytest.mark.parametrize(("case", "operator"), [("LSTM", None), ("LSTM-long", "while_loop")])
def test_short_sequences_are_unrolled_and_long_ones_stay_loops(
    case: str, operator: str | None, tmp_path: Path
) -> None:
    row = next(row for row in ROWS if row.id == case)
    operators = convert_row(row, "coreml", tmp_path).operators
    assert ("while_loop" in operators) == (operator is not None)
