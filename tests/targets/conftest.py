from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def frozen_scale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """y = relu(x W), 4 to 4."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("scale")
    weights = np.random.default_rng(0).normal(size=(4, 4)).astype("f4")
    signature = Signature(
        inputs=(TensorSpec(name="x", shape=(1, 4), dtype="float32"),),
        outputs=(TensorSpec(name="y", shape=(1, 4), dtype="float32"),),
    )

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"y": tf.nn.relu(inputs["x"] @ weights)}

    freeze(call, signature, folder)
    np.savez(folder / "data.npz", x=np.random.default_rng(1).uniform(-1, 1, (50, 4)).astype("f4"))
    return folder


@pytest.fixture(scope="session")
def scale_fp32(frozen_scale: Path) -> Artifact:
    path = frozen_scale / "fp32.tflite"
    return convert(variant("tflite-fp32"), frozen_scale, path, TFLiteOptions(), None)


@pytest.fixture(scope="session", params=["int8", "uint8"])
def scale_int8(request: pytest.FixtureRequest, frozen_scale: Path) -> Artifact:
    return convert(
        variant("tflite-int8"),
        frozen_scale,
        frozen_scale / f"{request.param}.tflite",
        TFLiteOptions(io_dtype=request.param),
        frozen_scale / "data.npz",
    )
