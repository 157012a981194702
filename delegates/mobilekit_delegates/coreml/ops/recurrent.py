"""Recurrent layers: sequences of `x` are `[steps, batch, features]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op

Array = NDArray[Any]

_ACTIVATIONS = {
    "sigmoid": ("Sigmoid", 0.0, 0.0), "tanh": ("Tanh", 0.0, 0.0), "relu": ("Relu", 0.0, 0.0),
    "linear": ("Affine", 1.0, 0.0),
    "hard_sigmoid": ("HardSigmoid", 0.2, 0.5), "sigmoid_hard": ("HardSigmoid", 0.2, 0.5),
}  # fmt: skip
"""ONNX's name of an activation, its alpha and its beta."""

_GRU_GATES = (2, 0, 1)
"""Where ONNX's gates update, reset, new stand in MIL's reset, new, update."""

_LSTM_GATES = (0, 2, 1, 3)
"""Where ONNX's gates input, output, forget, cell stand in MIL's input, forget, output, cell."""

_PEEPHOLES = (0, 2, 1)
"""Where ONNX's peepholes input, output, forget stand in MIL's input, forget, output."""


@dataclass(frozen=True, kw_only=True)
class _Weights:
    """Weights and biases of one direction, their gates in ONNX's order."""

    features: Array
    hidden: Array
    biases: Array


@op("rnn")
def rnn(graph: Graph, op: Op) -> list[str]:
    """`h = activation(W x + R h + b)`."""
    return _run(graph, op, "RNN", [_weights(op, (0,))], ["activation"])


@op("gru")
def gru(graph: Graph, op: Op) -> list[str]:
    """A gated recurrent unit, whose reset gate acts before or after the product with `R`."""
    after = op.flag("reset_after", False)
    names = ["recurrent_activation", "activation"]
    weights = [_weights(op, _GRU_GATES)]
    return _run(graph, op, "GRU", weights, names, linear_before_reset=int(after))


@op("lstm")
def lstm(graph: Graph, op: Op) -> list[str]:
    """Long short-term memory, in one direction or two."""
    if op.has("clip"):
        raise op.unsupported("the input clip")
    both = op.text("direction", "forward") == "bidirectional"
    suffixes = ["", "_back"] if both else [""]
    peepholes = [_peephole(op, f"peephole{suffix}") for suffix in suffixes]
    if not both:
        # The same weights are given for the way back, or none: nothing goes back.
        op.ignore("weight_ih_back", "weight_hh_back", "bias_back", "peephole_back")
    return _run(
        graph,
        op,
        "LSTM",
        [_weights(op, _LSTM_GATES, suffix) for suffix in suffixes],
        ["recurrent_activation", "cell_activation", "activation"],
        peepholes=None if all(each is None for each in peepholes) else peepholes,
    )


def _run(
    graph: Graph,
    op: Op,
    operator: str,
    weights: list[_Weights],
    activations: list[str],
    *,
    peepholes: list[Array | None] | None = None,
    **attributes: Any,
) -> list[str]:
    """Add ONNX's layer; return the sequence or its last step, and the last states.

    MIL's `reverse` turns the sequence round and leaves its answer so; ONNX's would turn it back.
    """
    directions, size = len(weights), weights[0].hidden.shape[-1]
    x = op.tensor("x")
    if _direction(op, directions) == "reverse":
        x = _turned_round(graph, x)
    stacked = [
        graph.constant(np.stack([getattr(each, name) for each in weights]).astype(np.float32))
        for name in ("features", "hidden", "biases")
    ]
    inputs = [x, *stacked, "", _state(graph, op.tensor("initial_h"), directions)]
    if operator == "LSTM":
        inputs.append(_state(graph, op.tensor("initial_c"), directions))
    if peepholes is not None:
        none = np.zeros(3 * size, np.float32)
        inputs.append(graph.constant(np.stack([none if p is None else p for p in peepholes])))
    names, alphas, betas = zip(*(_activation(op, name) for name in activations), strict=True)
    sequence, *states = graph.nodes(
        operator,
        *inputs,
        count=3 if operator == "LSTM" else 2,
        hidden_size=size,
        direction="bidirectional" if directions == 2 else "forward",
        activations=names * directions,
        activation_alpha=alphas * directions,
        activation_beta=betas * directions,
        **attributes,
    )
    last = [_joined(graph, state) for state in states]
    if not op.flag("output_sequence", False):
        return [graph.node("Unsqueeze", last[0], _axes(graph, 0)), *last]
    steps = graph.node("Transpose", sequence, perm=[0, 2, 1, 3])
    return [graph.node("Reshape", steps, _axes(graph, 0, 0, -1)), *last]


def _direction(op: Op, directions: int) -> str:
    direction = op.text("direction", "forward")
    known = ("bidirectional",) if directions == 2 else ("forward", "reverse")
    if direction not in known:
        raise op.unsupported(f"the direction {direction!r}")
    return direction


def _weights(op: Op, gates: tuple[int, ...], suffix: str = "") -> _Weights:
    """Read one direction's weights; ONNX has a bias for `x`, and another for the state."""
    hidden = op.array(f"weight_hh{suffix}")
    none = np.zeros(hidden.shape[0], np.float32)
    own, of_input = op.array(f"bias{suffix}", none), op.array(f"input_bias{suffix}", none)
    return _Weights(
        features=_ordered(op.array(f"weight_ih{suffix}"), gates),
        hidden=_ordered(hidden, gates),
        biases=np.concatenate([_ordered(of_input, gates), _ordered(own, gates)]),
    )


def _peephole(op: Op, name: str) -> Array | None:
    return _ordered(op.array(name), _PEEPHOLES).astype(np.float32) if op.has(name) else None


def _ordered(array: Array, gates: tuple[int, ...]) -> Array:
    """Bring the gates, which lie one behind the other, into ONNX's order."""
    parts = np.split(array, len(gates))
    return np.concatenate([parts[gate] for gate in gates])


def _activation(op: Op, name: str) -> tuple[str, float, float]:
    value = op.text(name, "sigmoid" if name == "recurrent_activation" else "tanh")
    if value not in _ACTIVATIONS:
        raise op.unsupported(f"the {name} {value!r}")
    return _ACTIVATIONS[value]


def _turned_round(graph: Graph, x: str) -> str:
    """The steps from the last to the first."""
    ends = graph.constant([np.iinfo(np.int64).min], dtype="int64")
    return graph.node("Slice", x, _axes(graph, -1), ends, _axes(graph, 0), _axes(graph, -1))


def _state(graph: Graph, value: str, directions: int) -> str:
    """Turn `[batch, directions * size]` into ONNX's `[directions, batch, size]`."""
    if directions == 1:
        return graph.node("Unsqueeze", value, _axes(graph, 0))
    parts = graph.node("Reshape", value, _axes(graph, 0, directions, -1))
    return graph.node("Transpose", parts, perm=[1, 0, 2])


def _joined(graph: Graph, state: str) -> str:
    """Turn ONNX's `[directions, batch, size]` into `[batch, directions * size]`."""
    batches = graph.node("Transpose", state, perm=[1, 0, 2])
    return graph.node("Reshape", batches, _axes(graph, 0, -1))


def _axes(graph: Graph, *values: int) -> str:
    return graph.constant(list(values), dtype="int64")
