"""The real trained models of `../shared/models`, each in its own form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobilekit_converters.sources import Source, SourceOptions, open_source


def top(source: Source, values: np.ndarray) -> int:
    """Return the winning class of one sample, quantised on the way in where the model is."""
    (spec,) = source.signature.inputs
    if spec.quantisation is not None:
        scaled = values / spec.quantisation.scales[0] + spec.quantisation.zero_points[0]
        values = np.clip(np.round(scaled), -128, 127)
    outputs = source.predict({spec.name: values.reshape(spec.shape).astype(spec.dtype)})
    return int(next(iter(outputs.values())).argmax())


def test_wake_word_model_scores_41_of_45(real_models: Path) -> None:
    folder = real_models / "streaming_wakeword"
    source = open_source(folder / "str_ww_ref_model.h5", SourceOptions())
    assert source.framework.startswith("tf_keras")
    assert [str(spec) for spec in source.signature] == [
        "input_1: float32 1×30×1×40",
        "dense: float32 1×3",
    ]
    with np.load(folder / "calibration_samples.npz") as samples:
        specs, labels = samples["specs"], samples["labels"]
    assert sum(top(source, s) == label for s, label in zip(specs, labels, strict=True)) == 41
    batched = open_source(folder / "str_ww_ref_model.h5", SourceOptions(batch=45))
    scores = batched.predict({"input_1": specs.astype(np.float32)})["dense"]
    assert int((scores.argmax(axis=1) == labels).sum()) == 41


def test_wake_word_model_as_its_authors_quantised_it(real_models: Path) -> None:
    folder = real_models / "streaming_wakeword"
    quantised = open_source(folder / "str_ww_ref_model.tflite", SourceOptions())
    original = open_source(folder / "str_ww_ref_model.h5", SourceOptions())
    assert [spec.dtype for spec in quantised.signature] == ["int8", "int8"]
    with np.load(folder / "calibration_samples.npz") as samples:
        specs = samples["specs"]
    agreeing = sum(top(quantised, sample) == top(original, sample) for sample in specs)
    assert agreeing >= 40


def test_keyword_model_in_a_saved_model_folder(real_models: Path) -> None:
    folder = real_models / "keyword_spotting"
    source = open_source(folder / "kws_ref_model", SourceOptions(batch=2))
    assert [str(spec) for spec in source.signature] == [
        "input_1: float32 2×49×10×1",
        "dense: float32 2×12",
    ]
    values = np.random.default_rng(0).normal(size=(2, 49, 10, 1)).astype(np.float32)
    scores = source.predict({"input_1": values})["dense"]
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    single = open_source(folder / "kws_ref_model", SourceOptions())
    first = single.predict({"input_1": values[:1]})["dense"]
    np.testing.assert_allclose(first, scores[:1], rtol=1e-4, atol=1e-6)


def test_image_model_and_its_authors_conversion_agree(real_models: Path) -> None:
    folder = real_models / "image_classification"
    keras = open_source(folder / "pretrainedResnet.h5", SourceOptions())
    assert keras.framework.startswith("Keras 3.")
    assert keras.parameters == 78_666
    converted = open_source(folder / "pretrainedResnet.tflite", SourceOptions())
    rng = np.random.default_rng(0)
    for _ in range(4):
        # Smooth blobs, nearer to pictures than noise is.
        coarse = rng.uniform(0, 255, (1, 4, 4, 3))
        picture = np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2).astype(np.float32)
        expected = next(iter(keras.predict({"input_1": picture}).values()))
        (found,) = converted.predict({converted.signature.inputs[0].name: picture}).values()
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        "keyword_spotting/kws_ref_model.tflite",
        "image_classification/pretrainedResnet_quant.tflite",
    ],
)
def test_ready_files_of_their_authors(real_models: Path, name: str) -> None:
    source = open_source(real_models / name, SourceOptions())
    assert all(spec.quantisation is not None for spec in source.signature)
