"""A `.tflite` file as plain data: tensors, operators, signatures. Reads untrusted files safely.

The generated schema classes only follow offsets, so a damaged file makes them read outside the
buffer or count to billions. Every vector here is bounded by the file's own size, and every way in
which an offset can lead astray ends in one `SourceError`.
"""

from __future__ import annotations

import functools
import math
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mobilekit_converters.errors import SourceError
from mobilekit_converters.signature import Quantisation
from mobilekit_converters.tflite.operator_options import read_options

T = TypeVar("T")

IDENTIFIER = b"TFL3"
"""The file identifier of the schema that every TFLite file since 2017 carries, at byte 4."""

# What following a wrong offset raises in the flatbuffers package and in numpy.
_ASTRAY = (
    struct.error,
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    OverflowError,
    AttributeError,
    MemoryError,
)

_NO_MODEL = "is no whole TFLite model"

# Constants of up to so many values are read: what says how an operator works, and no weights.
_SMALL = 64
_WIDTHS = {
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "float16": 2,
    "int32": 4,
    "float32": 4,
    "int64": 8,
}


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One tensor. `dtype` is numpy's name, or TFLite's in lower case where numpy has none.

    `constant_bytes` is the size of the data that the file holds for it, in its list of data at
    `buffer`, which tensors may share; None where it holds none. `values` are that data in row-major
    order, where it is small and numpy knows the dtype: axes, paddings, shapes. In `shape` a
    dimension that is open until the graph runs is what the file gives for it, 1 as a rule; `open`
    lists those dimensions.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None
    buffer: int
    constant_bytes: int | None
    is_variable: bool
    values: tuple[float, ...] | None = None
    open: tuple[int, ...] = ()

    @property
    def elements(self) -> int:
        """How many values the tensor has."""
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator: its builtin name, or with `custom` its own; tensor indices, -1 for none.

    `attributes` are its options by the schema's names, such as `stride_w`; members of enumerations
    by their names, such as `SAME`, and tensor types as a tensor's `dtype`.
    """

    name: str
    custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    version: int = 1
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Subgraph:
    """One graph. `inputs` and `outputs` are tensor indices."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class NamedSignature:
    """A SignatureDef: the names under which callers know a subgraph's inputs and outputs."""

    key: str
    subgraph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Model:
    """All of a file that the checks need."""

    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[NamedSignature, ...]

    def weight_bytes(self) -> int:
        """Return the size of all tensors' data, each counted once however many share it."""
        tensors = (tensor for graph in self.subgraphs for tensor in graph.tensors)
        return sum({tensor.buffer: tensor.constant_bytes or 0 for tensor in tensors}.values())

    def operator_counts(self) -> dict[str, int]:
        """Count the operators of all subgraphs by name, sorted by name."""
        names = (operator.name for graph in self.subgraphs for operator in graph.operators)
        return dict(sorted(Counter(names).items()))


