"""From a frozen model to one TFLite artifact."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.calibration import calibration_batches
from mobilekit_converters.errors import ConversionError
from mobilekit_converters.frozen import load_frozen
from mobilekit_converters.signature_check import require_signature
from mobilekit_converters.tflite.options import TFLiteOptions
from mobilekit_converters.tflite.read_back import read_artifact
from mobilekit_converters.tflite.recipes import apply, recipe
from mobilekit_converters.tflite.weight_only import store_weights_in_int8
from mobilekit_converters.variants import Variant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def convert(
    variant: Variant,
    frozen: Path,
    output: Path,
    options: TFLiteOptions,
    calibration: Path | None,
) -> Artifact:
    """Convert a frozen model and read the artifact back.

    Args:
        variant: which precision to make.
        frozen: a folder that `mobilekit_converters.frozen` wrote.
        output: the `.tflite` file to write. Nothing is written there unless the artifact was made.
        options: the project file's part.
        calibration: an `.npz` with an array per input name, of shape (samples, *shape without the
            batch); only calibrated variants read it.

    Returns:
        The artifact, proven to hold its weights and the source's signature.

    Raises:
        DataError: the variant needs calibration data, and there is none or it does not fit.
        ConversionError: the converter refused the model, or what it made is not whole.
    """
    chosen = recipe(variant.precision)
    model = load_frozen(frozen)
    batches = None
    if chosen.calibrated:
        batches = calibration_batches(variant, model.signature, calibration)

    content = _run_converter(variant, model.saved_model, options, batches)
    if chosen.weight_only:
        content = store_weights_in_int8(content)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(content)
    try:
        artifact = read_artifact(output, variant.name, allowed_operators=options.allowed_operators)
        became = {"float32": options.io_dtype} if chosen.quantised_io else {}
        return require_signature(artifact, model.signature, dtypes=became)
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _run_converter(
    variant: Variant,
    saved_model: Path,
    options: TFLiteOptions,
    batches: Callable[[], Iterator[dict[str, NDArray[np.generic]]]] | None,
) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    apply(
        recipe(variant.precision),
        converter,
        io_dtype=options.io_dtype,
        allowed_operators=options.allowed_operators,
    )
    if batches is not None:
        converter.representative_dataset = batches
    try:
        return bytes(converter.convert())
    # The converter has no exception of its own in common: each of its stages raises what it likes.
    except Exception as error:
        raise ConversionError(explain(variant.name, str(error))) from error


def explain(variant: str, message: str) -> str:
    """Turn the converter's message, hundreds of lines long, into what a user can act on.

    Args:
        variant: the variant's full name.
        message: what the converter's exception says.
    """
    flex = _listed(message, "TF Select ops")
    custom = _listed(message, "Custom ops") or sorted(
        set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor a flex op", message)) - {*flex}
    )
    if flex or custom:
        names = ", ".join([*flex, *custom])
        allowed = ", ".join(f'"{name}"' for name in [*(f"Flex{n}" for n in flex), *custom])
        return (
            f"{variant}: TFLite has no operator for {names}. Replace the layers that need them, "
            f"or, if your app ships a runtime that has them, allow them by name: [android] "
            f"allowed_operators = [{allowed}]."
        )
    unquantised = sorted(
        set(re.findall(r"Quantization not yet supported for op: '?(\w+)", message))
    )
    if unquantised:
        return (
            f"{variant}: TensorFlow's quantiser does not know {', '.join(unquantised)}. Replace "
            "the layers that need them, or leave this variant out and use dynamic or fp16."
        )
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told = [line for line in lines if "error:" in line] or lines[:1] or ["it gave no reason"]
    return (
        f"{variant}: TensorFlow's converter failed: {'; '.join(_without_location(told[:3]))}. "
        "The log has the whole of it; leave this variant out if the model cannot change."
    )


def _listed(message: str, heading: str) -> list[str]:
    """The names after a heading such as `TF Select ops:`, which the converter ends with a line."""
    found = re.findall(rf"{heading}: ([\w, ]+)", message)
    return sorted({name.strip() for line in found for name in line.split(",") if name.strip()})


def _without_location(lines: list[str]) -> list[str]:
    """Cut what precedes `error:`, a location in the converter's own intermediate form."""
    return [line.split("error: ", 1)[-1].rstrip(".")[:300] for line in lines]
