"""The graphs of an `.mlpackage`, from its protobuf alone: weights stay where they are.

- Constants are tensors and no nodes, and so is what `constexpr_` operations make: compressed
  weights, as they are when the program runs.
- A node's `attributes` are its parameters that are constants and say how it works, by Core ML's own
  names (`strides`, `axes`, `pad_type`): numbers, texts and truth values, or tuples of few of them.
- Its `inputs` are all other parameters: what it works on. Those of `_OPERANDS` come first, in that
  order, then the others by name; a parameter of several values has these one behind the other. So
  `conv` has x, weight, bias, and `add` x, y. What is not given leaves no gap.
- Its `version` is the iOS that its definition is from: 16 for the opset `CoreML6`.

The function that a package runs by default comes first, then the others by name, then the blocks of
loops and branches. What a block sees of the values around it is among its inputs.
"""

from __future__ import annotations

import functools
import struct
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilekit_converters.coreml.package import Package, broken, open_package
from mobilekit_converters.coreml.schema import program_messages
from mobilekit_converters.errors import ConversionError, SourceError
from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph

OPSETS = {"CoreML5": 15, "CoreML6": 16, "CoreML7": 17, "CoreML8": 18, "CoreML9": 26}
"""The iOS that each opset came with: `_OPSET` in coremltools' `__init__.py`, version 9.0."""

_OPERANDS = (
    "cond", "pred", "x", "y", "a", "b", "values", "loop_vars", "input", "data", "query", "key",
    "value", "attn_mask", "ls", "index", "indices", "updates", "update", "initial_h", "initial_c",
    "weight", "bias", "mean", "variance", "gamma", "beta", "weight_ih", "weight_hh",
    "coordinates", "transform_matrix", "roi", "boxes", "box_indices", "scores", "probabilities",
    "state", "ref_tensor", "ref_tensors",
)  # fmt: skip
"""What operators work on, in the order of `input_spec` in coremltools' `mil/ops/defs`."""

_DATA = frozenset(_OPERANDS) - {"beta", "value"}
"""Operands whatever they are: `beta` and `value` are single numbers of some operators."""

_SMALL = 64
"""Constants of more values are no attributes."""


def read_graphs(path: Path) -> tuple[OperatorGraph, ...]:
    """Read the graphs of an `.mlpackage`: the one that it runs by default first.

    Raises:
        SourceError: the package cannot be read, or is not whole.
    """
    try:
        return graphs_of(open_package(path))
    except ConversionError as error:
        raise SourceError(str(error)) from error


def graphs_of(package: Package) -> tuple[OperatorGraph, ...]:
    """Return the graphs of an opened package.

    Raises:
        ConversionError: it is not whole; the message says what is wrong.
    """
    functions = package.spec.mlProgram.functions
    default = package.spec.description.defaultFunctionName or "main"
    if default not in functions:
        raise broken(package.path, f"it has no function {default!r}")
    found: list[OperatorGraph] = []
    waiting = [
        _function(package, name, functions[name])
        for name in sorted(functions, key=lambda name: (name != default, name))
    ]
    while waiting:
        reader = waiting.pop(0)
        found.append(reader.graph())
        waiting += reader.inner
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """A value that has a name: its tensor, and what it is where it is a small constant."""

    tensor: GraphTensor
    value: Any = None


def _function(package: Package, name: str, function: Any) -> _Reader:
    if function.opset not in function.block_specializations:
        raise broken(package.path, f"{name!r} has no program for its opset {function.opset!r}")
    shapes = {
        feature.name: tuple(feature.type.multiArrayType.shape)
        for feature in package.spec.description.input
    }
    return _Reader(
        package=package,
        name=name,
        opset=function.opset,
        inputs=[_tensor(item, shapes.get(item.name, ())) for item in function.inputs],
        block=function.block_specializations[function.opset],
    )


