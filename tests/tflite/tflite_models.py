"""Small models, traced with TensorFlow alone, and edits of finished `.tflite` files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec

Make = Callable[..., Artifact]


def spec(name: str, *shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype=dtype)


def freeze_classifier(folder: Path, batch: int = 1) -> Signature:
    """A convolution, a dense layer with 2,560 weights, and a softmax."""
    import tensorflow as tf

    random = np.random.default_rng(3)
    kernel = random.normal(0, 0.3, (3, 3, 2, 16)).astype("f4")
    dense = random.normal(0, 0.1, (256, 10)).astype("f4")
    signature = Signature(
        inputs=(spec("image-in/x", batch, 8, 8, 2),), outputs=(spec("scores", batch, 10),)
    )

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        x = tf.nn.relu(tf.nn.conv2d(inputs["image-in/x"], kernel, 2, "SAME"))
        return {"scores": tf.nn.softmax(tf.reshape(x, (batch, 256)) @ dense)}

    freeze(call, signature, folder)
    return signature


def freeze_two_inputs(folder: Path) -> Signature:
    """Two inputs of one shape whose ranges differ a thousandfold, not in alphabetical order."""
    import tensorflow as tf

    random = np.random.default_rng(4)
    weights = random.normal(0, 0.2, (40, 40)).astype("f4")
    signature = Signature(
        inputs=(spec("zeta", 1, 40), spec("alpha", 1, 40)), outputs=(spec("sum", 1, 40),)
    )

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"sum": tf.nn.tanh(inputs["zeta"] @ weights + inputs["alpha"] / 1000 @ weights)}

    freeze(call, signature, folder)
    return signature


def freeze_function(
    folder: Path, function: Callable[[Any], Any], inputs: TensorSpec, outputs: TensorSpec
) -> Signature:
    signature = Signature(inputs=(inputs,), outputs=(outputs,))
    freeze(lambda tensors: {outputs.name: function(tensors[inputs.name])}, signature, folder)
    return signature


def edit(path: Path, change: Callable[[Any], None]) -> Path:
    """Change a file through TensorFlow's object form of the schema, in place."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    change(model)
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    return path
