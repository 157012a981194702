"""Types and constants of MIL protobufs as numpy has them."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.coreml.schema import program_messages
from mobilekit_delegates.coreml.package import WEIGHTS_PREFIX, Package, broken, inside

Array = NDArray[Any]

_PACKED_BITS = {"int4": 4, "uint4": 4, "uint1": 1, "uint2": 2, "uint3": 3, "uint6": 6}
"""Types of less than a byte, which are stored one behind the other, the lowest bits first."""

_NUMPY = {
    "bool": "bool", "string": "object",
    "float16": "float16", "float32": "float32", "float64": "float64",
    "int4": "int8", "int8": "int8", "int16": "int16", "int32": "int32", "int64": "int64",
    "uint1": "uint8", "uint2": "uint8", "uint3": "uint8", "uint4": "uint8", "uint6": "uint8",
    "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64",
}  # fmt: skip
"""What numpy stores a value of each of MIL's types in."""

_BLOB = struct.Struct("<IIQQ")
"""MIL's blob metadata in `weight.bin`: sentinel, type, bytes, offset of the data."""

_BLOB_SENTINEL = 0xDEADBEEF


@dataclass(frozen=True, kw_only=True)
class Type:
    """A tensor's type: MIL's name of the dtype (`float16`, `int4`, …) and the shape.

    A dimension that is known only when the program runs is None. A list of tensors is a tensor with
    one dimension more, its first. What is neither has the dtype `dictionary`, `tuple` or `state`.
    """

    dtype: str
    shape: tuple[int | None, ...] = ()

    @property
    def rank(self) -> int:
        """How many dimensions it has."""
        return len(self.shape)

    @property
    def is_fixed(self) -> bool:
        """Whether every dimension is known."""
        return None not in self.shape

    @property
    def is_float(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self.dtype.startswith(("float", "bfloat"))

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A value that the program holds; texts are in an array of objects."""

    array: Array
    type: Type


def type_of(value_type: Any) -> Type:
    """Return the type of a `MIL_pb2.ValueType`."""
    kind = value_type.WhichOneof("type")
    if kind == "listType":
        element = type_of(value_type.listType.type)
        return Type(dtype=element.dtype, shape=(_size(value_type.listType.length), *element.shape))
    if kind != "tensorType":
        return Type(dtype=(kind or "unknown").removesuffix("Type"))
    tensor = value_type.tensorType
    dtypes = program_messages().DataType.DESCRIPTOR.values_by_number
    dtype = dtypes[tensor.dataType].name.lower() if tensor.dataType in dtypes else "unknown"
    return Type(dtype=dtype, shape=tuple(map(_size, tensor.dimensions)))


def _size(dimension: Any) -> int | None:
    return dimension.constant.size if dimension.WhichOneof("dimension") == "constant" else None


class Constants:
    """Reads the constants of one package, and refuses what lies outside of its files."""

    def __init__(self, package: Package) -> None:
        """Read nothing yet."""
        self.package = package.name
        self._package = package
        self._files: dict[str, NDArray[np.uint8]] = {}

    def read(self, value: Any) -> Constant:
        """Return the constant of a `MIL_pb2.Value`.

        Raises:
            TargetError: it is damaged, or of a kind that no ML Program has.
        """
        if value.type.WhichOneof("type") == "listType":
            return self._list(value.immediateValue.list.values)
        declared = type_of(value.type)
        if declared.dtype not in _NUMPY or not declared.is_fixed:
            raise self._broken(f"a constant is of the type {declared}")
        if value.WhichOneof("value") == "blobFileValue":
            stored = self._stored(value.blobFileValue)
            return Constant(array=self._unpacked(stored, declared), type=declared)
        tensor = value.immediateValue.tensor
        field = tensor.WhichOneof("value")
        if field == "bytes":
            stored = np.frombuffer(tensor.bytes.values, np.uint8)
            return Constant(array=self._unpacked(stored, declared), type=declared)
        values = [] if field is None else getattr(tensor, field).values
        try:
            array = np.array(list(values), dtype=_NUMPY[declared.dtype])
        except (ValueError, OverflowError) as error:
            raise self._broken(f"a constant of type {declared} holds {field}: {error}") from error
        return Constant(array=self._shaped(array, declared), type=declared)

    def _list(self, values: Any) -> Constant:
        """The constant of a list of single values of one type: a classifier's labels."""
        items = [self.read(value) for value in values]
        dtypes = {item.type.dtype for item in items}
        if len(dtypes) != 1 or any(item.type.rank for item in items):
            raise self._broken("a list holds other than single values of one type")
        dtype = dtypes.pop()
        array = np.array([item.array.item() for item in items], dtype=_NUMPY[dtype])
        return Constant(array=array, type=Type(dtype=dtype, shape=(len(items),)))

    def _stored(self, blob: Any) -> NDArray[np.uint8]:
        """The bytes of a blob, from the file that it names."""
        weights = self._file(blob.fileName)
        if blob.offset + _BLOB.size > weights.size:
            raise self._broken(f"a weight begins at byte {blob.offset} of {weights.size}")
        header = weights[blob.offset : blob.offset + _BLOB.size].tobytes()
        sentinel, _, size, start = _BLOB.unpack(header)
        if sentinel != _BLOB_SENTINEL:
            raise self._broken(f"there is no weight at byte {blob.offset} of its weights")
        if start + size > weights.size:
            raise self._broken(f"a weight ends at byte {start + size} of {weights.size}")
        return weights[start : start + size]

    def _file(self, name: str) -> NDArray[np.uint8]:
        if name not in self._files:
            self._files[name] = self._bytes_of(name)
        return self._files[name]

    def _bytes_of(self, name: str) -> NDArray[np.uint8]:
        folder = self._package.weights
        if folder is None or not name.startswith(WEIGHTS_PREFIX):
            raise self._broken(f"its weights {name!r} are missing")
        try:
            file: Path = inside(folder, name.removeprefix(WEIGHTS_PREFIX))
            return np.frombuffer(file.read_bytes(), np.uint8)
        except (OSError, ValueError) as error:
            raise self._broken(f"its weights {name!r} cannot be read ({error})") from error

    def _unpacked(self, stored: NDArray[np.uint8], declared: Type) -> Array:
        bits = _PACKED_BITS.get(declared.dtype)
        count = math.prod(size or 0 for size in declared.shape)
        dtype = np.dtype(_NUMPY[declared.dtype])
        expected = math.ceil(count * (bits or dtype.itemsize * 8) / 8)
        if dtype.hasobject or stored.size != expected:
            raise self._broken(f"a constant of type {declared} has {stored.size} bytes")
        if bits is None:
            return self._shaped(
                stored.view(dtype)
                if _aligned(stored, dtype)
                else np.frombuffer(stored.tobytes(), dtype),
                declared,
            )
        places = np.unpackbits(stored, count=count * bits, bitorder="little").reshape(count, bits)
        unsigned = np.packbits(places, axis=1, bitorder="little").reshape(count)
        if declared.dtype.startswith("u"):
            return self._shaped(unsigned, declared)
        sign = 1 << (bits - 1)
        return self._shaped((unsigned ^ sign).astype(np.int8) - np.int8(sign), declared)

    def _shaped(self, array: Array, declared: Type) -> Array:
        sizes = [size or 0 for size in declared.shape]
        if array.size != math.prod(sizes):
            raise self._broken(f"a constant of type {declared} has {array.size} values")
        return array.reshape(sizes)

    def _broken(self, what: str) -> Exception:
        return broken(self._package.name, what)


def _aligned(stored: NDArray[np.uint8], dtype: np.dtype[Any]) -> bool:
    return bool(stored.ctypes.data % dtype.itemsize == 0)
