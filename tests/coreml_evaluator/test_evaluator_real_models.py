"""Real trained models that nobody here made, through our converter, against their framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from mobilekit_converters import coreml
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.sources import SourceOptions, open_source
from mobilekit_converters.variants import variant
from mobilekit_delegates.targets import target

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT.parent / "shared" / "models"

pytestmark = pytest.mark.skipif(
    not MODELS.is_dir(), reason="the real models (../shared/models) are not on this machine"
)


def wake_words() -> np.ndarray:
    with np.load(MODELS / "streaming_wakeword" / "calibration_samples.npz") as data:
        samples: np.ndarray = data["specs"].astype(np.float32)
    return samples


def speech() -> np.ndarray:
    """Features that drift from frame to frame, as MFCCs do."""
    random = np.random.default_rng(17)
    return np.cumsum(random.normal(size=(20, 49, 10, 1)) * 8, axis=1).astype(np.float32)


def photographs() -> np.ndarray:
    """Images that drift from row to row, within 0 to 255."""
    random = np.random.default_rng(19)
    walks = np.cumsum(random.normal(size=(20, 32, 32, 3)) * 20, axis=1) + 128
    return np.clip(walks, 0, 255).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Model:
    """Where a model is, and samples for it. `floors` are least SNRs in dB by precision."""

    path: str
    samples: Callable[[], np.ndarray]
    floors: dict[str, float]
    options: SourceOptions = field(default_factory=SourceOptions)


# What was measured, less a margin. The evaluator's part in it is the first two; the others are what
# 8 and fewer bits of weights cost.
REAL = {
    "wake word": Model(
        path="streaming_wakeword/str_ww_ref_model.h5",
        samples=wake_words,
        floors={"fp32": 120, "fp16": 70, "w8": 45, "palette4": 22, "palette6": 35, "palette8": 42},
    ),
    "keyword spotting": Model(
        path="keyword_spotting/kws_ref_model",
        samples=speech,
        floors={"fp32": 110, "fp16": 60, "w8": 25, "palette4": 22, "palette6": 24, "palette8": 30},
        options=SourceOptions(signature="serving_default"),
    ),
    "image classification": Model(
        path="image_classification/pretrainedResnet.h5",
        samples=photographs,
        floors={"fp32": 80, "fp16": 50, "w8": 28, "palette4": 5, "palette6": 18, "palette8": 32},
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_every_variant_answers_as_the_source_does(name: str, tmp_path: Path) -> None:
    model = REAL[name]
    source = open_source(MODELS / model.path, model.options)
    source.freeze(tmp_path / "frozen")
    (spec,) = source.signature.inputs
    (answer,) = source.signature.outputs
    batches = [{spec.name: sample.reshape(spec.shape)} for sample in model.samples()]
    reference = np.stack([source.predict(batch)[answer.name] for batch in batches])

    made: dict[str, Artifact] = {}
    measured: dict[str, float] = {}
    for precision in model.floors:
        parent = made["fp16"].path if "fp16" in made else None
        made[precision] = coreml.convert(
            variant(f"coreml-{precision}"),
            tmp_path / "frozen",
            tmp_path / f"{precision}.mlpackage",
            coreml.CoreMLOptions(),
            parent,
        )
        with target("coreml").open(made[precision]) as session:
            outputs = [each[answer.name] for each in session.run_all(batches)]
        noise = np.sum(np.square(np.stack(outputs) - reference, dtype=np.float64))
        signal = np.sum(np.square(reference, dtype=np.float64))
        measured[precision] = float(10 * np.log10(signal / noise))
    assert measured["fp16"] >= 50, "what the evaluator promises of float16"
    too_low = {key: value for key, value in measured.items() if value < model.floors[key]}
    assert not too_low, f"{too_low} of {measured}"
