"""Reads a package back from disk, and refuses one that is not whole.

Nothing is loaded into Core ML, so this runs on any system: the manifest, the model's protobuf, and
the headers in `weight.bin` are read and compared with each other.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.coreml.canonical import NAMES_KEY, VARIANT_KEY
from mobilekit_converters.errors import ConversionError
from mobilekit_converters.hashing import bytes_of_path, sha256_of_path
from mobilekit_converters.signature import Signature, TensorSpec

# MIL's DataType enumeration (MIL.proto): the bits of one value.
_BITS = {
    "BOOL": 8, "FLOAT16": 16, "BFLOAT16": 16, "FLOAT32": 32, "FLOAT64": 64,
    "INT4": 4, "INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64,
    "UINT1": 1, "UINT2": 2, "UINT3": 3, "UINT4": 4, "UINT6": 6,
    "UINT8": 8, "UINT16": 16, "UINT32": 32, "UINT64": 64,
    "FLOAT8E4M3FN": 8, "FLOAT8E5M2": 8,
}  # fmt: skip

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

_BLOB = struct.Struct("<IIQQ")
"""MIL's blob metadata in `weight.bin`: sentinel, type, bytes, offset of the data."""

_BLOB_SENTINEL = 0xDEADBEEF

_COMPRESSED_FROM = 2048
"""Values in a tensor from which coremltools compresses it (its `weight_threshold` by default)."""

_COMPRESSED_OPERATORS = {
    "w8": {"constexpr_affine_dequantize", "constexpr_blockwise_shift_scale"},
    "palette4": {"constexpr_lut_to_dense"},
    "palette6": {"constexpr_lut_to_dense"},
    "palette8": {"constexpr_lut_to_dense"},
}


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A tensor that is stored in `weight.bin`."""

    operator: str
    dtype: str
    values: int
    bytes: int


def read_artifact(path: Path, variant: str) -> Artifact:
    """Read a package and prove that it is whole.

    Proved: the manifest names a model; the model is an ML program without custom layers; every
    tensor that it keeps in `weight.bin` lies inside the file, with the size of its shape and type;
    the tensors have the variant's precision; every feature has a name, a fixed shape and a dtype.

    Args:
        path: the `.mlpackage` folder.
        variant: the full name of the variant that it should be, such as `coreml-fp16`.

    Returns:
        The artifact. Its signature has the source's names and the package's dtypes: `float32` or
        `int32`, and `uint8` for an input that takes an image, in the source's layout
        (1, height, width, channels).

    Raises:
        ConversionError: anything of the above is not so; the message says what.
    """
    spec = _spec(path)
    if spec.WhichOneof("Type") != "mlProgram":
        raise _broken(path, f"its model is of type {spec.WhichOneof('Type')}, not an ML program")
    operations = [
        op for function in spec.mlProgram.functions.values() for op in _operations(function)
    ]
    operators = Counter(operation.type for operation in operations)
    custom = sorted(name for name in operators if name.startswith("custom"))
    if custom:
        raise _broken(path, f"it has custom operations, which need code in the app: {custom}")
    blobs = list(_blobs(path, operations))
    _check_precision(path, variant, operators, blobs)
    names = _names(path, spec)
    return Artifact(
        variant=variant,
        path=path,
        sha256=sha256_of_path(path),
        file_bytes=bytes_of_path(path),
        signature=_signature(path, spec, names),
        operators=dict(sorted(operators.items())),
        native_names={name: native for name, native in names.items() if name != native},
        proofs=(
            f"holds all of its weights ({sum(blob.bytes for blob in blobs):,} bytes in "
            f"{len(blobs)} tensors)",
            "its weights have the variant's precision",
            "has no custom operator",
        ),
    )


def stored_variant(path: Path) -> str | None:
    """Return the variant's name that the package itself carries, or None where it carries none."""
    return dict(_spec(path).description.metadata.userDefined).get(VARIANT_KEY)


def _broken(path: Path, what: str) -> ConversionError:
    return ConversionError(
        f"{path} is not a whole Core ML package: {what}. Convert the model again."
    )


def _spec(path: Path) -> Any:
    from coremltools.proto import Model_pb2
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        manifest = json.loads((path / "Manifest.json").read_text("utf-8"))
        item = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"]
        stored = (path / "Data" / item).read_bytes()
        return Model_pb2.Model.FromString(stored)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _broken(path, f"its manifest or model cannot be read ({error})") from error
    except DecodeError as error:
        raise _broken(path, "its model.mlmodel is cut off or damaged") from error


def _operations(function: Any) -> Iterator[Any]:
    """All operations of a function, those inside loops and branches too."""
    waiting = list(function.block_specializations.values())
    while waiting:
        for operation in waiting.pop(0).operations:
            yield operation
            waiting.extend(operation.blocks)


def _values(operation: Any) -> Iterator[Any]:
    yield from operation.attributes.values()
    for argument in operation.inputs.values():
        for binding in argument.arguments:
            if binding.WhichOneof("binding") == "value":
                yield binding.value