@dataclass
class _Reader:
    """Reads one block; those inside of it are in `inner` afterwards."""

    package: Package
    name: str
    opset: str
    inputs: list[GraphTensor]
    block: Any
    around: MutableMapping[str, _Known] = field(default_factory=dict)
    inner: list[_Reader] = field(default_factory=list)
    _tensors: list[GraphTensor] = field(default_factory=list)
    _nodes: list[GraphNode] = field(default_factory=list)
    _indices: dict[str, int] = field(default_factory=dict)
    _seen: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._names = ChainMap({}, self.around)

    def graph(self) -> OperatorGraph:
        own = [self._new(_Known(tensor=tensor)) for tensor in self.inputs]
        for operation in self.block.operations:
            self._add(operation)
        outputs = tuple(self._index_of(name, "its result") for name in self.block.outputs)
        return OperatorGraph(
            format="coreml",
            name=self.name,
            tensors=tuple(self._tensors),
            nodes=tuple(self._nodes),
            inputs=(*own, *self._seen),
            outputs=outputs,
        )

    def _add(self, operation: Any) -> None:
        if operation.type == "const":
            self._name(_constant(self.package, operation))
        elif operation.type.startswith("constexpr_"):
            for output in operation.outputs:
                self._name(_Known(tensor=_tensor(output, constant=True)))
        else:
            self._add_node(operation)

    def _add_node(self, operation: Any) -> None:
        parameters = {name: list(self._bound(operation, name)) for name in sorted(operation.inputs)}
        settings = {
            name: values[0].value
            for name, values in parameters.items()
            if len(values) == 1 and _is_setting(name, values[0])
        }
        inputs = [
            self._index(known)
            for name in sorted(parameters.keys() - settings.keys(), key=_place)
            for known in parameters[name]
        ]
        for number, block in enumerate(operation.blocks, 1):
            self._enter(operation, number, block)
        outputs = [self._new(_Known(tensor=_tensor(output))) for output in operation.outputs]
        self._nodes.append(
            GraphNode(
                name=operation.outputs[0].name if operation.outputs else operation.type,
                operator=operation.type,
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                version=OPSETS.get(self.opset, 1),
                custom=operation.type.startswith("custom"),
                attributes=settings,
            )
        )

    def _enter(self, operation: Any, number: int, block: Any) -> None:
        name = operation.outputs[0].name if operation.outputs else operation.type
        self.inner.append(
            _Reader(
                package=self.package,
                name=f"{name}, block {number}",
                opset=self.opset,
                inputs=[_tensor(item) for item in block.inputs],
                block=block,
                around=self._names,
            )
        )

    def _bound(self, operation: Any, parameter: str) -> Iterator[_Known]:
        for binding in operation.inputs[parameter].arguments:
            if binding.WhichOneof("binding") == "name":
                yield self._known(binding.name, f"{operation.type} for {parameter!r}")
            else:
                yield _held(f"{parameter} of {operation.type}", binding.value)

    def _known(self, name: str, reader: str) -> _Known:
        if name not in self._names:
            raise broken(self.package.path, f"nothing computes {name!r}, which is read by {reader}")
        return self._names[name]

    def _name(self, known: _Known) -> None:
        name = known.tensor.name
        if name in self._names.maps[0]:
            raise broken(self.package.path, f"two of its values are called {name!r}")
        self._names[name] = known

    def _new(self, known: _Known) -> int:
        self._name(known)
        return self._list(known)

    def _list(self, known: _Known) -> int:
        self._tensors.append(known.tensor)
        self._indices[known.tensor.name] = len(self._tensors) - 1
        return len(self._tensors) - 1

    def _index(self, known: _Known) -> int:
        """Return the index of a tensor, which is new here where it is constant or from outside."""
        name = known.tensor.name
        if self._names.get(name) is not known:
            # A constant without a name, in the operation itself.
            self._tensors.append(known.tensor)
            return len(self._tensors) - 1
        if name not in self._indices:
            index = self._list(known)
            if not known.tensor.constant:
                self._seen.append(index)
        return self._indices[name]

    def _index_of(self, name: str, reader: str) -> int:
        return self._index(self._known(name, reader))


def _place(parameter: str) -> tuple[int, str]:
    known = _OPERANDS.index(parameter) if parameter in _OPERANDS else len(_OPERANDS)
    return known, parameter


