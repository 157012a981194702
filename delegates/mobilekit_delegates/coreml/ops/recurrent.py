"""Recurrent layers: sequences of `x` are `[steps, batch, features]`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.clipped_lstm import ClippedLstm
from mobilekit_delegates.coreml.ops.registry import op

Array = NDArray[Any]

_ACTIVATIONS = {
    "sigmoid": ("Sigmoid", 0.0, 0.0), "tanh": ("Tanh", 0.0, 0.0), "relu": ("Relu", 0.0, 0.0),
    "linear": ("Affine", 1.0, 0.0), "scaled_tanh": ("Tanh", 0.0, 0.0),
    "hard_sigmoid": ("HardSigmoid", 0.2, 0.5), "sigmoid_hard": ("HardSigmoid", 0.2, 0.5),
}  # fmt: skip
"""ONNX's name of an activation, its alpha and its beta; a scaled tanh is scaled by 1 here."""

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
    both = op.text("direction", "forward") == "bidirectional"
    suffixes = ["", "_back"] if both else [""]
    peepholes = [_peephole(op, f"peephole{suffix}") for suffix in suffixes]
    if not both:
        # The same weights are given for the way back, or none: nothing goes back.
        op.ignore("weight_ih_back", "weight_hh_back", "bias_back", "peephole_back")
    weights = [_weights(op, _LSTM_GATES, suffix) for suffix in suffixes]
    activations = ["recurrent_activation", "cell_activation", "activation"]
    if op.has("clip"):
        return _run_clipped(graph, op, weights, activations, peepholes)
    given = None if all(each is None for each in peepholes) else peepholes
    return _run(graph, op, "LSTM", weights, activations, peepholes=given)


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


def _run_clipped(
    graph: Graph,
    op: Op,
    weights: list[_Weights],
    activations: list[str],
    peepholes: list[Array | None],
) -> list[str]:
    """Add an LSTM step by step, once for each direction; return what `_run` does."""
    steps, directions = op.input("x").shape[0], len(weights)
    if steps is None:
        raise op.unsupported("clip with a number of steps that is not fixed")
    gate, cell, output = (_as_node(graph, _activation(op, name)) for name in activations)
    initial = [_state(graph, op.tensor(f"initial_{name}"), directions) for name in ("h", "c")]
    starts = [graph.nodes("Split", each, count=directions, axis=0, num_outputs=directions)
              for each in initial]  # fmt: skip
    reverse = _direction(op, directions) == "reverse"
    whole = op.flag("output_sequence", False)
    sequences, last = [], []
    for number, (own, peephole) in enumerate(zip(weights, peepholes, strict=True)):
        layer = ClippedLstm(
            features=own.features,
            hidden=own.hidden,
            bias=np.add(*np.split(own.biases.astype(np.float32), 2)),
            peephole=peephole,
            gate=gate,
            cell=cell,
            output=output,
            limit=op.number("clip"),
        )
        x = op.tensor("x")
        x = _turned_round(graph, x) if reverse or number == 1 else x
        states, *ends = layer.run(graph, x, starts[0][number], starts[1][number], steps)
        sequences.append(_turned_round(graph, states) if number == 1 else states)
        last.append(ends)
    state, cells = (
        _joined(graph, graph.node("Concat", *each, axis=0)) for each in zip(*last, strict=True)
    )
    if whole:
        return [graph.node("Concat", *sequences, axis=-1), state, cells]
    return [graph.node("Unsqueeze", state, _axes(graph, 0)), state, cells]


def _as_node(graph: Graph, activation: tuple[str, float, float]) -> Callable[[str], str]:
    operator, alpha, beta = activation
    if operator == "Affine":
        return lambda value: value
    parameters = {"alpha": alpha, "beta": beta} if operator == "HardSigmoid" else {}
    return lambda value: graph.node(operator, value, domain="", **parameters)


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
