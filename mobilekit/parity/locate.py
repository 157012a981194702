"""Where an artifact goes wrong: the first layer whose output leaves what it may lose.

The artifact runs with all its intermediate tensors kept; each is held against the source's tensor
of the same name. A layer answers for what it loses itself, not for what was lost before it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.batches import batch_size
from mobilekit.parity.budgets import Budget
from mobilekit.parity.golden import Golden, load, read_golden
from mobilekit.parity.locate_causes import LIMITS, Evidence, likely_cause, odd_channel
from mobilekit.parity.locate_match import Match, aligned, count_tensors, match
from mobilekit.parity.locate_source import SourceGraph, layer_names
from mobilekit.parity.metrics import DB_CAP, IncomparableError, tensor_metrics
from mobilekit.results import Drift, LayerDrift
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import TargetError, ToolMissingError
from mobilekit_converters.frozen import load_frozen
from mobilekit_converters.signature import Signature
from mobilekit_delegates.targets import UnsupportedError, target
from mobilekit_delegates.tracing import Intermediate, trace

MOST_LOSS = 15.0
"""What a layer may lose of the SNR that reaches it, in dB.

Measured on clean artifacts of five models in five precisions: at most 14 dB, where a softmax turns
small differences of large scores into shares.
"""

MOST_ODD_LOSS = 6.0
"""The same, in dB, where one of 16 channels or more carries two thirds of a layer's error.

In the clean artifacts none carries more than half: rounding is spread over all.
"""

INNER_SLACK = 10.0
"""How far below the budget of the outputs an inner layer may lie, in dB: clean artifacts of a
MobileNetV2 lie 7 dB lower inside than the least that their outputs must have."""

_GOOD_ENOUGH = {
    "fp32": 90.0,
    "fp16": 45.0,
    "dynamic": 30.0,
    "int8": 25.0,
    "int16x8": 25.0,
    "w8": 30.0,
    "w8a8": 22.0,
    "palette8": 30.0,
    "palette6": 20.0,
    "palette4": 10.0,
}
"""SNR in dB that no layer has to exceed, by precision: its rounding alone costs so much.

