"""Tells from the answers whether an accelerator computed them, or the CPU in its place.

An accelerator sums in another order or in another precision than the CPU, so what it computes
differs in the last bits at least. Answers that are the CPU's to the last bit come from the CPU,
unless nothing in the graph depends on order and precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.signature import Signature
from mobilekit_converters.tflite.flatbuffer import Model, Subgraph
from mobilekit_converters.tflite.read_back import DEFAULT_SIGNATURE
from mobilekit_delegates.targets.target import Execution, LocalSession, UnsupportedError

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays, Outputs

EXACT = frozenset(
    {
        # They move values.
        "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS",
        "GATHER", "GATHER_ND", "MIRROR_PAD", "PACK", "PAD", "PADV2", "RESHAPE",
        "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SLICE", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH",
        "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK",
        # They choose among values.
        "MAXIMUM", "MAX_POOL_2D", "MINIMUM", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6",
        "RELU_N1_TO_1", "SELECT", "SELECT_V2", "TOPK_V2", "WHERE",
        # IEEE 754 has one right answer to them, which Vulkan asks for too.
        "ABS", "ADD", "CAST", "CEIL", "FLOOR", "MUL", "NEG", "ROUND", "SIGN", "SUB",
    }
)  # fmt: skip
"""Operators to which there is one answer, whoever computes it in float32."""

LEAST_VALUES = 32
"""Fewer may agree by chance: of sums of four products 4 in 5 do, on a software device."""

EXACT_AS_FLOAT32_DB = 100.0
"""Above it answers agree as float32 does. Measured: 120 dB and more in float32, below 80 in fp16,
which itself rounds each answer to 11 bits, 73 dB."""


def computed_outputs(model: Model, signature: Signature) -> tuple[str, ...]:
    """Return the float outputs that some operator computes whose rounding depends on how it does.

    What is quantised on its way out has one of few values, which anybody may hit, and is none.
    """
    chosen = next(
        (known for known in model.signatures if known.key == DEFAULT_SIGNATURE),
        next(iter(model.signatures), None),
    )
    graph = model.subgraphs[chosen.subgraph if chosen else 0]
    outputs = chosen.outputs if chosen else {graph.tensors[i].name: i for i in graph.outputs}
    return tuple(
        spec.name
        for spec in signature.outputs
        if spec.name in outputs and _is_computed(graph, outputs[spec.name])
    )


def _is_computed(graph: Subgraph, output: int) -> bool:
    makers = {index: operator for operator in graph.operators for index in operator.outputs}
    waiting, seen = [output], set()
    while waiting:
        index = waiting.pop()
        if index in seen or index not in makers or graph.tensors[index].dtype != "float32":
            continue
        seen.add(index)
        maker = makers[index]
        if maker.name == "DEQUANTIZE":
            continue
        if maker.name not in EXACT:
            return True
        waiting += maker.inputs
    return False


class WatchedSession(LocalSession):
    """A session on an accelerator, with one on the CPU beside it to compare answers with."""

    def __init__(
        self,
        accelerated: LocalSession,
        cpu: LocalSession,
        *,
        accelerator: str,
        half: bool,
        computed: tuple[str, ...],
        execution: Execution,
    ) -> None:
        """Watch a session.

        Args:
            accelerated: the session to watch. It is closed with this one, as is `cpu`.
            cpu: the same artifact with the CPU's default kernels.
            accelerator: what it is, for messages.
            half: whether it is meant to compute in 16-bit floats.
            computed: the outputs to compare, of `computed_outputs`.
            execution: what is known before anything has run.
        """
        self._accelerated = accelerated
        self._cpu = cpu
        self._accelerator = accelerator
        self._half = half
        self._computed = computed
        self.execution = execution

    def run(self, inputs: Arrays) -> Outputs:
        """Run one batch, without a comparison: few values may agree by chance."""
        return self._accelerated.run(inputs)

    def run_all(self, batches: Sequence[Arrays]) -> list[Outputs]:
        """Run batches, one after another.

        Raises:
            UnsupportedError: every computed answer is the CPU's to the last bit.
        """
        answers = self._accelerated.run_all(batches)
        if answers:
            self._compare(answers, self._cpu.run_all(batches))
        return answers

    def _compare(self, answers: list[Outputs], references: list[Outputs]) -> None:
        names = self._computed or tuple(answers[0])
        pairs = [(_joined(answers, name), _joined(references, name)) for name in names]
        identical = all(found.tobytes() == expected.tobytes() for found, expected in pairs)
        values = sum(found.size for found, _ in pairs)
        if identical and self._computed and values >= LEAST_VALUES:
            raise UnsupportedError(
                f"All {values:,} values are bit-identical to those of the CPU's default kernels: "
                f"these answered in the place of {self._accelerator}, and nothing was checked."
            )
        if identical:
            self.note(
                "The answers are bit-identical to those of the CPU's default kernels, as they may "
                "be where they are quantised, need no rounding, or are few: they do not show that "
                f"{self._accelerator} computed them."
            )
        elif self._half and self._computed and all(_agree_as_float32(*pair) for pair in pairs):
            self.note("Arithmetic in 16-bit floats was not exercised: no rounding to them shows.")

    def close(self) -> None:
        """Free both sessions."""
        self._accelerated.close()
        self._cpu.close()


def _joined(outputs: Sequence[Outputs], name: str) -> NDArray[np.generic]:
    return np.stack([batch[name] for batch in outputs])


def _agree_as_float32(found: NDArray[np.generic], expected: NDArray[np.generic]) -> bool:
    reference = expected.astype(np.float64)
    error = float(np.square(found.astype(np.float64) - reference).sum())
    return error < float(np.square(reference).sum()) * 10 ** (-EXACT_AS_FLOAT32_DB / 10)
