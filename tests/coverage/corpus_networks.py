"""Whole networks, as their authors converted them and as the plain converter does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_ROOT = Path(__file__).parents[2]
_SHARED = _ROOT.parent / "shared" / "models"


def published() -> dict[str, Path]:
    """Return the reference models of MLPerf Tiny, where they are beside the checkout."""
    return {path.stem: path for path in sorted(_SHARED.glob("*/*.tflite"))}


def converted(
    folder: Path, *, names: Sequence[str] = (), precisions: Sequence[str] = ()
) -> Iterator[tuple[str, Path]]:
    """Convert networks of Keras in the precisions that phones get; all, where none is named."""
    import keras

    sys.path.append(str(_ROOT / "tests" / "adapt"))
    import networks

    made: dict[str, Callable[[], Any]] = {
        "digits": lambda: keras.saving.load_model(_ROOT / "examples" / "digits" / "digits.keras"),
        "mobilenet_v2": lambda: keras.applications.MobileNetV2((96, 96, 3), 0.35, weights=None),
        "mobilenet_v3": networks.mobilenet_v3,
        "shufflenet_v2": networks.shufflenet_v2,
        "resnext": networks.resnext,
    }
    for name in names or made:
        keras.utils.set_random_seed(0)
        model = made[name]()
        for precision in precisions or _PRECISIONS:
            path = folder / f"{name}-{precision}.tflite"
            path.write_bytes(_convert(model, _PRECISIONS[precision]))
            yield path.stem, path


def _convert(model: Any, choose: Callable[[Any, Any], None]) -> bytes:
    """Convert with a batch of one, as apps run it."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2 as freeze,
    )

    shapes = [(1, *tensor.shape[1:]) for tensor in model.inputs]
    signature = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    function = tf.function(
        lambda *inputs: model(inputs if len(inputs) > 1 else inputs[0], training=False), signature
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [freeze(function.get_concrete_function())]
    )
    random = np.random.default_rng(0)
    choose(converter, [random.random(shape, np.float32) for shape in shapes])
    return bytes(converter.convert())


def _fp16(converter: Any, _: Any) -> None:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _dynamic(converter: Any, _: Any) -> None:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def _int8(converter: Any, sample: Any) -> None:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter([sample])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8


_PRECISIONS: dict[str, Callable[[Any, Any], None]] = {
    "fp32": lambda *_: None,
    "fp16": _fp16,
    "dynamic": _dynamic,
    "int8": _int8,
}
