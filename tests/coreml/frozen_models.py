"""A small classifier with awkward names, frozen."""

from __future__ import annotations

from pathlib import Path

from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec

IMAGE, SCORES, WINNER = "image-in/x", "scores ü", "winner"

SIGNATURE = Signature(
    inputs=(TensorSpec(name=IMAGE, shape=(1, 16, 12, 3), dtype="float32"),),
    outputs=(
        TensorSpec(name=SCORES, shape=(1, 10), dtype="float32"),
        TensorSpec(name=WINNER, shape=(1,), dtype="int64"),
    ),
)

WEIGHTS = 3 * 3 * 3 * 32 + 32 + 32 * 200 + 200 + 200 * 10 + 10


def freeze_classifier(folder: Path) -> Path:
    import keras
    import tensorflow as tf

    keras.backend.clear_session()  # Layers are numbered, and the numbers reach the graph.
    keras.utils.set_random_seed(7)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 12, 3), batch_size=1),
            layers.Conv2D(32, 3, activation="relu", bias_initializer="uniform"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(200, activation="gelu", bias_initializer="uniform"),
            layers.Dense(10, activation="softmax", bias_initializer="uniform"),
        ]
    )

    def call(tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        scores = model(tensors[IMAGE], training=False)
        return {WINNER: tf.argmax(scores, axis=-1), SCORES: scores}

    freeze(call, SIGNATURE, folder)
    return folder
