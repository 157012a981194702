"""Packages of models that are broken in one layer, held against the whole model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from located_models import Model
from tools import require_target

from mobilekit_converters import coreml
from mobilekit_converters.coreml import CoreMLOptions
from mobilekit_converters.sources import SourceOptions, open_source
from mobilekit_converters.variants import VARIANTS

pytestmark = pytest.mark.usefixtures("evaluator")


@pytest.fixture(scope="module")
def evaluator() -> None:
    require_target("coreml")


def double_a_channel(layer: Any) -> None:
    kernel, *rest = layer.get_weights()
    kernel[..., 2] *= 2
    layer.set_weights([kernel, *rest])


def double_the_weights(layer: Any) -> None:
    kernel, *rest = layer.get_weights()
    layer.set_weights([2 * kernel, *rest])


def change_the_bias(layer: Any) -> None:
    *others, bias = layer.get_weights()
    layer.set_weights([*others, bias + np.linspace(-2, 2, len(bias))])


def move_the_mean(layer: Any) -> None:
    gamma, beta, mean, variance = layer.get_weights()
    mean += np.linspace(-1, 1, len(mean))
    layer.set_weights([gamma, beta, mean, variance])


@pytest.mark.parametrize("variant", ["coreml-fp16", "coreml-w8"])
@pytest.mark.parametrize(
    ("layer", "fault", "cause"),
    [
        ("conv2d_1", double_a_channel, "only channel 2 of 48 differs"),
        ("depthwise_conv2d_1", double_the_weights, "weights are 2 times the source's"),
        ("batch_normalization_3", move_the_mean, "each channel is off by a constant of its own"),
        ("scores", change_the_bias, "each channel is off by a constant of its own"),
    ],
)
def test_the_layer_and_the_cause_are_named(
    model: Callable[[str], Model],
    tmp_path: Path,
    variant: str,
    layer: str,
    fault: Callable[[Any], None],
    cause: str,
) -> None:
    import keras

    digits = model("digits")
    changed = keras.models.load_model(digits.source)
    fault(changed.get_layer(layer))
    changed.save(tmp_path / "changed.keras")
    open_source(tmp_path / "changed.keras", SourceOptions()).freeze(tmp_path / "frozen")
    row = VARIANTS[variant]
    parent = None
    if row.parent:
        parent = tmp_path / "parent.mlpackage"
        coreml.convert(VARIANTS[row.parent], tmp_path / "frozen", parent, CoreMLOptions())
    artifact = coreml.convert(
        row, tmp_path / "frozen", tmp_path / "x.mlpackage", CoreMLOptions(), parent
    )
    drift = digits.locate(artifact)
    assert drift.first is not None, drift.sentence
    assert layer in drift.layers[drift.first].layer.split(" + "), drift.sentence
    assert cause in drift.sentence
