"""Tiny models, made once, in every form that a source can have."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

MODELS = Path(__file__).parents[3] / "shared" / "models"


@pytest.fixture(scope="session")
def real_models() -> Path:
    if not MODELS.is_dir():
        pytest.skip("the real models of ../shared/models are not on this machine")
    return MODELS


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Spaces and letters beyond ASCII in every path.
    folder = tmp_path_factory.mktemp("models") / "Größe – für alle 模型"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def float32_policy() -> Iterator[None]:
    yield
    import sys

    for name in ("keras", "tf_keras"):
        if name in sys.modules:
            sys.modules[name].mixed_precision.set_global_policy("float32")


@pytest.fixture(scope="session")
def keras_file(folder: Path) -> Path:
    """Two inputs, two outputs, and weights that a test can compute with."""
    import keras

    keras.utils.set_random_seed(1)
    image = keras.Input((6, 5, 3), name="image")
    extra = keras.Input((4,), name="extra")
    features = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    features = keras.layers.GlobalAveragePooling2D(name="pool")(features)
    joined = keras.layers.Concatenate(name="join")([features, extra])
    scores = keras.layers.Dense(3, activation="softmax", name="scores")(joined)
    model = keras.Model([image, extra], [scores, keras.layers.Dense(2, name="box")(joined)])
    path = folder / "two heads.keras"
    model.save(path)
    return path


@pytest.fixture(scope="session")
def h5_file(folder: Path) -> Path:
    """A file that only tf_keras takes: its depthwise convolution has `groups`."""
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    image = tf_keras.Input((6, 6, 2), name="image")
    features = tf_keras.layers.DepthwiseConv2D(3, name="depthwise")(image)
    flat = tf_keras.layers.Flatten(name="flat")(features)
    path = folder / "legacy.h5"
    tf_keras.Model(image, tf_keras.layers.Dense(3, name="scores")(flat)).save(path)
    return path


@pytest.fixture(scope="session")
def saved_model(folder: Path) -> Path:
    """`double` and `halve` on the weight, and `serving_default` with two inputs and outputs."""
    import tensorflow as tf

    module = tf.Module()
    module.weight = tf.Variable(np.arange(6, dtype=np.float32).reshape(3, 2), name="weight")

    @tf.function(input_signature=[tf.TensorSpec([None, 3], name="x"), tf.TensorSpec([2], name="y")])
    def serve(x: Any, y: Any) -> dict[str, Any]:
        return {"sum": x @ module.weight + y, "product": (x @ module.weight) * y}

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], name="x")])
    def double(x: Any) -> dict[str, Any]:
        return {"out": 2.0 * x}

    module.serve, module.double = serve, double
    path = folder / "saved model"
    tf.saved_model.save(module, str(path), {"serving_default": serve, "double": double})
    return path


@pytest.fixture(scope="session")
def tflite_file(folder: Path, saved_model: Path) -> Path:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    path = folder / "ready.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.fixture
def edited(keras_file: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that copies the `.keras` file with a changed configuration or members."""

    def edit(
        change: Callable[[dict[str, Any]], Any] = lambda _config: None,
        *,
        members: dict[str, bytes] | None = None,
        without: str = "",
    ) -> Path:
        path = tmp_path / "edited.keras"
        with zipfile.ZipFile(keras_file) as source, zipfile.ZipFile(path, "w") as target:
            for name in source.namelist():
                content = source.read(name)
                if name == "config.json":
                    config = json.loads(content)
                    change(config)
                    content = json.dumps(config).encode()
                if name != without and name not in (members or {}):
                    target.writestr(name, content)
            for name, content in (members or {}).items():
                target.writestr(name, content)
        return path

    return edit