def read_model(path: Path) -> Model:
    """Read a `.tflite` file.

    Raises:
        SourceError: the file cannot be read, or is no whole TFLite model.
    """
    if path.exists() and not path.is_file():
        raise SourceError(f"{path} cannot be read: it is no regular file.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) < 8 or content[4:8] != IDENTIFIER:
        raise SourceError(
            f"{path} {_NO_MODEL}: it does not carry the format's mark 'TFL3'. "
            "Check that it is a .tflite file and was copied whole."
        )
    try:
        return _Reader(content).model()
    except _ASTRAY as error:
        raise SourceError(
            f"{path} {_NO_MODEL}: {error or type(error).__name__}. "
            "It is damaged or was not copied whole; get it again."
        ) from error


class _Reader:
    """Turns the generated classes into plain data, bounded by the file's size."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._content = content
        # Every element of a vector takes at least one byte, so a file cannot hold more of them.
        self._left = len(content)
        self._root = schema.Model.GetRootAsModel(content, 0)
        self._dtypes = _names(schema.TensorType)
        self._operators = _names(schema.BuiltinOperator)

    def model(self) -> Model:
        root = self._root
        self._codes = self._vector(root.OperatorCodesLength(), root.OperatorCodes)
        self._buffers = [
            self._buffer_bytes(index, buffer)
            for index, buffer in enumerate(self._vector(root.BuffersLength(), root.Buffers))
        ]
        subgraphs = self._vector(root.SubgraphsLength(), root.Subgraphs)
        if not subgraphs:
            raise ValueError("it holds no graph")
        return self._checked(
            Model(
                subgraphs=tuple(map(self._subgraph, subgraphs)),
                signatures=tuple(
                    map(
                        self._signature,
                        self._vector(root.SignatureDefsLength(), root.SignatureDefs),
                    )
                ),
            )
        )

    def _vector(self, length: int, get: Callable[[int], T]) -> list[T]:
        self._left -= length
        if self._left < 0:
            raise ValueError("a list in it is longer than the file")
        return [get(index) for index in range(length)]

    def _buffer_bytes(self, index: int, buffer: Any) -> int | None:
        # Files over 2 GB keep their data behind the flatbuffer, at `Offset`.
        inline, offset, size = buffer.DataLength(), buffer.Offset(), buffer.Size()
        if offset > 1:
            if offset + size > len(self._content):
                raise ValueError("a tensor's data lies behind the end of the file")
            return int(size)
        if inline == 0:
            # By convention buffer 0 is the empty one: of tensors that are computed.
            return None
        # A vector that claims more than the file holds fails here, without being read.
        if buffer.DataAsNumpy().nbytes != inline:
            raise ValueError(f"buffer {index} is cut short")
        return int(inline)

    def _subgraph(self, graph: Any) -> Subgraph:
        return Subgraph(
            tensors=tuple(map(self._tensor, self._vector(graph.TensorsLength(), graph.Tensors))),
            operators=tuple(
                map(self._operator, self._vector(graph.OperatorsLength(), graph.Operators))
            ),
            inputs=self._numbers(graph.InputsAsNumpy()),
            outputs=self._numbers(graph.OutputsAsNumpy()),
        )

    def _tensor(self, tensor: Any) -> Tensor:
        shape = self._numbers(tensor.ShapeAsNumpy())
        if any(dimension < 0 for dimension in shape):
            raise ValueError("a tensor has a negative dimension")
        dtype = self._dtypes[tensor.Type()]
        index = int(tensor.Buffer())
        signature = self._numbers(tensor.ShapeSignatureAsNumpy())
        return Tensor(
            name=self._text(tensor.Name()),
            shape=shape,
            dtype=dtype,
            quantisation=self._quantisation(tensor.Quantization(), len(shape)),
            buffer=index,
            constant_bytes=self._buffers[index],
            is_variable=bool(tensor.IsVariable()),
            values=self._values(index, dtype, math.prod(shape)),
            open=tuple(axis for axis, size in enumerate(signature) if size < 0),
        )

    def _values(self, index: int, dtype: str, elements: int) -> tuple[float, ...] | None:
        """Read the data of a small constant whose dtype numpy knows."""
        width = _WIDTHS.get(dtype)
        if width is None or not 0 < elements <= _SMALL:
            return None
        if self._buffers[index] != elements * width:
            return None
        buffer = self._root.Buffers(index)
        # Data behind the flatbuffer belongs to weights, which are not small.
        if buffer.DataLength() != elements * width:
            return None
        return tuple(buffer.DataAsNumpy().view(dtype).tolist())

    def _quantisation(self, parameters: Any, rank: int) -> Quantisation | None:
        if parameters is None or not parameters.ScaleLength():
            return None
        scales = self._numbers(parameters.ScaleAsNumpy())
        zero_points = self._numbers(parameters.ZeroPointAsNumpy())
        if not all(math.isfinite(scale) for scale in scales):
            raise ValueError("a quantisation scale is not finite")
        axis = int(parameters.QuantizedDimension())
        if len(scales) > 1 and not 0 <= axis < rank:
            raise ValueError("a quantisation axis lies outside its tensor")
        return Quantisation(
            scales=scales,
            zero_points=zero_points or (0,) * len(scales),
            axis=axis if len(scales) > 1 else None,
        )

    def _operator(self, operator: Any) -> Operator:
        code = self._codes[operator.OpcodeIndex()]
        # Codes up to 126 live in the old 8-bit field, which newer files fill with 127 for the rest.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        # A newer file may hold operators that this schema has no name for.
        name = self._operators.get(number, f"BUILTIN_{number}")
        custom = name == "CUSTOM"
        return Operator(
            name=self._text(code.CustomCode()) if custom else name,
            custom=custom,
            inputs=self._numbers(operator.InputsAsNumpy()),
            outputs=self._numbers(operator.OutputsAsNumpy()),
            version=int(code.Version()),
            attributes={} if custom else read_options(operator),
        )

    def _signature(self, signature: Any) -> NamedSignature:
        def names(length: int, get: Callable[[int], Any]) -> dict[str, int]:
            entries = self._vector(length, get)
            return {self._text(entry.Name()): int(entry.TensorIndex()) for entry in entries}

        return NamedSignature(
            key=self._text(signature.SignatureKey()),
            subgraph=int(signature.SubgraphIndex()),
            inputs=names(signature.InputsLength(), signature.Inputs),
            outputs=names(signature.OutputsLength(), signature.Outputs),
        )

    def _numbers(self, array: Any) -> tuple[Any, ...]:
        """Take a vector as numpy sees it: a view of the file, or 0 where there is none."""
        if isinstance(array, int):
            return ()
        self._left -= array.size
        if self._left < 0:
            raise ValueError("its lists are longer than the file")
        return tuple(array.tolist())

    def _text(self, raw: bytes | None) -> str:
        return (raw or b"").decode("utf-8")

    def _checked(self, model: Model) -> Model:
        """Return the model after looking at every index, so that nobody else has to."""
        for graph in model.subgraphs:
            for index in _indices(graph):
                if not -1 <= index < len(graph.tensors):
                    raise ValueError(f"it refers to tensor {index}, which it does not hold")
        for signature in model.signatures:
            graph = model.subgraphs[signature.subgraph]
            for index in (*signature.inputs.values(), *signature.outputs.values()):
                if not 0 <= index < len(graph.tensors):
                    raise ValueError(f"its signature refers to tensor {index}")
        return model


def _indices(graph: Subgraph) -> Iterator[int]:
    yield from graph.inputs
    yield from graph.outputs
    for operator in graph.operators:
        yield from operator.inputs
        yield from operator.outputs


@functools.cache
def _names(enumeration: type) -> dict[int, str]:
    """Map a generated enumeration's numbers to names; tensor types in lower case, as numpy's."""
    lower = enumeration.__name__ == "TensorType"
    return {
        number: name.lower() if lower else name
        for name, number in vars(enumeration).items()
        if isinstance(number, int)
    }
