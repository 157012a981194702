"""The conditions of rules: short expressions about one node of a graph.

They are Python's expressions, as far as these go:

- `inputs`, `outputs`: the node's tensors in order, None where one is not given. A tensor has
  `rank`, `shape`, `dtype`, `elements`, `bytes`, `constant`, `fixed`, `values`, `open`, `quantised`,
  `per_channel`, `scales`, `zero_points`, `axis`, `variable`, `unpacked` (see `GraphTensor`);
- `operator`, `version`, `custom`: the node's own;
- `level`: the delegate's version that is asked about;
- every other name is an attribute of the node, such as `stride_w`, and None where it is not set;
- `and or not in is == != < <= > >= + - * / // %`, `a if b else c`, subscripts, slices, tuples,
  generator expressions, and the functions `all any abs len max min sum range set sorted tuple zip`
  and `has(i)`, whether the node is given input `i`.

Nothing else is let through: a table is data and no program.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

_TENSOR_FIELDS = frozenset(
    {
        "axis",
        "bytes",
        "constant",
        "dtype",
        "elements",
        "fixed",
        "open",
        "per_channel",
        "quantised",
        "rank",
        "scales",
        "shape",
        "unpacked",
        "values",
        "variable",
        "zero_points",
    }
)

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "all": all,
    "any": any,
    "len": len,
    "max": max,
    "min": min,
    "range": range,
    "set": set,
    "sorted": sorted,
    "sum": sum,
    "tuple": tuple,
    "zip": zip,
}

_OWN_FUNCTIONS = frozenset({"has"})

_NODES = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.Is,
    ast.IsNot,
    ast.IfExp,
    ast.Subscript,
    ast.Slice,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.GeneratorExp,
    ast.comprehension,
    ast.Constant,
    ast.Name,
    ast.Load,
    ast.Store,
    ast.Attribute,
    ast.Call,
)

_MOST_CHARACTERS = 1000
_MOST_LEVELS = 60


class ExpressionError(ValueError):
    """An expression is none, or holds what is not let through."""


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A condition, ready to be asked."""

    text: str
    code: CodeType
    names: frozenset[str]

    def value(self, names: Mapping[str, Any]) -> Any:
        """Return what it comes to, with these values for its names.

        Raises:
            Exception: what Python raises where a value is missing or of another type.
        """
        # What it may hold was checked. Generator expressions see globals alone.
        return eval(self.code, _Globals(names))


class _Globals(dict[str, Any]):
    """Names for `eval`, each looked up when it is needed: one may be wrong where none asks."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__({"__builtins__": {}})
        self._names = names

    def __missing__(self, name: str) -> Any:
        return self._names[name]


def parse(text: str) -> Expression:
    """Check an expression and make it ready.

    Raises:
        ExpressionError: it is none, or holds what is not let through.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ExpressionError(f"it is longer than {_MOST_CHARACTERS} characters")
    try:
        # It may go over several lines, as a text in TOML may.
        tree = ast.parse(text.strip().replace("\n", " "), mode="eval")
        _require_flat(tree)
        code = compile(tree, "<rule>", "eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"it is no expression ({error})") from error
    for node in ast.walk(tree):
        _check(node)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return Expression(
        text=text,
        code=code,
        names=frozenset(node.id for node in names) - bound,
    )


def _require_flat(tree: ast.AST) -> None:
    """Refuse what is nested so deep that it would depend on Python's own limit, which may change.

    Raises:
        ValueError: it is.
    """
    level = [tree]
    for _ in range(_MOST_LEVELS):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {_MOST_LEVELS} levels")


def _check(node: ast.AST) -> None:
    if not isinstance(node, _NODES):
        raise ExpressionError(f"it may not hold {type(node).__name__}")
    if isinstance(node, ast.Attribute) and node.attr not in _TENSOR_FIELDS:
        raise ExpressionError(
            f"a tensor has no {node.attr!r}; it has {', '.join(sorted(_TENSOR_FIELDS))}"
        )
    if isinstance(node, ast.Name) and node.id.startswith("_"):
        raise ExpressionError(f"{node.id!r} is no name here")
    if isinstance(node, ast.Call) and not _is_known_function(node):
        known = ", ".join(sorted({*FUNCTIONS, *_OWN_FUNCTIONS}))
        raise ExpressionError(f"it may call {known}, and each with plain arguments")
    if isinstance(node, ast.Constant) and not isinstance(
        node.value, (bool, int, float, str, type(None))
    ):
        raise ExpressionError(f"it may not hold {node.value!r}")


def _is_known_function(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Name)
        and call.func.id in {*FUNCTIONS, *_OWN_FUNCTIONS}
        and not call.keywords
    )
