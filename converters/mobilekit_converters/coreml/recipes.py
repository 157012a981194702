"""The table of Core ML recipes: how each precision is made. A new one is one new row.

`fp32` and `fp16` are converted from the frozen model; the compressed precisions are made from the
package of their parent variant, whose weights they replace; `w8a8` also needs calibration data.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.calibration import calibration_batches, no_calibration_data
from mobilekit_converters.coreml.canonical import IMAGES_KEY, NAMES_KEY, VARIANT_KEY, save_package
from mobilekit_converters.coreml.graph import boundary_dtype, function_for_coreml
from mobilekit_converters.coreml.heap import heap_set_aside
from mobilekit_converters.coreml.options import CoreMLOptions
from mobilekit_converters.coreml.ranges import Calibration, Ranges, measure_ranges
from mobilekit_converters.coreml.read_back import read_artifact
from mobilekit_converters.errors import ConversionError, ProjectError
from mobilekit_converters.frozen import load_frozen
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.signature_check import require_signature
from mobilekit_converters.variants import Variant


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to make one precision.

    `minimum` is the first iOS that knows the operations of the result (coremltools' documentation
    of its optimisation methods). One of these is set: `compute` (converted, arithmetic of this
    precision), `compress` (a function from the parent's model to the compressed one), `quantise`
    (one that needs the ranges of the parent's values too).
    """

    minimum: int
    compute: str = ""
    compress: Callable[[Any], Any] | None = None
    quantise: Callable[[Any, Ranges], Any] | None = None


def _int8_config() -> Any:
    """One scale per output channel, symmetric: what Apple's own recipes use."""
    import coremltools.optimize.coreml as optimize

    config = optimize.OpLinearQuantizerConfig(mode="linear_symmetric")
    return optimize.OptimizationConfig(global_config=config)


def _int8_weights(model: Any) -> Any:
    import coremltools.optimize.coreml as optimize

    return optimize.linear_quantize_weights(model, _int8_config())


def _int8_weights_and_activations(model: Any, ranges: Ranges) -> Any:
    from mobilekit_converters.coreml.activations import quantise

    return quantise(model, ranges, _int8_config())


def _palette(bits: int) -> Callable[[Any], Any]:
    """One palette per weight tensor, the one of least squared error."""

    def compress(model: Any) -> Any:
        import coremltools.optimize.coreml as optimize

        from mobilekit_converters.coreml.palette import palette_of

        config = optimize.OpPalettizerConfig(mode="custom", lut_function=palette_of(bits))
        return optimize.palettize_weights(model, optimize.OptimizationConfig(global_config=config))

    return compress


RECIPES: dict[str, Recipe] = {
    "fp32": Recipe(minimum=15, compute="FLOAT32"),
    "fp16": Recipe(minimum=15, compute="FLOAT16"),
    "w8": Recipe(minimum=16, compress=_int8_weights),
    "palette4": Recipe(minimum=16, compress=_palette(4)),
    "palette6": Recipe(minimum=16, compress=_palette(6)),
    "palette8": Recipe(minimum=16, compress=_palette(8)),
    "w8a8": Recipe(minimum=17, quantise=_int8_weights_and_activations),
}


def convert(
    variant: Variant,
    frozen: Path,
    output: Path,
    options: CoreMLOptions,
    parent: Path | None = None,
    calibration: Calibration | None = None,
) -> Artifact:
    """Make the package of a variant and read it back.

    Args:
        variant: what to make.
        frozen: the folder that `mobilekit_converters.frozen.freeze` wrote.
        output: the `.mlpackage` to write, replacing an older one.
        options: the oldest system, and which inputs take images.
        parent: the package of `variant.parent`, for compressed variants.
        calibration: data, and what runs a package on it, for calibrated variants.

    Returns:
        The artifact, as `read_artifact` found it.

    Raises:
        ProjectError: the minimum system is unknown, or too old for the variant.
        DataError: the variant needs calibration data, and there is none or it does not fit.
        ConversionError: the model cannot be converted, or the package is not whole.
    """
    recipe = recipe_for(variant, options)
    source = load_frozen(frozen).signature
    try:
        if recipe.compute:
            _convert_frozen(variant, recipe, frozen, output, options)
        else:
            whole = _parent(variant, parent)
            compress = recipe.compress
            if recipe.quantise is not None:
                compress = _calibrated(variant, recipe.quantise, source, whole, calibration)
            assert compress is not None
            _compress_parent(variant, compress, output, whole)
        expected = _boundary(source, options)
        return require_signature(read_artifact(output, variant.name), expected)
    except BaseException:
        shutil.rmtree(output, ignore_errors=True)
        raise


