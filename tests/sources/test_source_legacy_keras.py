from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mobilekit_converters.errors import SourceError, UntrustedSourceError
from mobilekit_converters.sources import SourceOptions, detect, examine, open_source


def edit(h5_file: Path, tmp_path: Path, change: Any) -> Path:
    """Copy an .h5 file with a changed configuration."""
    path = tmp_path / "edited.h5"
    path.write_bytes(h5_file.read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)
    return path


def test_tf_keras_reads_what_keras_3_refuses(h5_file: Path) -> None:
    import keras
    import tf_keras

    with pytest.raises(Exception, match="DepthwiseConv2D"):
        keras.models.load_model(h5_file)
    source = open_source(h5_file, SourceOptions(batch=2))
    assert source.kind == "legacy-keras"
    assert source.framework.startswith("tf_keras 2.")
    assert [str(spec) for spec in source.signature] == [
        "image: float32 2×6×6×2",
        "scores: float32 2×3",
    ]
    image = np.random.default_rng(0).random((2, 6, 6, 2), np.float32)
    expected = tf_keras.models.load_model(h5_file)(image)
    np.testing.assert_allclose(source.predict({"image": image})["scores"], expected, rtol=1e-6)


def test_keras_3_comes_first_where_it_can(tmp_path: Path) -> None:
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((4,), name="x"), tf_keras.layers.Dense(2)])
    model.save(tmp_path / "dense.h5")
    source = open_source(tmp_path / "dense.h5", SourceOptions())
    assert source.kind == "legacy-keras"
    assert source.framework.startswith("Keras 3.")
    x = np.ones((1, 4), np.float32)
    (result,) = source.predict({"x": x}).values()
    np.testing.assert_allclose(result, model(x), rtol=1e-6)


def test_h5_of_keras_3_is_of_its_kind(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "new.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)
    assert detect(path) == "keras"
    assert open_source(path, SourceOptions()).framework.startswith("Keras 3.")


def test_mixed_precision_becomes_float32(tmp_path: Path) -> None:
    import tf_keras

    tf_keras.mixed_precision.set_global_policy("mixed_float16")
    x = tf_keras.Input((6, 6, 1), name="x")
    features = tf_keras.layers.DepthwiseConv2D(6, use_bias=False)(x)
    model = tf_keras.Model(x, tf_keras.layers.Flatten(name="y")(features))
    model.save(tmp_path / "mixed.h5")
    source = open_source(tmp_path / "mixed.h5", SourceOptions())
    assert {spec.dtype for spec in source.signature} == {"float32"}
    values = np.random.default_rng(0).random((1, 6, 6, 1), np.float32)
    (kernel,) = (w.numpy() for w in model.weights)
    expected = np.sum(values[0] * kernel[..., 0], dtype=np.float64)
    np.testing.assert_allclose(source.predict({"x": values})["y"], [[expected]], rtol=1e-5)


def test_tensorflow_functions_in_a_model_compute_and_no_more(tmp_path: Path) -> None:
    import tensorflow as tf
    import tf_keras

    x = tf_keras.Input((4,), name="x")
    model = tf_keras.Model(x, tf.nn.relu(x - 2.0)[:, 1:])
    path = tmp_path / "functions.h5"
    model.save(path)
    source = open_source(path, SourceOptions())
    (result,) = source.predict({"x": np.array([[1, 2, 3, 4]], np.float32)}).values()
    assert result.tolist() == [[0, 1, 2]]

    def write_a_file(config: dict[str, Any]) -> None:
        for node in config["config"]["layers"]:
            if node["class_name"] == "TFOpLambda":
                node["config"]["function"] = "io.write_file"

    with pytest.raises(UntrustedSourceError, match=r"io\.write_file"):
        examine(edit(path, tmp_path, write_a_file), SourceOptions())


def test_lambda_is_refused_and_runs_when_trusted(tmp_path: Path) -> None:
    import tf_keras

    doubled = tf_keras.layers.Lambda(lambda x: x * 2, name="twice")
    path = tmp_path / "lambda.h5"
    tf_keras.Sequential([tf_keras.Input((2,), name="x"), doubled]).save(path)
    with pytest.raises(UntrustedSourceError, match=r"'twice' .*Lambda.*--trust-source"):
        examine(path, SourceOptions())
    with pytest.raises(UntrustedSourceError, match="'twice'"):
        open_source(path, SourceOptions())
    source = open_source(path, SourceOptions(trust=True))
    (result,) = source.predict({"x": np.ones((1, 2), np.float32)}).values()
    assert result.tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("key", "node"),
    [
        ("bias_initializer", {"module": "os", "class_name": "system", "config": {}}),
        (
            "activation",
            {"module": "builtins", "class_name": "function", "config": "eval"},
        ),
        ("bias_regularizer", {"class_name": "TypeSpec", "type_spec": "x", "serialized": []}),
        ("dtype", {"class_name": "CompositeTensor", "spec": {}, "tensors": []}),
    ],
)
def test_names_of_code_are_refused(
    h5_file: Path, tmp_path: Path, key: str, node: dict[str, Any]
) -> None:
    def plant(config: dict[str, Any]) -> None:
        config["config"]["layers"][-1]["config"][key] = node

    with pytest.raises(UntrustedSourceError, match="'scores'"):
        open_source(edit(h5_file, tmp_path, plant), SourceOptions())


def test_class_that_nobody_registered(h5_file: Path, tmp_path: Path) -> None:
    def rename(config: dict[str, Any]) -> None:
        config["config"]["layers"][1]["class_name"] = "OwnConvolution"

    path = edit(h5_file, tmp_path, rename)
    with pytest.raises(UntrustedSourceError, match=r"'depthwise' is of class 'OwnConvolution'"):
        examine(path, SourceOptions())
    with pytest.raises(SourceError) as caught:
        open_source(path, SourceOptions(trust=True))
    for part in ("tf_keras", "Keras 3", "'depthwise'", "OwnConvolution", "model.export"):
        assert part in str(caught.value)


@pytest.mark.parametrize("kept", [9, 200, 3000, -1])
def test_truncated_file(h5_file: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.h5"
    path.write_bytes(h5_file.read_bytes()[:kept])
    with pytest.raises(SourceError, match=r"cut\.h5 is damaged"):
        examine(path, SourceOptions())


def test_weights_without_a_model(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(SourceError, match="no whole model"):
        examine(tmp_path / "only.weights.h5", SourceOptions())


@pytest.mark.parametrize("text", ["{not json", "[]", "{}", '"text"', "[" * 100_000])
def test_configuration_that_is_none(h5_file: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "edited.h5"
    path.write_bytes(h5_file.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = text
    with pytest.raises(SourceError, match=r"edited\.h5 is damaged"):
        examine(path, SourceOptions())


def test_weights_that_are_no_numbers_are_named(h5_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "nan.h5"
    path.write_bytes(h5_file.read_bytes())
    with h5py.File(path, "r+") as file:
        (name,) = [
            name for name in file["model_weights"]["depthwise"]["depthwise"] if "kernel" in name
        ]
        file["model_weights"]["depthwise"]["depthwise"][name][0, 0, 0, 0] = np.nan
    with pytest.raises(SourceError, match=r"depthwise/depthwise_kernel.* 1 of 18"):
        open_source(path, SourceOptions())
