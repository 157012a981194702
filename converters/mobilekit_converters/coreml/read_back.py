"""Reads a package back from disk, and refuses one that is not whole.

Nothing is loaded into Core ML, so this runs on any system: the manifest, the model's protobuf, and
the headers in `weight.bin` are read and compared with each other.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.coreml.canonical import NAMES_KEY, VARIANT_KEY
from mobilekit_converters.coreml.package import Package, broken, open_package
from mobilekit_converters.coreml.precision import shown_precision
from mobilekit_converters.coreml.weights import Blob, read_blobs
from mobilekit_converters.hashing import bytes_of_path, sha256_of_path
from mobilekit_converters.signature import Signature, TensorSpec

# FeatureTypes.proto, ArrayFeatureType.ArrayDataType.
_ARRAY_DTYPES = {
    65568: "float32",
    65600: "float64",
    131104: "int32",
    65552: "float16",
    131080: "int8",
}

_COLOR_CHANNELS = {10: 1, 20: 3, 30: 3, 40: 1}
"""FeatureTypes.proto, ImageFeatureType.ColorSpace: grayscale, RGB, BGR, grayscale of float16."""

_COMPRESSED_ABOVE = 2048
"""Values in a tensor above which coremltools compresses it (its `weight_threshold` by default)."""

_COMPRESSED_OPERATORS = {
    "w8": {"constexpr_affine_dequantize", "constexpr_blockwise_shift_scale"},
    "palette4": {"constexpr_lut_to_dense"},
    "palette6": {"constexpr_lut_to_dense"},
    "palette8": {"constexpr_lut_to_dense"},
    "w8a8": {"constexpr_affine_dequantize", "constexpr_blockwise_shift_scale"},
}


def read_artifact(path: Path, variant: str | None = None) -> Artifact:
    """Read a package and prove that it is whole.

    Proved: the manifest names a model; the model is an ML program without custom layers; every
    tensor that it keeps in `weight.bin` lies inside the file, with the size of its shape and type;
    the tensors have the variant's precision; every feature is one of the program's inputs and
    results and has a fixed shape and a dtype.

    Args:
        path: the `.mlpackage` folder.
        variant: the full name of the variant that it should be, such as `coreml-fp16`. Without it
            the package is taken for the one whose precision it shows.

    Returns:
        The artifact. Its signature has the source's names and the package's dtypes: `float32` or
        `int32`, and `uint8` for an input that takes an image, in the source's layout
        (1, height, width, channels).

    Raises:
        ConversionError: anything of the above is not so; the message says what.
    """
    package = open_package(path)
    operations = package.operations()
    operators = Counter(operation.type for operation in operations)
    custom = sorted(name for name in operators if name.startswith("custom"))
    if custom:
        raise broken(path, f"it has custom operations, which need code in the app: {custom}")
    blobs = list(read_blobs(package))
    precision = shown_precision(package)
    if variant is not None:
        _check_precision(path, variant, operators, blobs)
        if variant.endswith("-w8a8") and precision != "w8a8":
            raise broken(path, f"{variant} has no quantised activations")
    names = _names(package)
    return Artifact(
        variant=variant or f"coreml-{precision}",
        path=path,
        sha256=sha256_of_path(path),
        file_bytes=bytes_of_path(path),
        signature=_signature(package, names),
        operators=dict(sorted(operators.items())),
        native_names={name: native for name, native in names.items() if name != native},
        proofs=(
            f"holds all of its weights ({sum(blob.bytes for blob in blobs):,} bytes in "
            f"{len(blobs)} tensors)",
            f"its tensors show {precision}",
            "has no custom operator",
        ),
    )


def stored_variant(path: Path) -> str | None:
    """Return the variant's name that the package itself carries, or None where it carries none."""
    return dict(open_package(path).spec.description.metadata.userDefined).get(VARIANT_KEY)


