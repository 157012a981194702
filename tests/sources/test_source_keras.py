from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_nodes import layer

from mobilekit_converters.errors import DataError, SourceError
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.sources import SourceOptions, open_source

Edit = Callable[..., Path]


def save(model: Any, path: Path) -> Path:
    model.save(path)
    return path


def names(signature: Signature) -> list[list[str]]:
    return [[s.name for s in signature.inputs], [s.name for s in signature.outputs]]


def test_signature_has_the_models_names_in_its_order(keras_file: Path) -> None:
    source = open_source(keras_file, SourceOptions())
    assert source.kind == "keras"
    assert source.framework.startswith("Keras 3.")
    assert source.parameters == 3 * 3 * 3 * 4 + 4 + 8 * 3 + 3 + 8 * 2 + 2
    assert source.signature == Signature(
        inputs=(
            TensorSpec(name="image", shape=(1, 6, 5, 3), dtype="float32"),
            TensorSpec(name="extra", shape=(1, 4), dtype="float32"),
        ),
        outputs=(
            TensorSpec(name="scores", shape=(1, 3), dtype="float32"),
            TensorSpec(name="box", shape=(1, 2), dtype="float32"),
        ),
    )


def test_predict_is_keras_itself_and_the_same_each_time(keras_file: Path) -> None:
    import keras

    rng = np.random.default_rng(0)
    inputs = {
        "extra": rng.random((2, 4), np.float32),
        "image": rng.random((2, 6, 5, 3), np.float32),
    }
    source = open_source(keras_file, SourceOptions(batch=2))
    outputs = source.predict(inputs)
    model = keras.models.load_model(keras_file)
    scores, box = model([inputs["image"], inputs["extra"]], training=False)
    assert list(outputs) == ["scores", "box"]
    np.testing.assert_allclose(outputs["scores"], scores, rtol=1e-6)
    np.testing.assert_allclose(outputs["box"], box, rtol=1e-6, atol=1e-7)
    again = source.predict(inputs)
    assert all(np.array_equal(outputs[name], again[name]) for name in outputs)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda i: {"image": i["image"]}, "takes"),
        (lambda i: {**i, "more": i["extra"]}, "more"),
        (lambda i: {**i, "extra": i["extra"].astype(np.float64)}, "float64"),
        (lambda i: {**i, "extra": i["extra"][:, :3]}, r"\[1, 3\]"),
    ],
)
def test_predict_refuses_other_inputs(
    keras_file: Path, change: Callable[[Any], Any], said: str
) -> None:
    inputs = {"image": np.ones((1, 6, 5, 3), np.float32), "extra": np.ones((1, 4), np.float32)}
    with pytest.raises(DataError, match=said):
        open_source(keras_file, SourceOptions()).predict(change(inputs))


def test_dictionaries_are_named_by_their_keys_in_their_own_order(tmp_path: Path) -> None:
    import keras

    first, second = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    outputs = {"two": second * 2.0, "one": first + 1.0}
    path = save(keras.Model({"z": first, "y": second}, outputs), tmp_path / "keys.keras")
    source = open_source(path, SourceOptions())
    assert names(source.signature) == [["z", "y"], ["two", "one"]]
    results = source.predict(
        {"y": np.full((1, 2), 5, np.float32), "z": np.full((1, 2), 7, np.float32)}
    )
    assert {name: array.tolist() for name, array in results.items()} == {
        "two": [[10, 10]],
        "one": [[8, 8]],
    }


def test_several_outputs_of_one_layer_get_numbers(tmp_path: Path) -> None:
    import keras

    steps = keras.Input((5, 3), name="steps")
    lstm = keras.layers.LSTM(4, return_sequences=True, return_state=True, name="lstm")
    path = save(keras.Model(steps, lstm(steps)), tmp_path / "states.keras")
    source = open_source(path, SourceOptions())
    assert names(source.signature)[1] == ["lstm", "lstm_1", "lstm_2"]
    values = source.predict({"steps": np.ones((1, 5, 3), np.float32)})
    np.testing.assert_array_equal(values["lstm"][:, -1], values["lstm_1"])


