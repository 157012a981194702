"""A clean artifact has no layer to name, and nearly all of it is compared."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from located_models import Model
from tools import require_target

VARIANTS = [
    "tflite-fp32",
    "tflite-fp16",
    "tflite-w8",
    "tflite-dynamic",
    "tflite-int8",
    "tflite-int16x8",
    "coreml-fp32",
    "coreml-fp16",
    "coreml-w8",
]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["digits", "resnet", "wakeword", "keywords"])
def test_a_clean_artifact_names_no_layer(
    model: Callable[[str], Model], name: str, variant: str
) -> None:
    found = model(name)
    drift = found.locate(found.artifact(variant))
    assert drift.first is None, drift.sentence
    assert drift.sentence.startswith("No layer leaves its bounds; the lowest SNR is ")
    # TFLite keeps every name; coremltools makes new ones where it moves transposes.
    share = 1.0 if variant.startswith("tflite") else 0.9
    assert len(drift.layers) >= share * drift.tensors
    assert all(layer.snr_db >= layer.bound for layer in drift.layers)


def test_layers_have_the_names_that_the_source_gives_them(model: Callable[[str], Model]) -> None:
    found = model("digits")
    drift = found.locate(found.artifact("tflite-fp32"))
    assert [(layer.layer, layer.operator) for layer in drift.layers] == [
        ("conv2d + batch_normalization + re_lu", "CONV_2D"),
        ("depthwise_conv2d + batch_normalization_1 + re_lu_1", "DEPTHWISE_CONV_2D"),
        ("conv2d_1 + batch_normalization_2 + re_lu_2", "CONV_2D"),
        ("depthwise_conv2d_1 + batch_normalization_3 + re_lu_3", "DEPTHWISE_CONV_2D"),
        ("conv2d_2 + batch_normalization_4 + re_lu_4", "CONV_2D"),
        ("depthwise_conv2d_2 + batch_normalization_5 + re_lu_5", "DEPTHWISE_CONV_2D"),
        ("conv2d_3 + batch_normalization_6 + re_lu_6", "CONV_2D"),
        ("global_average_pooling2d", "MEAN"),
        ("scores", "FULLY_CONNECTED"),
        ("scores", "SOFTMAX"),
    ]


@pytest.mark.parametrize(
    "target", ["cpu-reference", "cpu-fp16", "gpu", "arm64:max", "tflite-floor"]
)
def test_any_target_can_be_looked_at(model: Callable[[str], Model], target: str) -> None:
    require_target(target)
    found = model("digits")
    drift = found.locate(found.artifact("tflite-fp32"), target)
    assert drift.first is None, drift.sentence
    assert not drift.sentence.startswith("Looked at on cpu")
    assert len(drift.layers) == drift.tensors == 10
