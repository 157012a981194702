from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dense_layer import freeze_dense_layer

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant


@pytest.fixture(scope="session")
def frozen_scale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = freeze_dense_layer(tmp_path_factory.mktemp("scale"), 4)
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