def test_sequential_models_and_operations_between_layers(tmp_path: Path) -> None:
    import keras

    dense = keras.layers.Dense(3, name="dense", activation=keras.activations.gelu)
    path = save(keras.Sequential([keras.Input((4,), name="x"), dense]), tmp_path / "plain.keras")
    assert names(open_source(path, SourceOptions()).signature) == [["x"], ["dense"]]
    x = keras.Input((4, 6, 2), name="x")
    sliced = keras.ops.mean(x * 2.0 + 1.0, axis=-1)[:, 0, ::2]
    source = open_source(save(keras.Model(x, sliced), tmp_path / "ops.keras"), SourceOptions())
    (result,) = source.predict({"x": np.ones((1, 4, 6, 2), np.float32)}).values()
    assert result.tolist() == [[3, 3, 3]]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_half_precision_becomes_float32_with_its_own_weights(
    tmp_path: Path, policy: str, suffix: str
) -> None:
    import keras

    keras.utils.set_random_seed(3)
    keras.mixed_precision.set_global_policy(policy)
    x = keras.Input((4,), name="x", dtype="float32")
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu")])
    model = keras.Model(x, keras.layers.Dense(3, name="y")(inner(x)))
    kernels = [np.asarray(w.numpy(), np.float32) for w in model.weights]
    path = save(model, tmp_path / f"half.{suffix}")
    keras.mixed_precision.set_global_policy("float32")
    source = open_source(path, SourceOptions())
    assert {spec.dtype for spec in source.signature} == {"float32"}
    inputs = np.random.default_rng(0).random((1, 4), np.float32)
    expected = np.maximum(inputs @ kernels[0] + kernels[1], 0) @ kernels[2] + kernels[3]
    np.testing.assert_allclose(source.predict({"x": inputs})["y"], expected, rtol=1e-5)


def test_losses_and_optimizers_of_the_file_are_left_alone(tmp_path: Path) -> None:
    import keras

    def own_loss(_true: Any, predicted: Any) -> Any:
        return keras.ops.mean(predicted)

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss=own_loss)
    assert open_source(save(model, tmp_path / "compiled.keras"), SourceOptions()).parameters == 3


def test_unknown_dimension_names_the_key_and_the_key_fixes_it(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential(
        [keras.Input((None, 40), name="audio"), keras.layers.Conv1D(2, 3, name="out")]
    )
    path = save(model, tmp_path / "open.keras")
    with pytest.raises(SourceError) as caught:
        open_source(path, SourceOptions())
    for part in ("'audio'", "dimension 1", "[model.inputs.audio]", "shape = […, 40]"):
        assert part in str(caught.value)
    source = open_source(path, SourceOptions(shapes={"audio": (10, 40)}, batch=2))
    assert [spec.shape for spec in source.signature] == [(2, 10, 40), (2, 8, 2)]
    with pytest.raises(SourceError, match="contradicts"):
        open_source(path, SourceOptions(shapes={"audio": (10, 41)}))
    with pytest.raises(SourceError, match="does not run on inputs of fixed shapes"):
        open_source(path, SourceOptions(shapes={"audio": (2, 40)}))


def test_batch_that_the_file_fixes(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((2,), batch_size=4), keras.layers.Dense(1)])
    path = save(model, tmp_path / "batch.keras")
    with pytest.raises(SourceError, match=r"\[model\] batch = 4"):
        open_source(path, SourceOptions())
    assert open_source(path, SourceOptions(batch=4)).signature.inputs[0].shape == (4, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_weights_that_are_no_numbers_are_named(tmp_path: Path, value: float, suffix: str) -> None:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="broken")])
    kernel, bias = model.get_weights()
    kernel[1, 2] = value
    model.set_weights([kernel, bias])
    with pytest.raises(SourceError, match=r"broken/kernel' .* 1 of 6 numbers"):
        open_source(save(model, tmp_path / f"nan.{suffix}"), SourceOptions())


