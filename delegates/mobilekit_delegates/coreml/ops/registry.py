"""The table of operators: by name, the function that puts one into an ONNX graph."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, TypeVar

from numpy.typing import NDArray

from mobilekit_delegates.coreml import ops
from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op

Result: TypeAlias = "str | NDArray[Any] | Sequence[str | NDArray[Any]]"
Lower: TypeAlias = "Callable[[Graph, Op], Result]"
Function = TypeVar("Function", bound="Callable[[Graph, Op], Any]")


@dataclass(frozen=True, kw_only=True)
class Row:
    """How an operator is lowered, and whether its answers are exact: see `op`."""

    lower: Lower
    exact: bool
    monotone: bool


_OPS: dict[str, Row] = {}


def op(*names: str, exact: bool = False, monotone: bool = False) -> Callable[[Function], Function]:
    """Register a function for the operators of these names.

    `exact` operators answer only with values that the declared type of their output holds already:
    those that move or choose among their inputs' values. They are not rounded.

    `monotone` ones are exact, and give the same whether their input is rounded before or their
    output after: they never let a smaller value come out as a larger one. They are rounded after,
    which lets ONNX Runtime join them with the convolution before.
    """

    def register(lower: Function) -> Function:
        for name in names:
            if name in _OPS:
                raise ValueError(f"The operator {name} is registered twice.")
            _OPS[name] = Row(lower=lower, exact=exact or monotone, monotone=monotone)
        return lower

    return register


@cache
def operators() -> dict[str, Row]:
    """Return the whole table, from all files of this folder."""
    for module in pkgutil.iter_modules(ops.__path__):
        importlib.import_module(f"{ops.__name__}.{module.name}")
    return _OPS
