"""One operation as the functions in `ops` see it: inputs by name, each of which must be read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import TargetError, UnsupportedError
from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.program import Block, Operation, Value
from mobilekit_delegates.coreml.values import Constant, Type

Array = NDArray[Any]

_REQUIRED: Any = object()


class Scope:
    """The values known so far: by their names in the program, what they are in the graph.

    A value is rounded to its declared type when it is first read. What only a monotone operator
    reads is not rounded before it: see `ops.registry.op`. The scope of a block sees those `outer`.
    """

    def __init__(
        self, graph: Graph, constants: Mapping[str, Constant], outer: Scope | None = None
    ) -> None:
        """Begin with the constants of a program or a block."""
        self.graph = graph
        self.types: dict[str, Type] = {}
        self.constants = dict(constants)
        self._outer = outer
        self._rounded: dict[str, str] = {}
        self._unrounded: dict[str, str] = {}

    def define(self, value: Value, name: str, *, rounded: bool) -> None:
        """Say what a value of the program is called in the graph, and whether it is rounded."""
        (self._rounded if rounded else self._unrounded)[value.name] = name
        self.types[value.name] = value.type

    def type_of(self, bound: str | Constant) -> Type:
        """Return the type of what an input is bound to."""
        if isinstance(bound, Constant):
            return bound.type
        scope = self._where(bound)
        return scope.constants[bound].type if bound in scope.constants else scope.types[bound]

    def constant_of(self, bound: str | Constant) -> Constant | None:
        """Return the constant that an input is bound to, or None where it is computed."""
        return bound if isinstance(bound, Constant) else self._where(bound).constants.get(bound)

    def tensor_of(self, bound: str | Constant) -> str:
        """Return the name in the graph of what an input is bound to."""
        if isinstance(bound, Constant):
            return self.graph.constant(bound.array)
        scope = self._where(bound)
        if bound not in scope._rounded:
            scope._rounded[bound] = (
                scope.graph.constant(scope.constants[bound].array)
                if bound in scope.constants
                else scope.graph.round_to(scope._unrounded[bound], scope.types[bound].dtype)
            )
        return scope._rounded[bound]

    def unrounded_of(self, bound: str | Constant) -> str | None:
        """Return the name in the graph of a value before it is rounded, if it needs to be."""
        return None if isinstance(bound, Constant) else self._where(bound)._unrounded.get(bound)

    def knows(self, bound: str | Constant) -> bool:
        """Whether the value was computed by an operation before."""
        return isinstance(bound, Constant) or self._where(bound)._holds(bound)

    def _holds(self, name: str) -> bool:
        return name in self.constants or name in self.types

    def _where(self, name: str) -> Scope:
        """The innermost scope that holds the name, or else the outermost."""
        if self._outer is None or self._holds(name):
            return self
        return self._outer._where(name)


LowerBlock = Callable[[Block, Graph, Sequence[str]], list[str]]
"""Puts a block into a graph, its inputs bound to these values, and returns what comes out."""


class Op:
    """One operation. Reading an input by any method marks it as read.

    Methods that return constants take a `default` for inputs that the program leaves out; without
    one, a missing input is an error. `type` is the operator's name, `name` the operation's own.
    """

    def __init__(
        self,
        operation: Operation,
        scope: Scope,
        opset: str,
        *,
        monotone: bool = False,
        lower_block: LowerBlock,
    ) -> None:
        """Look at one operation in the scope of those before it.

        A monotone one takes values that are not rounded yet; `reads_unrounded` says whether it did.
        """
        self._blocks = operation.blocks
        self._lower_block = lower_block
        self.reads_unrounded = False
        self._monotone = monotone
        self.type = operation.operator
        self.name = operation.name or operation.outputs[0].name
        self.outputs = operation.outputs
        self.opset = opset
        self._inputs = operation.inputs
        self._scope = scope
        self._read: set[str] = set()

    @property
    def output(self) -> Type:
        """The declared type of the first output."""
        return self.outputs[0].type

    def has(self, name: str) -> bool:
        """Whether the program gives the input."""
        return bool(self._inputs.get(name))

    def is_constant(self, name: str) -> bool:
        """Whether the input is given, and constant. This alone does not count as reading it."""
        return self.has(name) and all(
            self._scope.constant_of(bound) is not None for bound in self._inputs[name]
        )

    def tensor(self, name: str) -> str:
        """Return the input's name in the graph, carried as float32, int32, bool or string."""
        return self._tensor(self._one(name))

    def optional(self, name: str) -> str:
        """Return the input's name in the graph, or an empty text where it is left out."""
        return self.tensor(name) if self.has(name) else ""

    def tensors(self, name: str) -> list[str]:
        """Return the names in the graph of an input that takes several values."""
        return [self._tensor(bound) for bound in self._all(name)]

    def input(self, name: str) -> Type:
        """Return the declared type of an input. This alone does not count as reading it."""
        return self._scope.type_of(self._all(name, read=False)[0])

    def input_types(self, name: str) -> list[Type]:
        """Return the declared types of an input that takes several values."""
        return [self._scope.type_of(bound) for bound in self._all(name, read=False)]

    def array(self, name: str, default: Any = _REQUIRED) -> Array:
        """Return a constant input as the program stores it: float16 stays float16.

        Raises:
            UnsupportedError: it is computed when the program runs.
        """
        if not self.has(name) and default is not _REQUIRED:
            return np.asarray(default)
        constant = self._scope.constant_of(self._one(name))
        if constant is None:
            raise self.unsupported(f"an input {name!r} that is no constant")
        return constant.array

    def arrays(self, name: str) -> list[Array]:
        """Return a constant input that takes several values."""
        constants = [self._scope.constant_of(bound) for bound in self._all(name)]
        if None in constants:
            raise self.unsupported(f"an input {name!r} that is no constant")
        return [constant.array for constant in constants if constant is not None]

    def text(self, name: str, default: str = _REQUIRED) -> str:
        """Return a constant text."""
        return str(self._item(name, default))

    def flag(self, name: str, default: bool = _REQUIRED) -> bool:
        """Return a constant truth value."""
        return bool(self._item(name, default))

    def integer(self, name: str, default: int = _REQUIRED) -> int:
        """Return a constant integer."""
        return int(self._item(name, default))

    def number(self, name: str, default: float = _REQUIRED) -> float:
        """Return a constant number."""
        return float(self._item(name, default))

    def integers(self, name: str, default: Sequence[int] = _REQUIRED) -> list[int]:
        """Return a constant list of integers; a single one is a list of one."""
        return [int(value) for value in self.array(name, default).reshape(-1)]

    def flags(self, name: str, default: Sequence[bool] = _REQUIRED) -> list[bool]:
        """Return a constant list of truth values."""
        return [bool(value) for value in self.array(name, default).reshape(-1)]

    def lower_blocks(self, count: int) -> list[Callable[[Graph, Sequence[str]], list[str]]]:
        """Return a function for each block that puts it into a graph: see `LowerBlock`."""
        if len(self._blocks) != count:
            raise self.damaged(f"it has {len(self._blocks)} blocks instead of {count}")
        blocks, self._blocks = self._blocks, ()
        return [functools.partial(self._lower_block, block) for block in blocks]

    def ignore(self, *names: str) -> None:
        """Mark inputs as read that cannot change the numbers; say why where this is called."""
        self._read.update(names)

    def unsupported(self, what: str) -> UnsupportedError:
        """Return the error of something in this operation that the evaluator does not know."""
        return UnsupportedError(
            f"The evaluator does not know {what} of the operator {self.type} (in {self.name!r})."
        )

    def damaged(self, what: str) -> TargetError:
        """Return the error of an operation that no converter writes."""
        return TargetError(f"The operation {self.name!r} ({self.type}) is damaged: {what}.")

    def unread(self) -> list[str]:
        """Return the inputs that the program gives and nobody read, and blocks."""
        names = [name for name in self._inputs if self.has(name) and name not in self._read]
        return sorted(names) + ["(blocks)"] * bool(self._blocks)

    def _tensor(self, bound: str | Constant) -> str:
        unrounded = self._scope.unrounded_of(bound) if self._monotone else None
        self.reads_unrounded |= unrounded is not None
        return unrounded or self._scope.tensor_of(bound)

    def _item(self, name: str, default: Any) -> Any:
        array = self.array(name, default)
        if array.size != 1:
            raise self.damaged(f"its input {name!r} has {array.size} values instead of one")
        return array.reshape(-1)[0]

    def _one(self, name: str) -> str | Constant:
        bound = self._all(name)
        if len(bound) != 1:
            raise self.damaged(f"its input {name!r} has {len(bound)} values instead of one")
        return bound[0]

    def _all(self, name: str, *, read: bool = True) -> tuple[str | Constant, ...]:
        if read:
            self._read.add(name)
        bound = self._inputs.get(name, ())
        if not bound:
            raise self.damaged(f"it has no input {name!r}")
        for value in bound:
            if not self._scope.knows(value):
                raise self.damaged(f"its input {name!r} is bound to {value!r}, which is unknown")
        return bound
