"""Every mobile family of `keras.applications`, in both formats, with TFLite's numbers compared.

The images are small where the family allows it; weights and statistics are random but realistic, so
that no layer's output vanishes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit.parity.metrics import tensor_metrics
from mobilekit_converters import coreml, tflite
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.variants import variant
from mobilekit_delegates.targets import target

SMALL = {"input_shape": (64, 64, 3)}

FAMILIES: dict[str, dict[str, Any]] = {
    "MobileNet": {**SMALL, "alpha": 0.25},
    "MobileNetV2": {**SMALL, "alpha": 0.35},
    "MobileNetV3Small": SMALL,
    "MobileNetV3Large": SMALL,
    "EfficientNetB0": SMALL,
    "EfficientNetV2B0": SMALL,
    "NASNetMobile": SMALL,
    "DenseNet121": SMALL,
    "ConvNeXtTiny": SMALL,
    "Xception": {"input_shape": (71, 71, 3)},
}


def built(family: str) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    headless = {"include_top": False, "pooling": "avg"}
    model = getattr(keras.applications, family)(weights=None, **headless, **FAMILIES[family])
    generator = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(generator.normal(0, 0.1, shape))
            layer.moving_variance.assign(generator.uniform(0.5, 1.5, shape))
    return model


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_family_converts_to_both_formats(family: str, tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    model = built(family)
    image = np.random.default_rng(1).uniform(0, 255, (1, *model.input_shape[1:]))
    image = image.astype(np.float32)
    answer = np.asarray(model(image, training=False))
    signature = Signature(
        inputs=(TensorSpec(name="image", shape=image.shape, dtype="float32"),),
        outputs=(TensorSpec(name="features", shape=answer.shape, dtype="float32"),),
    )
    freeze(
        lambda tensors: {"features": model(tensors["image"], training=False)},
        signature,
        tmp_path / "frozen",
    )

    lite = tflite.convert(
        variant("tflite-fp32"), tmp_path / "frozen", tmp_path / "m.tflite",
        tflite.TFLiteOptions(), None,
    )  # fmt: skip
    found = Interpreter(str(lite.path)).get_signature_runner()(image=image)["features"]
    assert np.abs(answer).max() > 0
    np.testing.assert_allclose(found, answer, rtol=0, atol=1e-4 * np.abs(answer).max())

    package = coreml.convert(
        variant("coreml-fp16"), tmp_path / "frozen", tmp_path / "m.mlpackage",
        coreml.CoreMLOptions(),
    )  # fmt: skip
    assert package.signature == signature
    assert 0.9 < package.file_bytes / (2 * model.count_params()) < 1.5
    with target("coreml").open(package) as session:
        found = session.run({"image": image})["features"]
    assert tensor_metrics(found, answer)["snr_db"] > 40
