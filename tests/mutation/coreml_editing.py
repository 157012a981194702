"""Changes `.mlpackage` folders: the program's protobuf, and weights as real numbers."""

from __future__ import annotations

import math
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.coreml.package import open_package

Reals = NDArray[np.float64]

_BLOB = struct.Struct("<IIQQ")
"""A blob's header in `weight.bin`: sentinel, type, bytes, offset of the data."""

_STORED = {10: "f2", 11: "f4", 21: "i1", 22: "i2", 23: "i4", 31: "u1", 32: "u2", 33: "u4", 1: "?"}
"""MIL's DataType enumeration."""


class Package:
    """The program that a package runs, and its weights."""

    def __init__(self, path: Path) -> None:
        self._source = path
        opened = open_package(path)
        self._model = opened.model
        self.spec = opened.spec
        function = self.spec.mlProgram.functions["main"]
        self.block = function.block_specializations[function.opset]
        self._weights = path / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"
        self.weights = bytearray(self._weights.read_bytes())
        self.made = {op.outputs[0].name: op for op in self.block.operations}

    def save(self, path: Path) -> None:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self._source, path)
        (path / self._model.relative_to(self._source)).write_bytes(self.spec.SerializeToString())
        (path / self._weights.relative_to(self._source)).write_bytes(bytes(self.weights))

    def operations(self, *kinds: str) -> list[Any]:
        return [operation for operation in self.block.operations if operation.type in kinds]

    def layers(self) -> list[Layer]:
        """Return what has weights, in running order."""
        return [Layer(self, operation) for operation in self.operations("conv", "linear")]

    def bound(self, operation: Any, name: str) -> Any:
        """Return the operation that makes an input."""
        return self.made[operation.inputs[name].arguments[0].name]

    def shape(self, name: str) -> list[int]:
        dimensions = self.made[name].outputs[0].type.tensorType.dimensions
        return [dimension.constant.size for dimension in dimensions]

    def read(self, value: Any) -> NDArray[Any]:
        """Return the array of a constant."""
        tensor = value.type.tensorType
        shape = [dimension.constant.size for dimension in tensor.dimensions]
        dtype = np.dtype(_STORED[tensor.dataType])
        if value.WhichOneof("value") == "blobFileValue":
            start = self._start(value)
            content = bytes(self.weights[start : start + math.prod(shape) * dtype.itemsize])
            return np.frombuffer(content, dtype).reshape(shape).copy()
        stored = value.immediateValue.tensor
        field = stored.WhichOneof("value")
        if field == "bytes":
            return np.frombuffer(stored.bytes.values, dtype).reshape(shape).copy()
        return np.array(list(getattr(stored, field).values), dtype).reshape(shape)

    def write(self, value: Any, array: NDArray[Any]) -> None:
        tensor = value.type.tensorType
        array = np.ascontiguousarray(array, np.dtype(_STORED[tensor.dataType]))
        if value.WhichOneof("value") == "blobFileValue":
            start = self._start(value)
            self.weights[start : start + array.nbytes] = array.tobytes()
            return
        stored = value.immediateValue.tensor
        field = stored.WhichOneof("value")
        if field == "bytes":
            stored.bytes.values = array.tobytes()
        else:
            getattr(stored, field).values[:] = array.ravel().tolist()

    def _start(self, value: Any) -> int:
        _, _, _, start = _BLOB.unpack_from(self.weights, value.blobFileValue.offset)
        return int(start)

    def remove(self, operation: Any) -> None:
        """Take out an operation of one input; those who read its result read its input."""
        old, new = operation.outputs[0].name, operation.inputs["x"].arguments[0].name
        for other in self.block.operations:
            for argument in other.inputs.values():
                for binding in argument.arguments:
                    if binding.name == old:
                        binding.name = new
        self.block.operations.remove(operation)


