"""A `.tflite` file read in Python, so that a damaged one is an error and not a crash in C++."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import SourceError

_SCHEMA_VERSION = 3
_FLOATS: dict[int, type[np.generic]] = {0: np.float32, 1: np.float16, 10: np.float64}
"""TensorType of schema.fbs -> numpy, for those that can hold NaN."""


class _DamagedError(ValueError):
    """Something in the file contradicts the rest of it."""


@dataclass(frozen=True, kw_only=True)
class TFLiteContent:
    """The signatures' names, and the floating point constants by tensor name."""

    signatures: list[str]
    constants: list[tuple[str, NDArray[np.generic]]]


def read_tflite(path: Path) -> TFLiteContent:
    """Walk through a file, holding every offset and every index against its bounds.

    Raises:
        SourceError: the file is truncated or damaged, or of another version of the format.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = path.read_bytes()
    try:
        model = schema.Model.GetRootAs(content, 0)
        if model.Version() != _SCHEMA_VERSION:
            raise _DamagedError(f"its schema version is {model.Version()}, not {_SCHEMA_VERSION}")
        if model.SubgraphsLength() == 0:
            raise _DamagedError("it holds no graph")
        buffers = [_buffer(model.Buffers(i), content) for i in range(model.BuffersLength())]
        constants = [
            constant
            for index in range(model.SubgraphsLength())
            for constant in _check_subgraph(model, model.Subgraphs(index), buffers)
        ]
        return TFLiteContent(signatures=_signatures(model), constants=constants)
    except _MALFORMED as error:
        raise SourceError(
            f"{path.name} is damaged or cut short: it starts as a TFLite file and cannot be read "
            f"to its end ({error}). Convert or download it again."
        ) from error


# What Python's flatbuffers raise on offsets that lead nowhere.
_MALFORMED = (
    _DamagedError, struct.error, IndexError, TypeError, ValueError, AttributeError, OverflowError
)  # fmt: skip


def _signatures(model: Any) -> list[str]:
    names = []
    for index in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(index)
        _index(signature.SubgraphIndex(), model.SubgraphsLength(), "a signature's graph")
        names.append(signature.SignatureKey().decode())
    return names


def _buffer(buffer: Any, content: bytes) -> bytes:
    """Return a buffer's bytes, which lie in the structure, or behind it in files above 2 GB."""
    # Offsets 0 and 1 mean that there is no data behind the structure (schema.fbs, `Buffer`).
    if buffer.Offset() > 1:
        end = buffer.Offset() + buffer.Size()
        if end > len(content):
            raise _DamagedError(f"a buffer ends at byte {end} of {len(content)}")
        return content[buffer.Offset() : end]
    data = buffer.DataAsNumpy() if buffer.DataLength() else None
    if data is None or isinstance(data, int):
        return b""
    if data.size != buffer.DataLength():
        raise _DamagedError("a buffer ends behind the file")
    return bytes(data.tobytes())


def _check_subgraph(
    model: Any, graph: Any, buffers: list[bytes]
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Check all indices of a graph, and yield its floating point constants."""
    tensors = graph.TensorsLength()
    for end in (*_values(graph, "Inputs"), *_values(graph, "Outputs")):
        _index(end, tensors, "an input or output")
    for position in range(graph.OperatorsLength()):
        operator = graph.Operators(position)
        _index(operator.OpcodeIndex(), model.OperatorCodesLength(), "an operator's code")
        # -1 stands for an optional input that is left out.
        for tensor in (*_values(operator, "Inputs"), *_values(operator, "Outputs")):
            _index(tensor, tensors, "an operator's tensor", lowest=-1)
    for position in range(tensors):
        tensor = graph.Tensors(position)
        _index(tensor.Buffer(), len(buffers), "a tensor's buffer")
        data, dtype = buffers[tensor.Buffer()], _FLOATS.get(tensor.Type())
        if data and dtype is not None:
            yield (tensor.Name() or b"?").decode(), np.frombuffer(data, dtype)


def _values(table: Any, field: str) -> list[int]:
    return [getattr(table, field)(i) for i in range(getattr(table, f"{field}Length")())]


def _index(value: int, length: int, what: str, lowest: int = 0) -> None:
    if not lowest <= value < length:
        raise _DamagedError(f"{what} is number {value} of {length}")
