"""The weight files of a package: each tensor in them is held against the file and its own type."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mobilekit_converters.coreml.package import Package, broken, values_of
from mobilekit_converters.coreml.schema import program_messages

# MIL's DataType enumeration (MIL.proto): the bits of one value.
BITS = {
    "BOOL": 8, "FLOAT16": 16, "BFLOAT16": 16, "FLOAT32": 32, "FLOAT64": 64,
    "INT4": 4, "INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64,
    "UINT1": 1, "UINT2": 2, "UINT3": 3, "UINT4": 4, "UINT6": 6,
    "UINT8": 8, "UINT16": 16, "UINT32": 32, "UINT64": 64,
    "FLOAT8E4M3FN": 8, "FLOAT8E5M2": 8,
}  # fmt: skip

_METADATA = struct.Struct("<IIQQ")
"""MIL's blob metadata in a weight file: sentinel, type, bytes, offset of the data."""

_SENTINEL = 0xDEADBEEF


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A tensor that is stored in a weight file. `dtype` is MIL's name, such as `FLOAT16`."""

    operator: str
    dtype: str
    values: int
    bytes: int


def read_blobs(package: Package) -> Iterator[Blob]:
    """Yield the tensors in weight files. Only their metadata is read, whatever it claims.

    Raises:
        ConversionError: a weight file is missing or cannot be read, or a tensor lies outside of
            its file or has not the size of its shape and type.
    """
    files: dict[str, _WeightFile] = {}
    try:
        for operation in package.operations():
            for _, value in values_of(operation):
                if value.WhichOneof("value") != "blobFileValue":
                    continue
                name = value.blobFileValue.fileName
                if name not in files:
                    files[name] = _WeightFile(package.weight_file(name))
                yield _blob(package, operation.type, value, files[name])
    except OSError as error:
        raise broken(package.path, f"its weights cannot be read ({error.strerror})") from error
    finally:
        for file in files.values():
            file.stream.close()


class _WeightFile:
    def __init__(self, path: Path) -> None:
        self.stream: BinaryIO = path.open("rb")
        self.bytes = path.stat().st_size

    def metadata(self, offset: int) -> tuple[int, int, int, int]:
        self.stream.seek(offset)
        sentinel, kind, size, start = _METADATA.unpack(self.stream.read(_METADATA.size))
        return sentinel, kind, size, start


def _blob(package: Package, operator: str, value: Any, file: _WeightFile) -> Blob:
    path, offset = package.path, value.blobFileValue.offset
    if offset + _METADATA.size > file.bytes:
        raise broken(path, f"a weight begins at byte {offset} of {file.bytes} bytes of weights")
    sentinel, _, size, start = file.metadata(offset)
    if sentinel != _SENTINEL:
        raise broken(path, f"there is no weight at byte {offset} of its weights")
    if start + size > file.bytes:
        raise broken(path, f"a weight ends at byte {start + size} of {file.bytes} bytes of weights")
    dtype = dtype_of(package, value)
    count = math.prod(dimension.constant.size for dimension in value.type.tensorType.dimensions)
    if size != math.ceil(count * BITS[dtype] / 8):
        raise broken(path, f"a weight of {count} {dtype} values has {size} bytes")
    return Blob(operator=operator, dtype=dtype, values=count, bytes=size)


def dtype_of(package: Package, value: Any) -> str:
    """Return MIL's name of a weight's type.

    Raises:
        ConversionError: it is none that a weight can have.
    """
    types = program_messages().DataType

    number = value.type.tensorType.dataType
    name = types.Name(number) if number in types.values() else str(number)
    if name not in BITS:
        raise broken(package.path, f"a weight is of the type {name}")
    return name