def test_stateful_layer_is_refused(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential(
        [keras.Input((5, 3), batch_size=1), keras.layers.LSTM(2, stateful=True, name="memory")]
    )
    with pytest.raises(SourceError, match="'memory' is stateful"):
        open_source(save(model, tmp_path / "stateful.keras"), SourceOptions())


def test_model_that_was_never_called(tmp_path: Path) -> None:
    import keras

    path = save(keras.Sequential([keras.layers.Dense(1)]), tmp_path / "unbuilt.keras")
    with pytest.raises(SourceError, match=r"model\.export"):
        open_source(path, SourceOptions())


def test_text_cannot_run_on_a_phone(tmp_path: Path) -> None:
    import keras

    words = keras.Input((), name="words", dtype="string")
    hashed = keras.layers.Hashing(4)(words)
    path = save(keras.Model(words, hashed), tmp_path / "text.keras")
    with pytest.raises(SourceError, match=r"Input 'words' .* string"):
        open_source(path, SourceOptions())


def test_file_of_a_newer_keras_says_so(edited: Edit) -> None:
    def rename(config: dict[str, Any]) -> None:
        layer(config, "pool")["class_name"] = "PoolOfTheFuture"

    metadata = json.dumps({"keras_version": "99.1.0"}).encode()
    path = edited(rename, members={"metadata.json": metadata})
    with pytest.raises(SourceError) as caught:
        open_source(path, SourceOptions())
    for part in ("PoolOfTheFuture", "'pool'", "Keras 99.1.0", "pip install 'keras>=99.1.0'"):
        assert part in str(caught.value)


def test_what_keras_says_is_passed_on_and_nothing_stays_behind(
    edited: Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resize(config: dict[str, Any]) -> None:
        layer(config, "box")["config"]["units"] = 5

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(SourceError, match=r"Keras 3.* cannot load edited\.keras") as caught:
        open_source(edited(resize), SourceOptions())
    assert caught.value.__cause__ is not None
    assert not list(temporary.iterdir()), "the copy that Keras was given stayed behind"


def test_freezing_writes_the_signature(keras_file: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    from mobilekit_converters.frozen import load_frozen

    source = open_source(keras_file, SourceOptions())
    source.freeze(tmp_path / "frozen")
    frozen = load_frozen(tmp_path / "frozen")
    assert frozen.signature == source.signature
    inputs = {
        spec.name: np.random.default_rng(0).random(spec.shape, np.float32)
        for spec in source.signature.inputs
    }
    results = frozen.concrete_function()(**{n: tf.constant(a) for n, a in inputs.items()})
    for name, expected in source.predict(inputs).items():
        np.testing.assert_allclose(results[name], expected, rtol=1e-5, atol=1e-6)


def test_cause_is_found_behind_what_keras_puts_before_it(tmp_path: Path) -> None:
    import keras

    x = keras.Input((2,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, name="two words")(x))
    with pytest.raises(SourceError, match=r"'two words' is not a valid .*scope name"):
        open_source(save(model, tmp_path / "scope.keras"), SourceOptions())


@pytest.mark.parametrize("name", ["two words", "größe", "a.b-c:d", "1x"])
def test_inputs_may_have_any_name(tmp_path: Path, name: str) -> None:
    import keras

    x = keras.Input((2,), name=name)
    path = save(keras.Model(x, keras.layers.Dense(1, name="y")(x)), tmp_path / "name.keras")
    source = open_source(path, SourceOptions())
    assert names(source.signature) == [[name], ["y"]]
    assert source.predict({name: np.ones((1, 2), np.float32)})["y"].shape == (1, 1)