Measured as above: the first layer that a precision rounds shows 124, 55, 34, 31 and 33 dB at worst
for the first five. The rest follows from their bits: 6 dB each, less for a palette of few values.
"""

_GOOD_ENOUGH_ELSEWHERE = 20.0

# As a budget grows less strict with a target, such as a GPU that computes in float16, so does the
# above: on `cpu` every row lies at most this many dB over the precision's budget.
_OVER_BUDGET = 13.0

# TensorFlow's operators of one input that an artifact may have fused into the one before.
_ACTIVATIONS = (
    *LIMITS, "Elu", "LeakyRelu", "Selu", "Sigmoid", "Softmax", "Softplus", "Softsign", "Tanh",
)  # fmt: skip

_INTEGERS = ("int8", "int16x8", "w8a8")

_MOST_SAMPLES = 32

# How many numbers of the source's graph are held at once.
_MOST_VALUES = 100_000_000


@dataclass(frozen=True, kw_only=True)
class LocateRequest:
    """What to look at.

    `frozen` is the folder of the frozen source; `source` is the model itself, whose configuration
    names its layers. `golden` is a file that `Golden.save` wrote, or the folder `golden` of a
    release.
    """

    artifact: Artifact
    target: str
    golden: Path
    frozen: Path
    budget: Budget
    source: Path | None = None


def locate(request: LocateRequest) -> Drift:
    """Compare every layer and name the first that is out of bounds, and what is wrong there.

    Where the target cannot be traced, a TFLite file is looked at on `cpu` instead, and the
    sentence says so.

    Raises:
        DataError: the golden cannot be read.
        TargetError: the artifact does not run.
        ToolMissingError: the target cannot be reached.
        UnsupportedError: the target cannot be traced.
    """
    missing = target(request.target).missing()
    if missing is not None:
        raise ToolMissingError(f"{request.target}: {missing}")
    names = layer_names(request.source) if request.source else ()
    source = SourceGraph(load_frozen(request.frozen), names)
    golden = load(request.golden) if request.golden.is_file() else read_golden(request.golden)
    few = golden.spread(max(1, min(_MOST_SAMPLES, _MOST_VALUES // source.size)))
    batches = _batches(request.artifact.signature, few)
    traced, remark = _traced(request, batches)
    matches = match(traced, source)
    comparison = _Comparison(request, source, batches, matches)
    return comparison.drift(count_tensors(traced, matches), remark)


def _traced(
    request: LocateRequest, batches: Sequence[Mapping[str, NDArray[np.generic]]]
) -> tuple[list[Intermediate], str]:
    """Trace on the target, or on `cpu`, and say so."""
    try:
        return trace(request.artifact, batches, request.target), ""
    except (TargetError, UnsupportedError) as error:
        if request.target == "cpu" or request.artifact.path.suffix != ".tflite":
            raise
        why = str(error).splitlines()[0].rstrip(".")
        return (
            trace(request.artifact, batches, "cpu"),
            f"Looked at on cpu, because {request.target} could not show its layers ({why}). ",
        )


def _batches(signature: Signature, golden: Golden) -> list[dict[str, NDArray[np.generic]]]:
    """Cut the golden's samples into the artifact's batches; a rest is filled up with the first."""
    size = batch_size(signature)
    count = len(golden)
    rows = [np.arange(start, start + size) % count for start in range(0, count, size)]
    return [
        {
            spec.name: np.ascontiguousarray(golden.inputs[spec.name][which]).reshape(spec.shape)
            for spec in signature.inputs
        }
        for which in rows
    ]


@dataclass(frozen=True, kw_only=True)
class _Loss:
    """What SNR reaches a layer, the least of what it reads, and how much of it may be lost, in dB.

    What reads the inputs alone is reached by the cap.
    """

    reaching: float
    allowed: float

    @property
    def least(self) -> float:
        """The least SNR with which the layer is not to blame."""
        return self.reaching - self.allowed


class _Comparison:
    """Matched tensors, held against each other in running order."""

    def __init__(
        self,
        request: LocateRequest,
        source: SourceGraph,
        batches: Sequence[Mapping[str, NDArray[np.generic]]],
        matches: Sequence[Match],
    ) -> None:
        self._request = request
        self._source = source
        self._batches = batches
        self._matches = matches
        self._expected = source.values([item.node.name for item in matches], batches)
        self._precision = request.artifact.variant.partition("-")[2]

    def drift(self, tensors: int, remark: str) -> Drift:
        """Return what was found; `remark` stands before the sentence."""
        layers: list[LayerDrift] = []
        losses: list[_Loss] = []
        known: dict[str, float] = {}
        for item in self._matches:
            actual, expected = self._actual(item), self._expected[item.node.name]
            snr, largest = _difference(actual, expected)
            reaching = min(
                (known[name] for name in self._source.feeding(item.node, known)), default=DB_CAP
            )
            odd = odd_channel(actual, expected) is not None
            loss = _Loss(reaching=reaching, allowed=MOST_ODD_LOSS if odd else MOST_LOSS)
            known[item.node.name] = snr
            losses.append(loss)
            layers.append(
                LayerDrift(
                    layer=item.layer,
                    operator=item.operator,
                    snr_db=snr,
                    max_abs=largest,
                    bound=self._bound(item, loss),
                )
            )
        first = next((i for i, layer in enumerate(layers) if layer.snr_db < layer.bound), None)
        if first is None:
            sentence = _nothing(layers)
        elif layers[first].snr_db >= losses[first].least:
            sentence = _gradual(layers[: first + 1])
        else:
            reach = losses[first].reaching
            came = "" if reach >= DB_CAP else f", and {reach:.1f} dB reach it"
            cause = self._cause(self._matches[first])
            sentence = f"{_place(layers[first])}{came}. Likely cause: {cause}."
        return Drift(layers=tuple(layers), tensors=tensors, first=first, sentence=remark + sentence)

    def _actual(self, item: Match) -> NDArray[np.float32]:
        return aligned(item.tensor.values, self._expected[item.node.name])

    def _bound(self, item: Match, loss: _Loss) -> float:
        """Return the least SNR in dB that a layer may have."""
        budget = self._request.budget.bounds.get("snr_db", -DB_CAP)
        slack = 0.0 if item.tensor.output else INNER_SLACK
        good_enough = _GOOD_ENOUGH.get(self._precision, _GOOD_ENOUGH_ELSEWHERE)
        if budget > -DB_CAP:
            good_enough = min(good_enough, budget + _OVER_BUDGET)
        return max(budget - slack, min(good_enough, loss.least))

    def _cause(self, item: Match) -> str:
        reads_input = any(
            node.operator == "Placeholder"
            for node in self._source.behind(item.node, set(self._expected) - {item.node.name})
        )

        def with_inputs(
            change: Callable[[NDArray[np.generic]], NDArray[np.generic]],
        ) -> NDArray[np.float32]:
            changed = [
                {name: change(values) for name, values in batch.items()} for batch in self._batches
            ]
            return self._source.values([item.node.name], changed)[item.node.name]

        expected = self._expected[item.node.name]
        activation = item.node.operator if item.node.operator in _ACTIVATIONS else ""
        before = item.node.inputs[0] if activation else item.node.name
        return likely_cause(
            Evidence(
                actual=self._actual(item),
                expected=expected,
                unactivated=self._source.values([before], self._batches)[before],
                activation=activation,
                quantised=self._precision in _INTEGERS,
                with_inputs=with_inputs if reads_input else None,
            )
        )


def _difference(actual: NDArray[np.float32], expected: NDArray[np.float32]) -> tuple[float, float]:
    """Return the SNR in dB and the largest absolute error; the worst of each for NaN and Inf."""
    try:
        metrics = tensor_metrics(actual, expected)
    except IncomparableError:
        return -DB_CAP, math.inf
    return metrics["snr_db"], metrics["max_abs"]


def _place(layer: LayerDrift) -> str:
    return (
        f"{layer.layer} ({layer.operator}): SNR {layer.snr_db:.1f} dB, below {layer.bound:.1f} dB"
    )


def _nothing(layers: Sequence[LayerDrift]) -> str:
    if not layers:
        return "No tensor of the artifact carries the name of one of the source's."
    least = min(layers, key=lambda layer: layer.snr_db)
    return (
        f"No layer leaves its bounds; the lowest SNR is {least.snr_db:.1f} dB, at "
        f"{least.layer} ({least.operator})."
    )


def _gradual(layers: Sequence[LayerDrift]) -> str:
    """Say of layers, up to the first that is out of bounds, that none is to blame alone."""
    steps = [(a.snr_db - b.snr_db, b) for a, b in itertools.pairwise(layers)]
    loss, worst = max(steps, key=lambda step: step[0], default=(0.0, layers[0]))
    return (
        f"{_place(layers[-1])}. Likely cause: no single layer; drift grows gradually from "
        f"{layers[0].snr_db:.1f} dB at {layers[0].layer}, most at {worst.layer} ({loss:.1f} dB)."
    )