def _check_precision(path: Path, variant: str, operators: Counter[str], blobs: list[Blob]) -> None:
    precision = variant.removeprefix("coreml-")
    stored = Counter[str]()
    for blob in blobs:
        stored[blob.dtype] += blob.bytes
    unwanted = "FLOAT16" if precision == "fp32" else "FLOAT32"
    if stored[unwanted] > sum(stored.values()) / 2:
        raise broken(
            path,
            f"{variant} keeps {stored[unwanted]} of its {sum(stored.values())} bytes of weights as "
            f"{unwanted.lower()}",
        )
    expected = _COMPRESSED_OPERATORS.get(precision, set())
    large = [blob for blob in blobs if blob.values > _COMPRESSED_ABOVE]
    if expected and large and not expected & set(operators):
        raise broken(
            path, f"{variant} has {len(large)} large weights and none of them is compressed"
        )


def _names(package: Package) -> dict[str, str]:
    """The source's names to the package's; packages of others have their own names only."""
    description = package.spec.description
    native = [feature.name for feature in (*description.input, *description.output)]
    stored = dict(description.metadata.userDefined).get(NAMES_KEY)
    if stored is None:
        return {name: name for name in native}
    try:
        names = {str(name): str(value) for name, value in json.loads(stored).items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise broken(package.path, f"its metadata {NAMES_KEY} cannot be read ({error})") from error
    if sorted(names.values()) != sorted(native):
        raise broken(
            package.path, f"it has the features {native}, and {sorted(names)} were converted"
        )
    return names


def _signature(package: Package, names: dict[str, str]) -> Signature:
    description = package.spec.description
    sources = {native: name for name, native in names.items()}
    inputs, results = _program_shapes(package)

    def tensors(features: Any, known: dict[str, tuple[int, ...]]) -> tuple[TensorSpec, ...]:
        listed = [feature.name for feature in features]
        if sorted(listed) != sorted(known):
            raise broken(package.path, f"it describes {listed}, and its program has {list(known)}")
        return tuple(_tensor(package.path, item, sources[item.name], known) for item in features)

    return Signature(
        inputs=tensors(description.input, inputs), outputs=tensors(description.output, results)
    )


def _tensor(path: Path, feature: Any, name: str, program: dict[str, tuple[int, ...]]) -> TensorSpec:
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        image = feature.type.imageType
        channels = _COLOR_CHANNELS.get(image.colorSpace)
        if channels is None:
            raise broken(path, f"the image {feature.name!r} has colours of kind {image.colorSpace}")
        shape = (1, image.height, image.width, channels)
        return TensorSpec(name=name, shape=shape, dtype="uint8")
    if kind != "multiArrayType":
        raise broken(path, f"the feature {feature.name!r} is of type {kind}")
    array = feature.type.multiArrayType
    dtype = _ARRAY_DTYPES.get(array.dataType)
    if dtype is None:
        raise broken(path, f"the feature {feature.name!r} has values of kind {array.dataType}")
    # The description of an output may leave its shape out.
    described, computed = tuple(array.shape), program[feature.name]
    if described and not _agree(described, computed):
        raise broken(
            path, f"{feature.name!r} is described as {described}, and its program has {computed}"
        )
    return TensorSpec(name=name, shape=described or computed, dtype=dtype)


def _agree(described: tuple[int, ...], computed: tuple[int, ...]) -> bool:
    """Say whether shapes are alike; a dimension that varies has 0 in the program."""
    return len(described) == len(computed) and all(
        size == known or (known == 0 and size > 0)
        for size, known in zip(described, computed, strict=True)
    )


def _program_shapes(
    package: Package,
) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """The shapes of the program's inputs and results; an unknown dimension is 0."""
    functions = package.spec.mlProgram.functions
    if list(functions) != ["main"]:
        raise broken(package.path, f"its functions are {sorted(functions)}, and not `main` alone")
    blocks = functions["main"].block_specializations
    if len(blocks) != 1:
        raise broken(package.path, f"its program has {len(blocks)} forms, and not one")
    block = next(iter(blocks.values()))
    inputs = {item.name: _shape(item.type) for item in functions["main"].inputs}
    made = {
        output.name: _shape(output.type)
        for operation in block.operations
        for output in operation.outputs
    }
    missing = [name for name in block.outputs if name not in {**inputs, **made}]
    if missing:
        raise broken(package.path, f"nothing in its program computes {missing}")
    return inputs, {name: {**inputs, **made}[name] for name in block.outputs}


def _shape(value_type: Any) -> tuple[int, ...]:
    return tuple(dimension.constant.size for dimension in value_type.tensorType.dimensions)
