"""The table of TFLite recipes: what each precision asks of TensorFlow's converter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mobilekit_converters.errors import ConversionError


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What one precision asks of `tf.lite.TFLiteConverter`.

    `optimise` turns its quantisation on, `weights` is the type that weights are stored in
    (`target_spec.supported_types`), and `operators` is the `tf.lite.OpsSet` that the graph has to
    fit. `calibrated` recipes are shown calibration data. `quantised_io` recipes can take their
    inputs and give their outputs as stored integers. `mlir_quantiser` chooses between the
    converter's two quantisers. With `weight_only` the weights of what it made are then stored in
    int8, and nothing else changes.
    """

    optimise: bool = True
    weights: str | None = None
    operators: str = "TFLITE_BUILTINS"
    calibrated: bool = False
    quantised_io: bool = False
    mlir_quantiser: bool = True
    weight_only: bool = False


RECIPES: dict[str, Recipe] = {
    "fp32": Recipe(optimise=False),
    "fp16": Recipe(weights="float16"),
    "w8": Recipe(optimise=False, weight_only=True),
    "dynamic": Recipe(),
    "int8": Recipe(operators="TFLITE_BUILTINS_INT8", calibrated=True, quantised_io=True),
    # TensorFlow 2.21 quantises int16 activations with its older quantiser either way, but with the
    # newer one switched on it first calibrates for that one too and throws the result away.
    "int16x8": Recipe(
        operators="EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",
        calibrated=True,
        mlir_quantiser=False,
    ),
}


def recipe(precision: str) -> Recipe:
    """Return the recipe of a precision.

    Raises:
        ConversionError: TFLite has none of that name.
    """
    if precision not in RECIPES:
        raise ConversionError(
            f"There is no TFLite recipe {precision!r}. Known: {', '.join(RECIPES)}."
        )
    return RECIPES[precision]


def apply(
    recipe: Recipe, converter: Any, *, io_dtype: str, allowed_operators: tuple[str, ...]
) -> None:
    """Set a `tf.lite.TFLiteConverter` up for a recipe, but for its calibration data."""
    import tensorflow as tf

    operators = [getattr(tf.lite.OpsSet, recipe.operators)]
    if any(name.startswith(FLEX) for name in allowed_operators):
        operators.append(tf.lite.OpsSet.SELECT_TF_OPS)
    converter.target_spec.supported_ops = operators
    converter.allow_custom_ops = any(not name.startswith(FLEX) for name in allowed_operators)
    if recipe.optimise:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.weights is not None:
        converter.target_spec.supported_types = [tf.dtypes.as_dtype(recipe.weights)]
    if recipe.quantised_io:
        converter.inference_input_type = tf.dtypes.as_dtype(io_dtype)
        converter.inference_output_type = tf.dtypes.as_dtype(io_dtype)
    converter.experimental_new_quantizer = recipe.mlir_quantiser
    # It names the converter's run, not the model, and reading it in costs a pass over the weights.
    converter.exclude_conversion_metadata = True


FLEX = "Flex"
"""What the converter puts before the name of an operator that TensorFlow itself has to run."""
