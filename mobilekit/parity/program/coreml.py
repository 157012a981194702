"""The program of an `.mlpackage`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.program.program import Operator, Program, Reals, Weights
from mobilekit_delegates.coreml.package import open_package
from mobilekit_delegates.coreml.program import Operation, read_program
from mobilekit_delegates.coreml.program import Program as MilProgram
from mobilekit_delegates.coreml.values import Constant
from mobilekit_delegates.targets import UnsupportedError

STORAGE = ("cast", "quantize", "dequantize")
"""Operations that change how numbers are stored, and not what they are."""

AXES = ("axis", "axes", "perm")
"""Inputs that name axes: some of coremltools' passes write them from the front, others from the
back."""

OF_RESULT = ("expand_dims", "stack")
"""Operations whose axes are those of their result, and not of what they get."""

CHANNEL_AXES = {"conv": 0, "linear": 0, "conv_transpose": 1}
"""The axis of an operation's weights that counts output channels."""


def read_coreml_program(path: Path) -> Program:
    """Read the program that a package runs.

    Raises:
        TargetError: the package is damaged.
        UnsupportedError: it has loops or branches, or weights that are compressed in a way that is
            not read back here.
    """
    return _Reader(read_program(open_package(path))).program()


class _Reader:
    def __init__(self, program: MilProgram) -> None:
        self._program = program
        self._constants: dict[str, NDArray[Any]] = {
            name: constant.array for name, constant in program.constants.items()
        }
        self._ranks = {value.name: len(value.type.shape or ()) for value in program.inputs}
        self._sources: dict[str, int | str] = {
            value.name: f"input {place}" for place, value in enumerate(program.inputs)
        }

    def program(self) -> Program:
        found: list[Operator] = []
        for operation in self._program.operations:
            if operation.blocks:
                raise UnsupportedError(
                    f"{self._program.name} has the operation {operation.operator}: its loops and "
                    "branches are not read."
                )
            if operation.operator.startswith("constexpr_"):
                self._constants[operation.outputs[0].name] = self._decompressed(operation)
            elif operation.operator in STORAGE:
                self._pass_on(operation)
            else:
                found.append(self._operator(operation))
                for output in operation.outputs:
                    self._sources[output.name] = len(found) - 1
            for output in operation.outputs:
                self._ranks[output.name] = len(output.type.shape or ())
        return tuple(found)

    def _value(self, bound: str | Constant) -> NDArray[Any] | None:
        return self._constants.get(bound) if isinstance(bound, str) else bound.array

    def _pass_on(self, operation: Operation) -> None:
        bound = operation.inputs["input" if "input" in operation.inputs else "x"][0]
        result, value = operation.outputs[0].name, self._value(bound)
        if value is not None and operation.operator == "cast":
            self._constants[result] = value
        elif isinstance(bound, str) and bound in self._sources:
            self._sources[result] = self._sources[bound]
        else:
            raise UnsupportedError(
                f"{self._program.name} computes the constant {result!r} with "
                f"{operation.operator}, which is not read back here."
            )

    def _operator(self, operation: Operation) -> Operator:
        sources: list[int | str] = []
        options: dict[str, object] = {}
        weights: dict[str, Weights] = {}
        rank = self._rank(operation)
        for name, bindings in sorted(operation.inputs.items()):
            for number, bound in enumerate(bindings):
                key = name if len(bindings) == 1 else f"{name} {number}"
                value = self._value(bound)
                if value is None:
                    assert isinstance(bound, str)
                    sources.append(self._sources[bound])
                elif value.dtype.kind == "f" and value.size > 1:
                    axis = CHANNEL_AXES.get(operation.operator)
                    weights[key] = Weights(
                        values=value.astype(np.float64),
                        axis=0 if axis is not None and value.ndim == 1 else axis,
                    )
                else:
                    options[key] = _plain(value)
                    if name in AXES and value.dtype.kind == "i":
                        options[key] = np.where(value < 0, value + rank, value).tolist()
        return Operator(
            kind=operation.operator,
            result=operation.outputs[0].name if operation.outputs else "",
            sources=tuple(sources),
            options=options,
            weights=weights,
        )

    def _rank(self, operation: Operation) -> int:
        """Return how many axes there are that an operation's inputs may name."""
        if operation.operator not in OF_RESULT:
            for bindings in operation.inputs.values():
                if isinstance(bindings[0], str) and bindings[0] in self._ranks:
                    return self._ranks[bindings[0]]
        return len(operation.outputs[0].type.shape or ()) if operation.outputs else 0

    def _decompressed(self, operation: Operation) -> Reals:
        given = {
            name: value
            for name, bindings in operation.inputs.items()
            if (value := self._value(bindings[0])) is not None
        }
        if operation.operator in _DECOMPRESS:
            return _DECOMPRESS[operation.operator](given)
        raise UnsupportedError(
            f"{self._program.name} compresses weights with {operation.operator}, which is not read "
            "back here."
        )


def _plain(value: NDArray[Any]) -> object:
    """Return an option as a comparable value: floats as float16 has them, the least of all."""
    if value.dtype.kind == "f":
        with np.errstate(over="ignore"):
            value = value.astype(np.float16)
    return value.tolist()


def _affine(given: Mapping[str, NDArray[Any]]) -> Reals:
    values = given["quantized_data"].astype(np.float64)
    shape = [1] * values.ndim
    if given["scale"].ndim:
        shape[int(given["axis"])] = -1
    points = given["zero_point"].astype(np.float64)
    real: Reals = (values - points.reshape(shape if points.ndim else ())) * given["scale"].astype(
        np.float64
    ).reshape(shape)
    return real


def _blockwise(given: Mapping[str, NDArray[Any]]) -> Reals:
    values = given["data"].astype(np.float64)
    offset = given.get("offset")
    points = 0 if offset is None else _blocks(offset.astype(np.float64), values.shape)
    real: Reals = (values - points) * _blocks(given["scale"].astype(np.float64), values.shape)
    return real


def _blocks(values: Reals, shape: tuple[int, ...]) -> Reals:
    """Repeat what is there once per block, a value or a palette, to once per weight."""
    for axis, size in enumerate(shape):
        values = np.repeat(values, size // values.shape[axis], axis=axis)
    return values


def _palette(given: Mapping[str, NDArray[Any]]) -> Reals:
    """Look indices up: packed ones in one palette (iOS 16), or plain ones in one per block."""
    palettes, indices = given["lut"].astype(np.float64), given["indices"]
    if "shape" in given:
        shape = tuple(int(size) for size in given["shape"])
        bits = max(int(palettes.size - 1).bit_length(), 1)
        places = np.unpackbits(indices, count=int(np.prod(shape)) * bits, bitorder="little")
        numbers = places.reshape(-1, bits) @ (1 << np.arange(bits))
        return palettes.ravel()[numbers.reshape(shape)]
    if palettes.shape[-1] != 1:
        raise UnsupportedError("Palettes of vectors are not read back here.")
    rank = indices.ndim
    per_weight = _blocks(palettes[..., 0], indices.shape)
    real: Reals = np.take_along_axis(
        per_weight, indices.astype(np.intp).reshape(*indices.shape, 1), axis=rank
    )[..., 0]
    return real


_DECOMPRESS = {
    "constexpr_affine_dequantize": _affine,
    "constexpr_blockwise_shift_scale": _blockwise,
    "constexpr_lut_to_dense": _palette,
}
