"""Activations."""

from __future__ import annotations

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


@op("relu", monotone=True)
def relu(graph: Graph, op: Op) -> str:
    """Negative values become 0."""
    return graph.node("Relu", op.tensor("x"))


@op("relu6", monotone=True)
def relu6(graph: Graph, op: Op) -> str:
    """Values stay between 0 and 6."""
    return graph.node("Clip", op.tensor("x"), graph.constant(0.0), graph.constant(6.0))


@op("leaky_relu")
def leaky_relu(graph: Graph, op: Op) -> str:
    """Negative values are multiplied by `alpha`."""
    return graph.node("LeakyRelu", op.tensor("x"), alpha=op.number("alpha"))


@op("clamped_relu")
def clamped_relu(graph: Graph, op: Op) -> str:
    """A leaky ReLU that ends at `beta`."""
    return graph.node("Min", leaky_relu(graph, op), graph.constant(op.number("beta")))


@op("thresholded_relu", exact=True)
def thresholded_relu(graph: Graph, op: Op) -> str:
    """Values below `alpha` become 0. ONNX's operator takes `alpha` itself for below."""
    x = op.tensor("x")
    below = graph.node("Less", x, graph.constant(op.number("alpha")))
    return graph.node("Where", below, graph.constant(0.0), x)


@op("prelu")
def prelu(graph: Graph, op: Op) -> str:
    """A leaky ReLU with an `alpha` for each channel, the second axis."""
    slopes = op.array("alpha").reshape(-1, *[1] * (op.input("x").rank - 2))
    return graph.node("PRelu", op.tensor("x"), graph.constant(slopes))


@op("elu")
def elu(graph: Graph, op: Op) -> str:
    """Negative values become `alpha * (exp(x) - 1)`."""
    return graph.node("Elu", op.tensor("x"), alpha=op.number("alpha"))


@op("gelu")
def gelu(graph: Graph, op: Op) -> str:
    """`x * P(X <= x)` of the normal distribution, exact or by one of two approximations."""
    mode, x = op.text("mode", "EXACT"), op.tensor("x")
    if mode == "SIGMOID_APPROXIMATION":
        factor = graph.node("Mul", x, graph.constant(1.702))
        return graph.node("Mul", x, graph.node("Sigmoid", factor))
    approximations = {"EXACT": "none", "TANH_APPROXIMATION": "tanh"}
    if mode not in approximations:
        raise op.unsupported(f"the mode {mode!r}")
    return graph.node("Gelu", x, approximate=approximations[mode])


@op("sigmoid")
def sigmoid(graph: Graph, op: Op) -> str:
    """`1 / (1 + exp(-x))`."""
    return graph.node("Sigmoid", op.tensor("x"))


@op("sigmoid_hard")
def sigmoid_hard(graph: Graph, op: Op) -> str:
    """`alpha * x + beta`, between 0 and 1."""
    return graph.node(
        "HardSigmoid", op.tensor("x"), alpha=op.number("alpha"), beta=op.number("beta")
    )


@op("silu")
def silu(graph: Graph, op: Op) -> str:
    """`x * sigmoid(x)`."""
    return graph.node("Mul", op.tensor("x"), graph.node("Sigmoid", op.tensor("x")))


@op("softmax")
def softmax(graph: Graph, op: Op) -> str:
    """Exponentials that sum to 1 along an axis."""
    return graph.node("Softmax", op.tensor("x"), axis=op.integer("axis", -1))


@op("softplus")
def softplus(graph: Graph, op: Op) -> str:
    """`log(1 + exp(x))`."""
    return graph.node("Softplus", op.tensor("x"))


@op("softplus_parametric")
def softplus_parametric(graph: Graph, op: Op) -> str:
    """`alpha * log(1 + exp(beta * x))`, an `alpha` and a `beta` for each channel."""
    ones = [1] * (op.input("x").rank - 2)
    alpha, beta = (graph.constant(op.array(n).reshape(-1, *ones)) for n in ("alpha", "beta"))
    inner = graph.node("Softplus", graph.node("Mul", op.tensor("x"), beta))
    return graph.node("Mul", inner, alpha)


@op("softsign")
def softsign(graph: Graph, op: Op) -> str:
    """`x / (1 + abs(x))`."""
    return graph.node("Softsign", op.tensor("x"))


@op("scaled_tanh")
def scaled_tanh(graph: Graph, op: Op) -> str:
    """`alpha * tanh(beta * x)`."""
    inner = graph.node("Mul", op.tensor("x"), graph.constant(op.number("beta")))
    return graph.node("Mul", graph.node("Tanh", inner), graph.constant(op.number("alpha")))


@op("linear_activation")
def linear_activation(graph: Graph, op: Op) -> str:
    """`alpha * x + beta`."""
    scaled = graph.node("Mul", op.tensor("x"), graph.constant(op.number("alpha")))
    return graph.node("Add", scaled, graph.constant(op.number("beta")))