@dataclass
class Layer:
    """An operation with weights."""

    package: Package
    operation: Any

    axis = 0
    input_axis = 1

    @property
    def window_axes(self) -> tuple[int, ...]:
        return (2, 3) if self.operation.type == "conv" else ()

    @property
    def depthwise(self) -> bool:
        if self.operation.type != "conv":
            return False
        groups = self.package.bound(self.operation, "groups")
        return int(self.package.read(groups.attributes["val"])) > 1

    @property
    def _source(self) -> Any:
        return self.package.bound(self.operation, "weight")

    def _part(self, name: str) -> Any:
        """A constant of a constexpr operation, in its old form an attribute and since an input."""
        if name in self._source.attributes:
            return self._source.attributes[name]
        argument = self._source.inputs[name].arguments[0]
        if argument.WhichOneof("binding") == "value":
            return argument.value
        return self.package.made[argument.name].attributes["val"]

    def _read(self, name: str) -> NDArray[Any]:
        return self.package.read(self._part(name))

    def weights(self) -> Reals:
        kind = self._source.type
        if kind == "const":
            return self._read("val").astype(np.float64)
        if kind == "constexpr_affine_dequantize":
            data = self._read("quantized_data").astype(np.float64)
            shape = [-1] + [1] * (data.ndim - 1)
            points = self._read("zero_point").astype(np.float64)
            real: Reals = (data - points.reshape(shape)) * self._scales().reshape(shape)
            return real
        assert kind == "constexpr_lut_to_dense", kind
        palette = self._read("lut").astype(np.float64)
        return palette[self._indices(palette)]

    def set_weights(self, values: Reals) -> None:
        """Store weights as a converter would; a palette stays, and its nearest values are taken."""
        kind = self._source.type
        if kind == "const":
            self.package.write(self._part("val"), values)
        elif kind == "constexpr_affine_dequantize":
            others = tuple(range(1, values.ndim))
            largest = np.abs(values).max(axis=others)
            scales = np.where(largest > 0, largest / 127, 1).astype(np.float16).astype(np.float64)
            shape = [-1] + [1] * len(others)
            self.set_scales(scales)
            stored = np.clip(np.rint(values / scales.reshape(shape)), -127, 127)
            self.package.write(self._part("quantized_data"), stored)
        else:
            palette = self._read("lut").astype(np.float64)
            nearest = np.abs(values.reshape(-1, 1) - palette).argmin(axis=1)
            bits = _bits(palette)
            places = (nearest[:, None] >> np.arange(bits)) & 1
            packed = np.packbits(places.astype(np.uint8).ravel(), bitorder="little")
            self.package.write(self._part("indices"), packed)

    def _indices(self, palette: Reals) -> NDArray[np.intp]:
        shape = [int(size) for size in self._read("shape")]
        bits = _bits(palette)
        count = math.prod(shape) * bits
        places = np.unpackbits(self._read("indices"), count=count, bitorder="little")
        numbers: NDArray[np.intp] = (places.reshape(-1, bits) @ (1 << np.arange(bits))).astype(
            np.intp
        )
        return numbers.reshape(shape)

    def bias(self) -> Reals | None:
        if "bias" not in self.operation.inputs:
            return None
        source = self.package.bound(self.operation, "bias")
        return self.package.read(source.attributes["val"]).astype(np.float64)

    def set_bias(self, values: Reals) -> None:
        self.package.write(self.package.bound(self.operation, "bias").attributes["val"], values)

    def _scales(self) -> Reals:
        return self._read("scale").astype(np.float64)

    def scales(self) -> Reals | None:
        if self._source.type == "constexpr_affine_dequantize":
            return self._scales()
        return None

    def set_scales(self, scales: Reals) -> None:
        self.package.write(self._part("scale"), scales)

    def shift_zero_point(self, steps: int) -> bool:
        if self._source.type != "constexpr_affine_dequantize":
            return False
        self.package.write(self._part("zero_point"), self._read("zero_point") + steps)
        return True

    def palette(self) -> Reals | None:
        if self._source.type != "constexpr_lut_to_dense":
            return None
        return self._read("lut").astype(np.float64)

    def set_palette(self, values: Reals) -> None:
        self.package.write(self._part("lut"), values)


def _bits(palette: Reals) -> int:
    return int(palette.size - 1).bit_length()
