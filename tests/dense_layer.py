"""The smallest model there is, frozen: one dense layer with a ReLU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def freeze_dense_layer(folder: Path, size: int) -> Path:
    """Freeze `y = relu(x W)`, `size` to `size` float32 values with a batch of 1, into a folder."""
    import tensorflow as tf

    weights = np.random.default_rng(0).normal(size=(size, size)).astype("f4")
    signature = Signature(
        inputs=(TensorSpec(name="x", shape=(1, size), dtype="float32"),),
        outputs=(TensorSpec(name="y", shape=(1, size), dtype="float32"),),
    )

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"y": tf.nn.relu(inputs["x"] @ weights)}

    freeze(call, signature, folder)
    return folder
