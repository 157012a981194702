from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tflite_models
from tflite_models import Make

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    tflite_models.freeze_classifier(folder)
    return folder


@pytest.fixture(scope="session")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "daten – größe.npz"
    samples = np.random.default_rng(5).normal(0, 1, (20, 8, 8, 2)).astype("f4")
    np.savez(path, **{"image-in/x": samples})
    return path


@pytest.fixture(scope="session")
def make(classifier: Path, calibration: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Convert the classifier; each artifact once."""
    made: dict[tuple[str, str], Artifact] = {}

    def convert_once(precision: str, io_dtype: str = "float32") -> Artifact:
        if (precision, io_dtype) not in made:
            made[precision, io_dtype] = convert(
                variant(f"tflite-{precision}"),
                classifier,
                tmp_path_factory.mktemp("made") / "model.tflite",
                TFLiteOptions(io_dtype=io_dtype),  # type: ignore[arg-type]
                calibration,
            )
        return made[precision, io_dtype]

    return convert_once