def _blobs(path: Path, operations: list[Any]) -> Iterator[Blob]:
    """The tensors in weight files, each checked against the file."""
    files: dict[str, bytes] = {}
    for operation in operations:
        for value in _values(operation):
            if value.WhichOneof("value") != "blobFileValue":
                continue
            name = value.blobFileValue.fileName
            if name not in files:
                files[name] = _weights(path, name)
            yield _blob(path, operation.type, value, files[name])


def _weights(path: Path, name: str) -> bytes:
    prefix, _, relative = name.partition("@model_path/")
    file = path / "Data" / "com.apple.CoreML" / relative
    if prefix or not relative or not file.is_file():
        raise _broken(path, f"its weights {name!r} are missing")
    return file.read_bytes()


def _blob(path: Path, operator: str, value: Any, weights: bytes) -> Blob:
    from coremltools.proto import MIL_pb2

    offset = value.blobFileValue.offset
    if offset + _BLOB.size > len(weights):
        raise _broken(path, f"a weight begins at byte {offset} of {len(weights)} bytes of weights")
    sentinel, _, size, start = _BLOB.unpack_from(weights, offset)
    if sentinel != _BLOB_SENTINEL:
        raise _broken(path, f"there is no weight at byte {offset} of its weights")
    if start + size > len(weights):
        raise _broken(
            path, f"a weight ends at byte {start + size} of {len(weights)} bytes of weights"
        )
    tensor = value.type.tensorType
    dtype = MIL_pb2.DataType.Name(tensor.dataType)
    count = math.prod(dimension.constant.size for dimension in tensor.dimensions)
    if size != math.ceil(count * _BITS[dtype] / 8):
        raise _broken(path, f"a weight of {count} {dtype} values has {size} bytes")
    return Blob(operator=operator, dtype=dtype, values=count, bytes=size)


def _check_precision(path: Path, variant: str, operators: Counter[str], blobs: list[Blob]) -> None:
    precision = variant.removeprefix("coreml-")
    stored = Counter[str]()
    for blob in blobs:
        stored[blob.dtype] += blob.bytes
    unwanted = "FLOAT16" if precision == "fp32" else "FLOAT32"
    if stored[unwanted] > sum(stored.values()) / 2:
        raise _broken(
            path,
            f"{variant} keeps {stored[unwanted]} of its {sum(stored.values())} bytes of weights as "
            f"{unwanted.lower()}",
        )
    expected = _COMPRESSED_OPERATORS.get(precision, set())
    large = [blob for blob in blobs if blob.values >= _COMPRESSED_FROM]
    if expected and large and not expected & set(operators):
        raise _broken(
            path, f"{variant} has {len(large)} large weights and none of them is compressed"
        )


def _names(path: Path, spec: Any) -> dict[str, str]:
    """The source's names to the package's; packages of others have their own names only."""
    native = [feature.name for feature in (*spec.description.input, *spec.description.output)]
    stored = dict(spec.description.metadata.userDefined).get(NAMES_KEY)
    if stored is None:
        return {name: name for name in native}
    try:
        names = {str(name): str(value) for name, value in json.loads(stored).items()}
    except (ValueError, AttributeError) as error:
        raise _broken(path, f"its metadata {NAMES_KEY} cannot be read ({error})") from error
    if sorted(names.values()) != sorted(native):
        raise _broken(path, f"it has the features {native}, and {sorted(names)} were converted")
    return names


def _signature(path: Path, spec: Any, names: dict[str, str]) -> Signature:
    sources = {native: name for name, native in names.items()}
    outputs = _output_shapes(spec)

    def tensors(features: Any) -> tuple[TensorSpec, ...]:
        return tuple(_tensor(path, feature, sources, outputs) for feature in features)

    return Signature(
        inputs=tensors(spec.description.input), outputs=tensors(spec.description.output)
    )


def _tensor(
    path: Path, feature: Any, sources: dict[str, str], outputs: dict[str, tuple[int, ...]]
) -> TensorSpec:
    name, kind = sources[feature.name], feature.type.WhichOneof("Type")
    if kind == "imageType":
        image = feature.type.imageType
        shape = (1, image.height, image.width, _COLOR_CHANNELS[image.colorSpace])
        return TensorSpec(name=name, shape=shape, dtype="uint8")
    if kind != "multiArrayType":
        raise _broken(path, f"the feature {feature.name!r} is of type {kind}")
    array = feature.type.multiArrayType
    fixed = tuple(array.shape) or outputs.get(feature.name, ())
    return TensorSpec(name=name, shape=fixed, dtype=_ARRAY_DTYPES[array.dataType])


def _output_shapes(spec: Any) -> dict[str, tuple[int, ...]]:
    """The shapes of the program's results: the description of an output may leave its shape out.

    Raises nothing for an unknown dimension; it becomes 0 and differs from every signature.
    """
    shapes = {}
    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            for operation in block.operations:
                for output in operation.outputs:
                    dimensions = output.type.tensorType.dimensions
                    shapes[output.name] = tuple(d.constant.size for d in dimensions)
    return shapes
