from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mobilekit_converters import coreml
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.tracing.calibration import traced_values

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIGNATURE = Signature(
    inputs=(TensorSpec(name="image", shape=(1, 8, 8, 2), dtype="float32"),),
    outputs=(TensorSpec(name="scores", shape=(1, 10), dtype="float32"),),
)


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution, a dense layer with 2,560 weights, and a softmax."""
    import tensorflow as tf

    random = np.random.default_rng(3)
    kernel = random.normal(0, 0.3, (3, 3, 2, 16)).astype("f4")
    dense = random.normal(0, 0.1, (256, 10)).astype("f4")

    def call(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        x = tf.nn.relu(tf.nn.conv2d(inputs["image"], kernel, 2, "SAME"))
        return {"scores": tf.nn.softmax(tf.reshape(x, (1, 256)) @ dense)}

    folder = tmp_path_factory.mktemp("frozen")
    freeze(call, SIGNATURE, folder)
    return folder


@pytest.fixture(scope="session")
def artifacts(frozen: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every variant of both formats, by name."""
    folder = tmp_path_factory.mktemp("artifacts")
    np.savez(folder / "data.npz", image=np.random.default_rng(5).normal(0, 1, (20, 8, 8, 2)))
    calibration = coreml.Calibration(data=folder / "data.npz", trace=traced_values)
    made: dict[str, Path] = {}
    for name, variant in VARIANTS.items():
        made[name] = folder / variant.file_name
        if variant.format == "tflite":
            convert(variant, frozen, made[name], TFLiteOptions(), folder / "data.npz")
        else:
            options = coreml.CoreMLOptions(minimum="iOS17")
            parent = made.get(variant.parent or "")
            coreml.convert(variant, frozen, made[name], options, parent, calibration)
    return made
