"""Artifacts that are broken in one layer: that layer is named, and what was done to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import breaking
import pytest
from breaking import Weighted, broken
from located_models import Model

CHANNEL = "only channel 1 of"
BIAS = "its bias was dropped or changed"
NAN = "NaN first appears here in channel 1: a weight of it is NaN"

CASES: list[tuple[str, str, int, Callable[[Weighted], None], str, str]] = [
    ("digits", "tflite-fp32", 0, breaking.double_a_channel, "conv2d", CHANNEL),
    ("digits", "tflite-fp32", 3, breaking.shuffle_a_channel, "depthwise_conv2d_1", CHANNEL),
    ("digits", "tflite-fp32", 4, breaking.zero_a_channel, "conv2d_2", "throughout"),
    ("digits", "tflite-fp32", 3, breaking.drop_the_bias, "depthwise_conv2d_1", BIAS),
    ("digits", "tflite-fp32", 6, breaking.drop_the_activation, "conv2d_3", "Relu6, is missing"),
    ("digits", "tflite-fp32", 2, breaking.double_the_scale, "conv2d_1", "weights are 2 times"),
    ("digits", "tflite-fp32", 5, breaking.put_a_nan, "depthwise_conv2d_2", NAN),
    ("digits", "tflite-fp32", 2, breaking.negate, "conv2d_1", "sign of its values is flipped"),
    ("digits", "tflite-fp32", 4, breaking.swap_the_input_channels, "conv2d_2", "no simple change"),
    ("digits", "tflite-fp32", 7, breaking.drop_the_bias, "scores", BIAS),
    ("digits", "tflite-fp16", 3, breaking.drop_the_bias, "depthwise_conv2d_1", BIAS),
    ("digits", "tflite-fp16", 4, breaking.zero_a_channel, "conv2d_2", CHANNEL),
    ("digits", "tflite-dynamic", 4, breaking.zero_a_channel, "conv2d_2", CHANNEL),
    ("digits", "tflite-int8", 0, breaking.zero_a_channel, "conv2d", CHANNEL),
    ("digits", "tflite-int8", 3, breaking.zero_a_channel, "depthwise_conv2d_1", CHANNEL),
    ("digits", "tflite-int8", 6, breaking.drop_the_bias, "conv2d_3", BIAS),
    ("digits", "tflite-int8", 3, breaking.double_the_scale, "depthwise_conv2d_1", "times the"),
    ("digits", "tflite-int8", 4, breaking.negate, "conv2d_2", "sign of its values is flipped"),
    ("resnet", "tflite-fp32", 0, breaking.swap_the_input_channels, "conv2d", "RGB is taken"),
    ("resnet", "tflite-fp32", 4, breaking.double_a_channel, "conv2d_4", CHANNEL),
    ("resnet", "tflite-fp32", 3, breaking.drop_the_activation, "conv2d_3", "Relu, is missing"),
    ("resnet", "tflite-int8", 4, breaking.drop_the_bias, "conv2d_4", BIAS),
    ("resnet", "tflite-int8", 4, breaking.zero_a_channel, "conv2d_4", CHANNEL),
    ("wakeword", "tflite-fp32", 2, breaking.double_the_scale, "depthwise_conv2d_1", "2 times"),
    ("wakeword", "tflite-fp32", 4, breaking.put_a_nan, "depthwise_conv2d_2", NAN),
    ("wakeword", "tflite-int8", 3, breaking.drop_the_bias, "conv2d_1", BIAS),
    ("keywords", "tflite-fp32", 4, breaking.zero_a_channel, "conv2d_2", CHANNEL),
    ("keywords", "tflite-fp32", 4, breaking.drop_the_activation, "conv2d_2", "Relu, is missing"),
    ("keywords", "tflite-int8", 4, breaking.drop_the_bias, "conv2d_2", BIAS),
]


@pytest.mark.parametrize(
    ("name", "variant", "layer", "fault", "expected", "cause"),
    [pytest.param(*case, id=f"{case[0]}-{case[1]}-{case[4]}-{case[3].__name__}") for case in CASES],
)
def test_the_layer_and_the_cause_are_named(
    model: Callable[[str], Model],
    tmp_path: Path,
    name: str,
    variant: str,
    layer: int,
    fault: Callable[[Weighted], None],
    expected: str,
    cause: str,
) -> None:
    found = model(name)
    artifact = found.artifact(variant)
    file = tmp_path / "broken.tflite"
    broken(artifact.path, file, layer, fault)
    drift = found.locate(artifact, file=file)
    assert drift.first is not None, drift.sentence
    assert expected in drift.layers[drift.first].layer.split(" + "), drift.sentence
    assert drift.sentence.startswith(drift.layers[drift.first].layer)
    assert cause in drift.sentence
    assert "\n" not in drift.sentence
