"""An LSTM whose cells are clipped, which ONNX's are not: step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_delegates.coreml.graph import Graph

Array = NDArray[Any]
Activation = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class ClippedLstm:
    """One direction: weights `[4 * size, …]` and peepholes `[3 * size]`, gates in ONNX's order.

    `gate`, `cell` and `output` are the activations, `limit` what cells stay within.
    """

    features: Array
    hidden: Array
    bias: Array
    peephole: Array | None
    gate: Activation
    cell: Activation
    output: Activation
    limit: float

    def run(self, graph: Graph, x: str, state: str, cells: str, steps: int) -> tuple[str, str, str]:
        """Add all steps.

        Args:
            graph: where to.
            x: `[steps, batch, features]`.
            state: the state before the first step, `[1, batch, size]`.
            cells: the cells before it, likewise.
            steps: how many.

        Returns:
            The states of all steps, `[steps, batch, size]`, the last state, and the last cells.
        """
        product = graph.node("MatMul", x, graph.constant(self.features.T))
        inputs = graph.node("Add", product, graph.constant(self.bias))
        hidden = graph.constant(self.hidden.T)
        states = []
        for of_input in graph.nodes("Split", inputs, count=steps, axis=0, num_outputs=steps):
            gates = graph.node("Add", of_input, graph.node("MatMul", state, hidden))
            state, cells = self._step(graph, gates, cells)
            states.append(state)
        return graph.node("Concat", *states, axis=0), state, cells

    def _step(self, graph: Graph, gates: str, cells: str) -> tuple[str, str]:
        entry, exit_, forget, new = graph.nodes("Split", gates, count=4, axis=-1, num_outputs=4)
        entry = self.gate(self._seen(graph, entry, cells, 0))
        forget = self.gate(self._seen(graph, forget, cells, 2))
        kept = graph.node("Mul", forget, cells)
        cells = graph.node("Add", kept, graph.node("Mul", entry, self.cell(new)))
        limits = [graph.constant(limit) for limit in (-self.limit, self.limit)]
        cells = graph.node("Clip", cells, *limits)
        exit_ = self.gate(self._seen(graph, exit_, cells, 1))
        return graph.node("Mul", exit_, self.output(cells)), cells

    def _seen(self, graph: Graph, gate: str, cells: str, place: int) -> str:
        """A gate that sees the cells through its peephole."""
        if self.peephole is None:
            return gate
        weights = graph.constant(np.split(self.peephole, 3)[place])
        return graph.node("Add", gate, graph.node("Mul", cells, weights))
