"""Functions of two values, element by element, with numpy's rules of broadcasting."""

from __future__ import annotations

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op

_ARITHMETIC = {"add": "Add", "sub": "Sub", "mul": "Mul", "real_div": "Div", "pow": "Pow"}

_CHOICES = {
    "maximum": "Max", "minimum": "Min", "equal": "Equal", "greater": "Greater", "less": "Less",
    "greater_equal": "GreaterOrEqual", "less_equal": "LessOrEqual",
    "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor",
}  # fmt: skip


@op(*_ARITHMETIC)
def arithmetic(graph: Graph, op: Op) -> str:
    """What ONNX has an operator for. Quotients of integers lose their fraction."""
    return graph.node(_ARITHMETIC[op.type], op.tensor("x"), op.tensor("y"))


@op(*_CHOICES, exact=True)
def choice(graph: Graph, op: Op) -> str:
    """One of the two values, or a truth value."""
    return graph.node(_CHOICES[op.type], op.tensor("x"), op.tensor("y"))


@op("not_equal", exact=True)
def not_equal(graph: Graph, op: Op) -> str:
    """`x != y`."""
    return graph.node("Not", graph.node("Equal", op.tensor("x"), op.tensor("y")))


@op("floor_div")
def floor_div(graph: Graph, op: Op) -> str:
    """`x / y`, rounded towards negative infinity."""
    x, y = op.tensor("x"), op.tensor("y")
    if op.output.is_float:
        return graph.node("Floor", graph.node("Div", x, y))
    return graph.node("Div", graph.node("Sub", x, graph.node("Mod", x, y)), y)


@op("mod")
def mod(graph: Graph, op: Op) -> str:
    """The remainder of `floor_div`: it has the sign of `y`.

    ONNX's remainder of floats has the sign of `x`.
    """
    x, y = op.tensor("x"), op.tensor("y")
    if not op.output.is_float:
        return graph.node("Mod", x, y)
    remainder = graph.node("Mod", x, y, fmod=1)
    zero = graph.constant(0.0)
    differs = graph.node("Less", graph.node("Mul", remainder, y), zero)
    return graph.node("Where", differs, graph.node("Add", remainder, y), remainder)


@op("select", exact=True)
def select(graph: Graph, op: Op) -> str:
    """`a` where `cond` is true, `b` elsewhere."""
    a, b = op.tensor("a"), op.tensor("b")
    if op.output.dtype != "bool":
        return graph.node("Where", op.tensor("cond"), a, b)
    # ONNX Runtime has no `Where` for truth values.
    numbers = graph.cast(a, "int32"), graph.cast(b, "int32")
    return graph.cast(graph.node("Where", op.tensor("cond"), *numbers), "bool")
