"""The benchmark's other side: the script that a careful engineer would write without mobilekit.

It makes the same eleven artifacts with the same libraries and options, one after another, in one
process. The model is loaded and frozen once, and the compressed Core ML packages are all made from
one float16 package that stays in memory. It checks nothing.

    python benchmarks/plain_conversion.py PROJECT_FOLDER OUTPUT_FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools.optimize.coreml as optimize
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

INT8 = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
INT16X8 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def freeze(model: keras.Model) -> Any:
    """Fold the variables into constants; neither converter handles Keras 3's otherwise."""
    shape = (1, *model.input_shape[1:])

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"scores": model(image, training=False)}

    signature = [tf.TensorSpec(shape, tf.float32, name="image")]
    traced = tf.function(serve, input_signature=signature).get_concrete_function()
    return convert_variables_to_constants_v2(traced)


def tflite(frozen: Any, configure: Callable[[tf.lite.TFLiteConverter], None]) -> bytes:
    """Run TensorFlow's converter with one configuration."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    configure(converter)
    return bytes(converter.convert())


def tflite_variants(frozen: Any, samples: NDArray[np.float32]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each TFLite file."""

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for sample in samples:
            yield [sample[np.newaxis]]

    def dynamic(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    def fp16(converter: tf.lite.TFLiteConverter) -> None:
        dynamic(converter)
        converter.target_spec.supported_types = [tf.float16]

    def calibrated(operators: tf.lite.OpsSet) -> Callable[[tf.lite.TFLiteConverter], None]:
        def configure(converter: tf.lite.TFLiteConverter) -> None:
            dynamic(converter)
            converter.representative_dataset = representative
            converter.target_spec.supported_ops = [operators]

        return configure

    yield "fp32", tflite(frozen, lambda _: None)
    yield "fp16", tflite(frozen, fp16)
    yield "dynamic", tflite(frozen, dynamic)
    yield "int8", tflite(frozen, calibrated(INT8))
    yield "int16x8", tflite(frozen, calibrated(INT16X8))


def coreml_variants(frozen: Any, shape: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the model of each Core ML package."""

    def convert(precision: ct.precision) -> Any:
        return ct.convert(
            [frozen],
            source="tensorflow",
            inputs=[ct.TensorType(shape=shape, name="image")],
            convert_to="mlprogram",
            compute_precision=precision,
            minimum_deployment_target=ct.target.iOS16,
            skip_model_load=True,
        )

    yield "fp32", convert(ct.precision.FLOAT32)
    fp16 = convert(ct.precision.FLOAT16)
    yield "fp16", fp16
    linear = optimize.OpLinearQuantizerConfig(mode="linear_symmetric")
    yield (
        "w8",
        optimize.linear_quantize_weights(fp16, optimize.OptimizationConfig(global_config=linear)),
    )
    for bits in (4, 6, 8):
        palette = optimize.OpPalettizerConfig(mode="kmeans", nbits=bits)
        yield (
            f"palette{bits}",
            optimize.palettize_weights(fp16, optimize.OptimizationConfig(global_config=palette)),
        )


def main() -> None:
    """Convert the project's model into the output folder."""
    project, output = map(Path, sys.argv[1:])
    output.mkdir(parents=True)
    model = keras.models.load_model(project / "model.keras")
    samples = np.load(project / "calibration.npz")["image"]
    frozen = freeze(model)
    for name, content in tflite_variants(frozen, samples):
        (output / f"tflite-{name}.tflite").write_bytes(content)
    for name, package in coreml_variants(frozen, (1, *model.input_shape[1:])):
        package.save(str(output / f"coreml-{name}.mlpackage"))


if __name__ == "__main__":
    main()