def _is_setting(parameter: str, known: _Known) -> bool:
    """Say whether a parameter tells how to work, and is not what to work on."""
    if parameter in _DATA or known.value is None:
        return False
    return known.tensor.rank == 0 or not known.tensor.dtype.startswith(("float", "bfloat"))


def _constant(package: Package, operation: Any) -> _Known:
    if len(operation.outputs) != 1 or "val" not in operation.attributes:
        raise broken(package.path, "one of its constants has no value")
    return _held(operation.outputs[0].name, operation.attributes["val"])


def _held(name: str, value: Any) -> _Known:
    """Return a constant of the program, with its values where they are few and not elsewhere."""
    tensor = _typed(name, value.type, constant=True)
    values = _values(value, tensor)
    if values is None or tensor.rank:
        return _Known(tensor=_with_values(tensor, values), value=values)
    return _Known(tensor=_with_values(tensor, values), value=values[0])


def _with_values(tensor: GraphTensor, values: tuple[Any, ...] | None) -> GraphTensor:
    return GraphTensor(
        name=tensor.name, shape=tensor.shape, dtype=tensor.dtype, constant=True, values=values
    )


def _values(value: Any, tensor: GraphTensor) -> tuple[Any, ...] | None:
    """Return the values of a constant, row-major; None where they are many or elsewhere."""
    if tensor.elements > _SMALL or value.WhichOneof("value") != "immediateValue":
        return None
    if value.immediateValue.WhichOneof("value") != "tensor":
        return None
    held = value.immediateValue.tensor
    kind = held.WhichOneof("value")
    if kind is None:
        return () if tensor.elements == 0 else None
    stored = getattr(held, kind).values
    values = _unpacked(stored, tensor.dtype) if kind == "bytes" else tuple(stored)
    return values if values is not None and len(values) == tensor.elements else None


_PACKED = {
    "bool": "?", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "float16": "e",
    "int32": "i", "uint32": "I", "float32": "f", "int64": "q", "uint64": "Q", "float64": "d",
}  # fmt: skip
"""How `struct` calls the types of values that are stored as bytes, little-endian."""


def _unpacked(stored: bytes, dtype: str) -> tuple[Any, ...] | None:
    letter = _PACKED.get(dtype)
    if letter is None or len(stored) % struct.calcsize(letter):
        return None
    return struct.unpack(f"<{len(stored) // struct.calcsize(letter)}{letter}", stored)


def _tensor(named: Any, default: tuple[int, ...] = (), *, constant: bool = False) -> GraphTensor:
    return _typed(named.name, named.type, default, constant=constant)


def _typed(
    name: str, kind: Any, default: tuple[int, ...] = (), *, constant: bool = False
) -> GraphTensor:
    """Return a tensor of a type; `default` are the sizes that open dimensions have at first."""
    variable = kind.WhichOneof("type") == "stateType"
    wrapped = kind.stateType.wrappedType if variable else kind
    if wrapped.WhichOneof("type") != "tensorType":
        # A list, a tuple or a dictionary.
        dtype = (wrapped.WhichOneof("type") or "unknown").removesuffix("Type")
        return GraphTensor(name=name, shape=(), dtype=dtype, constant=constant)
    tensor = wrapped.tensorType
    dimensions = list(tensor.dimensions)
    sizes = default if len(default) == len(dimensions) else (1,) * len(dimensions)
    open_ones = tuple(
        place for place, size in enumerate(dimensions) if size.WhichOneof("dimension") != "constant"
    )
    return GraphTensor(
        name=name,
        shape=tuple(
            int(sizes[place]) if place in open_ones else size.constant.size
            for place, size in enumerate(dimensions)
        ),
        dtype=_dtypes().get(tensor.dataType, "unknown"),
        constant=constant,
        # Of a tensor without a rank, not even the number of dimensions is known.
        open=open_ones if tensor.rank >= 0 else (0,),
        variable=variable,
    )


@functools.cache
def _dtypes() -> Mapping[int, str]:
    values = program_messages().DataType.items()
    return {number: name.lower() for name, number in values}