def _boundary(source: Signature, options: CoreMLOptions) -> Signature:
    """The source's signature with the dtypes that Core ML's features have."""
    images = {image.name for image in options.images}

    def feature(spec: TensorSpec) -> TensorSpec:
        dtype = "uint8" if spec.name in images else boundary_dtype(spec.dtype)
        return TensorSpec(name=spec.name, shape=spec.shape, dtype=dtype)

    return Signature(
        inputs=tuple(map(feature, source.inputs)), outputs=tuple(map(feature, source.outputs))
    )


def recipe_for(variant: Variant, options: CoreMLOptions) -> Recipe:
    """Return how to make a variant.

    Raises:
        ProjectError: the minimum system is unknown, or too old for the variant.
    """
    recipe = RECIPES[variant.precision]
    if options.minimum_version < recipe.minimum:
        raise ProjectError(
            f"{variant.name} needs iOS{recipe.minimum} and [ios] minimum is {options.minimum}: "
            f"older systems cannot read {variant.description}. Raise the minimum, or take "
            f"{variant.precision!r} out of [ios] variants."
        )
    return recipe


def _convert_frozen(
    variant: Variant, recipe: Recipe, folder: Path, output: Path, options: CoreMLOptions
) -> None:
    import coremltools as ct

    from mobilekit_converters.coreml.loops import readable
    from mobilekit_converters.coreml.names import native_names
    from mobilekit_converters.coreml.tf_ops import register_missing_ops

    frozen = load_frozen(folder)
    names = native_names(spec.name for spec in frozen.signature)
    function = function_for_coreml(frozen, names, options)
    register_missing_ops()
    try:
        with heap_set_aside():
            model = ct.convert(
                readable(function),
                source="tensorflow",
                inputs=_inputs(frozen.signature.inputs, names, options),
                outputs=[
                    ct.TensorType(name=names[spec.name], dtype=_numpy(spec.dtype))
                    for spec in frozen.signature.outputs
                ],
                convert_to="mlprogram",
                compute_precision=getattr(ct.precision, recipe.compute),
                minimum_deployment_target=getattr(ct.target, options.minimum),
                skip_model_load=True,
            )
    except Exception as error:
        raise ConversionError(
            f"coremltools cannot convert the model to {variant.name}: {_summary(error)}"
        ) from error
    metadata = {NAMES_KEY: json.dumps(names, ensure_ascii=False), VARIANT_KEY: variant.name}
    if options.images:
        images = {
            image.name: {"scale": image.scale, "offset": image.offset} for image in options.images
        }
        metadata[IMAGES_KEY] = json.dumps(images, ensure_ascii=False)
    save_package(model, output, metadata)


def _inputs(specs: Any, names: dict[str, str], options: CoreMLOptions) -> list[Any]:
    import coremltools as ct

    images = {image.name: image for image in options.images}
    layouts = {"grayscale": "GRAYSCALE", "rgb": "RGB", "bgr": "BGR"}
    return [
        ct.ImageType(
            name=names[spec.name],
            shape=spec.shape,
            color_layout=getattr(ct.colorlayout, layouts[images[spec.name].color]),
        )
        if spec.name in images
        else ct.TensorType(name=names[spec.name], shape=spec.shape, dtype=_numpy(spec.dtype))
        for spec in specs
    ]


def _numpy(dtype: str) -> Any:
    import numpy as np

    return np.dtype(boundary_dtype(dtype)).type


def _parent(variant: Variant, path: Path | None) -> Artifact:
    if path is None:
        raise ConversionError(
            f"{variant.name} is made from the package of {variant.parent}, and none was given."
        )
    return read_artifact(path, variant.parent)


def _calibrated(
    variant: Variant,
    quantise: Callable[[Any, Ranges], Any],
    source: Signature,
    parent: Artifact,
    calibration: Calibration | None,
) -> Callable[[Any], Any]:
    """Return a recipe's function with the ranges of the parent's values filled in."""
    if calibration is None:
        raise no_calibration_data(variant)
    batches = calibration_batches(variant, source, calibration.data)
    ranges = measure_ranges(parent, batches(), calibration.trace)
    return lambda model: quantise(model, ranges)


def _compress_parent(
    variant: Variant, compress: Callable[[Any], Any], output: Path, parent: Artifact
) -> None:
    import coremltools as ct

    with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
        # coremltools writes the manifest of every package that it opens, and others read this one.
        copy = shutil.copytree(parent.path, Path(folder) / parent.path.name)
        try:
            with heap_set_aside():
                model = compress(ct.models.MLModel(str(copy), skip_model_load=True))
        except ConversionError:
            raise
        except Exception as error:
            raise ConversionError(
                f"coremltools cannot compress {parent.path.name} to {variant.name}: "
                f"{_summary(error)}"
            ) from error
        save_package(model, output, {VARIANT_KEY: variant.name})


def _summary(error: Exception) -> str:
    """The error in one line; the whole of it is in the converter's log."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
