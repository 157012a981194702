"""Functions of one value, element by element."""

from __future__ import annotations

from mobilekit_delegates.coreml.graph import Graph, carrier
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op

_ONNX_NAMES = {
    "abs": "Abs", "acos": "Acos", "asin": "Asin", "atan": "Atan", "atanh": "Atanh",
    "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf", "exp": "Exp", "floor": "Floor",
    "logical_not": "Not", "round": "Round", "sign": "Sign", "sin": "Sin", "sinh": "Sinh",
    "sqrt": "Sqrt", "tan": "Tan", "tanh": "Tanh",
}  # fmt: skip

_CAST_TYPES = {
    "bool": "bool", "fp16": "float16", "fp32": "float32", "int32": "int32",
    "int16": "int16", "int8": "int8", "uint16": "uint16", "uint8": "uint8",
}  # fmt: skip
"""What `cast` calls the types that it converts to."""


@op(*_ONNX_NAMES)
def unary(graph: Graph, op: Op) -> str:
    """What ONNX has an operator for. `round` takes halves to the even neighbour in both."""
    return graph.node(_ONNX_NAMES[op.type], op.tensor("x"))


@op("cast")
def cast(graph: Graph, op: Op) -> str:
    """The same values in another type: floats lose their fraction, all but 0 is true.

    Our caller rounds to the declared type, which is what `dtype` names.
    """
    dtype = op.text("dtype")
    if _CAST_TYPES.get(dtype) != op.output.dtype:
        raise op.unsupported(f"the dtype {dtype!r} for an output of {op.output.dtype}")
    x = op.tensor("x")
    if carrier(op.input("x").dtype) == carrier(op.output.dtype):
        return x
    return graph.cast(x, carrier(op.output.dtype))


@op("clip", exact=True)
def clip(graph: Graph, op: Op) -> str:
    """Values between `alpha` and `beta`, which are of the type of `x`."""
    limits = [graph.constant(op.number(name)) for name in ("alpha", "beta")]
    return graph.node("Clip", op.tensor("x"), *limits)


@op("exp2")
def exp2(graph: Graph, op: Op) -> str:
    """2 to the power of `x`."""
    return graph.node("Pow", graph.constant(2.0), op.tensor("x"))


@op("inverse")
def inverse(graph: Graph, op: Op) -> str:
    """`1 / (x + epsilon)`."""
    return graph.node("Reciprocal", _shifted(graph, op, 1e-4))


@op("log")
def log(graph: Graph, op: Op) -> str:
    """`log(x + epsilon)`."""
    return graph.node("Log", _shifted(graph, op, 1e-45))


@op("rsqrt")
def rsqrt(graph: Graph, op: Op) -> str:
    """`1 / sqrt(x + epsilon)`."""
    return graph.node("Reciprocal", graph.node("Sqrt", _shifted(graph, op, 1e-12)))


@op("square")
def square(graph: Graph, op: Op) -> str:
    """`x * x`."""
    return graph.node("Mul", op.tensor("x"), op.tensor("x"))


@op("threshold", exact=True)
def threshold(graph: Graph, op: Op) -> str:
    """The larger of `x` and `alpha`, which is of the type of `x`."""
    return graph.node("Max", op.tensor("x"), graph.constant(op.array("alpha")))


def _shifted(graph: Graph, op: Op, default: float) -> str:
    """`x + epsilon`."""
    return graph.node("Add", op.tensor("x"), graph.constant(op.number("epsilon", default)))
