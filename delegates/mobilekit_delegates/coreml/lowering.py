"""Lowers an ML Program to an ONNX graph, operation by operation, in the types that it declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mobilekit_converters.errors import TargetError, UnsupportedError
from mobilekit_delegates.coreml.graph import Graph, carrier
from mobilekit_delegates.coreml.op import Op, Scope
from mobilekit_delegates.coreml.ops.registry import Result, Row, operators
from mobilekit_delegates.coreml.program import Block, Operation, Program, Value
from mobilekit_delegates.coreml.values import Constant, Type

_KNOWN_TYPES = {
    "float16", "float32", "int8", "uint8", "int16", "uint16", "int32", "bool",
    "string", "dictionary",
}  # fmt: skip
"""What a computed value may be; the last two are a classifier's label and its scores by label."""


@dataclass(frozen=True, kw_only=True)
class Computed:
    """A value that an operation computes."""

    value: Value
    operator: str


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """A program as a graph. `scope` knows what its values are called in the graph.

    `computed` has what the operations compute, in running order; `outputs` maps the names of the
    program's outputs to the graph's, and `types` to their declared types. `operations` counts those
    that are not constants.
    """

    graph: Graph
    scope: Scope
    computed: tuple[Computed, ...]
    outputs: dict[str, str]
    types: dict[str, Type]
    operations: int


def lower(program: Program, *, rounds: bool) -> Lowered:
    """Lower a program.

    Args:
        program: the program.
        rounds: whether values that are declared float16 are rounded to it after every operation.

    Raises:
        UnsupportedError: an operator, an input of one or a type is not known; the message names it.
        TargetError: the program is damaged.
    """
    graph = Graph(rounds=rounds)
    scope = Scope(graph, program.constants)
    _require_known_operators(program)
    for value in program.inputs:
        _require_known_type(value)
        name = graph.input(value.name, carrier(value.type.dtype), value.type.shape)
        scope.define(value, name, rounded=True)
    computed = [
        each
        for operation in program.operations
        for each in _lower_operation(scope, operation, program.opset)
    ]
    missing = [name for name in program.outputs if not scope.knows(name)]
    if missing:
        raise TargetError(f"{program.name} is damaged: nothing computes its outputs {missing}.")
    return Lowered(
        graph=graph,
        scope=scope,
        computed=tuple(computed),
        outputs={name: scope.tensor_of(name) for name in program.outputs},
        types={name: scope.type_of(name) for name in program.outputs},
        operations=sum(1 for _ in program),
    )


def _require_known_operators(program: Program) -> None:
    """Name all the operators that are not known at once, rather than the first."""
    table = operators()
    unknown = sorted({each.operator for each in program if each.operator not in table})
    if unknown:
        raise UnsupportedError(f"The evaluator does not know the operators {', '.join(unknown)}.")


def _require_known_type(value: Value) -> None:
    if value.type.dtype not in _KNOWN_TYPES:
        raise UnsupportedError(
            f"The evaluator does not know the type {value.type.dtype} (of {value.name!r})."
        )


def _lower_operation(scope: Scope, operation: Operation, opset: str) -> Iterator[Computed]:
    def lower_block(block: Block, graph: Graph, inputs: Sequence[str]) -> list[str]:
        return _lower_block(Scope(graph, block.constants, scope), block, inputs, opset)

    row = operators()[operation.operator]
    op = Op(operation, scope, opset, monotone=row.monotone, lower_block=lower_block)
    results = _results(_call(row, scope.graph, op))
    if op.unread():
        raise op.unsupported(f"the inputs {', '.join(op.unread())}")
    if len(results) != len(operation.outputs):
        raise op.damaged(f"it has {len(operation.outputs)} outputs instead of {len(results)}")
    for value, result in zip(operation.outputs, results, strict=True):
        if not isinstance(result, str):
            scope.constants[value.name] = Constant(array=np.asarray(result), type=value.type)
            continue
        _require_known_type(value)
        scope.define(value, result, rounded=row.exact and not op.reads_unrounded)
        yield Computed(value=value, operator=operation.operator)


def _lower_block(scope: Scope, block: Block, inputs: Sequence[str], opset: str) -> list[str]:
    for value, name in zip(block.inputs, inputs, strict=True):
        _require_known_type(value)
        scope.define(value, name, rounded=True)
    for operation in block.operations:
        for _ in _lower_operation(scope, operation, opset):
            pass  # What is inside of a loop has no one value to trace.
    return [scope.tensor_of(name) for name in block.outputs]


def _call(row: Row, graph: Graph, op: Op) -> Result:
    """Lower one operation; what numpy cannot do with its constants is damage."""
    try:
        return row.lower(graph, op)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise op.damaged(f"{type(error).__name__}: {error}") from error


def _results(result: Result) -> Sequence[object]:
    return [result] if isinstance(result, (str, np.ndarray)) else list(result)
