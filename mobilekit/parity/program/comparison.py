"""Holds an artifact's program against that of the same model in a finer precision."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.batches import batch_size
from mobilekit.parity.budgets import PROGRAM, Budget, violations
from mobilekit.parity.checks import HOME
from mobilekit.parity.golden import load, read_golden
from mobilekit.parity.metrics import decibels
from mobilekit.parity.program.program import Operator, Program, Reals, Weights, program_of
from mobilekit.results import Check
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import MobilekitError
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.targets import UnsupportedError
from mobilekit_delegates.tracing import trace

Values = NDArray[np.floating[Any]]

LEAST_CHANNEL = 0.3
"""Channels smaller than this share of their layer's root mean square are judged as if they had it:
what rounds to nothing beside the others does nothing beside them."""

MOST_WEIGHT = 65504.0
"""The largest number of float16. What is larger stands for infinity (a mask, a guard against zero)
and each precision has its own."""

LEAST_WEIGHT = 2.0**-25
"""Half of float16's smallest step. No precision keeps less: TensorFlow's converter, too, takes no
scale for int8 weights below 2^-28."""

RANGE_SAMPLES = 4
"""How many of the golden's samples tell what activations there are: all of a model's are kept."""

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What two programs differ in, beside how they store numbers.

    `differences` are clauses. Where the operators cannot be `paired`, because there are more or
    fewer, only those with weights were compared. `metrics` are `weight_error`, the largest relative
    error of the weights of one output channel, and `range_snr_db`, what the narrowest range of
    integers leaves of an operator's results; each where there is something to compute it from.
    `worst` names the operator that each comes from.
    """

    differences: tuple[str, ...]
    paired: bool
    metrics: Mapping[str, float]
    worst: Mapping[str, str]


def exact_variant(name: str) -> str | None:
    """Return the variant whose program a variant's has to be, or None for those held to no other.

    Of TFLite that is `tflite-fp32`, which its outputs hold to the source within 80 dB; of Core ML
    the parent, from which the variant is made.
    """
    row = VARIANTS[name]
    if row.format == "tflite":
        return None if row.precision == "fp32" else "tflite-fp32"
    return row.parent


def check_program(
    artifact: Artifact, exact: Artifact, budget: Budget, golden: Path | None = None
) -> Check:
    """Check that an artifact is the program of `exact`, in its own precision.

    The reference of outputs is always the source. This check is about what outputs cannot show: a
    fault that is smaller than the precision's own noise, or makes up for a part of it.

    Args:
        artifact: what to check.
        exact: the same model in the precision that `exact_variant` names.
        budget: bounds `weight_error` and `range_snr_db`.
        golden: what `Golden.save` wrote, or the folder `golden` of a release; without it ranges are
            not looked at.

    Returns:
        `not_run` where one of them cannot be read, or their operators cannot be paired.
    """
    started = time.perf_counter()
    check = Check(target=PROGRAM, status="not_run", budget=dict(budget.bounds))
    try:
        comparison = _compare(artifact, exact, golden)
    except UnsupportedError as error:
        return replace(check, reason=str(error))
    except MobilekitError as error:
        return replace(check, status="fail", reason=str(error))
    metrics = dict(comparison.metrics)
    held = {
        name: bound
        for name, bound in budget.bounds.items()
        if name in metrics or name in budget.asked
    }
    clauses = list(comparison.differences[:_SHOWN])
    more = len(comparison.differences) - _SHOWN
    if more > 0:
        clauses.append(f"and {more} more")
    for name, bound in held.items():
        for clause in violations(Budget(bounds={name: bound}, asked=(name,)), metrics):
            clauses.append(f"{clause}, in {comparison.worst.get(name, 'all of it')}")
    check = replace(check, metrics=metrics, budget=held, seconds=time.perf_counter() - started)
    if clauses:
        reason = f"Not the program of {exact.variant}: {'; '.join(clauses)}."
        return replace(check, status="fail", reason=reason)
    if not comparison.paired:
        return replace(check, reason=_only_weights(exact.variant))
    return replace(check, status="pass")


def _only_weights(exact: str) -> str:
    return (
        f"It has more or fewer operators than {exact}, so that only weights could be compared: "
        "they are right."
    )


def _compare(artifact: Artifact, exact: Artifact, golden: Path | None) -> Comparison:
    program, other = program_of(artifact), program_of(exact)
    stored_as_integers = any(operator.range for operator in program)
    results = _results(exact, golden) if golden and stored_as_integers else {}
    comparison = compare_programs(program, other, exact.variant, results)
    if comparison.paired or exact_variant(artifact.variant) != VARIANTS[artifact.variant].parent:
        return comparison
    # What is made from the other's own file has no reason to be longer or shorter.
    lengths = f"it has {len(program)} operators, and {len(other)} in {exact.variant}"
    return replace(comparison, differences=(lengths, *comparison.differences))


def _results(exact: Artifact, golden: Path) -> dict[str, Values]:
    """Return what each operator of an artifact gives for some samples, by its result's name."""
    whole = load(golden) if golden.is_file() else read_golden(golden)
    few, size = whole.spread(RANGE_SAMPLES), batch_size(exact.signature)
    batches = [
        {
            spec.name: np.take(
                few.inputs[spec.name], range(start, start + size), 0, mode="wrap"
            ).reshape(spec.shape)
            for spec in exact.signature.inputs
        }
        for start in range(0, len(few), size)
    ]
    found = trace(exact, batches, HOME[VARIANTS[exact.variant].format])
    return {result.name: result.values for result in found}


def compare_programs(
    program: Program, exact: Program, name: str, results: Mapping[str, Values] | None = None
) -> Comparison:
    """Compare two programs, operator by operator.

    Args:
        program: of the artifact.
        exact: of the other, which `name` names.
        results: what operators of `exact` give, by the name of their result.

    Raises:
        UnsupportedError: they do not have as many operators, and not as many with weights either:
            the converter took another way, and nothing can be said.
    """
    differences: list[str] = []
    ranges: list[tuple[float, str]] = []
    if len(program) == len(exact):
        for ours, theirs in zip(program, exact, strict=True):
            differences += _differences(ours, theirs, name)
            values = (results or {}).get(theirs.result)
            if ours.range is not None and values is not None:
                ranges.append((_range_snr_db(ours.range, values), _place(ours)))
    errors = [
        (_error(ours.weights[key], theirs.weights[key]), _place(ours))
        for ours, theirs in _with_weights(program, exact, name)
        for key in ours.weights
        if key in theirs.weights and _comparable(ours.weights[key], theirs.weights[key])
    ]
    worst = {
        **({"weight_error": max(errors)} if errors else {}),
        **({"range_snr_db": min(ranges)} if ranges else {}),
    }
    return Comparison(
        differences=tuple(differences),
        paired=len(program) == len(exact),
        metrics={metric: value for metric, (value, _) in worst.items()},
        worst={metric: place for metric, (_, place) in worst.items()},
    )


def _place(operator: Operator) -> str:
    return f"the {operator.kind} {operator.result!r}"


def _comparable(ours: Weights, theirs: Weights) -> bool:
    """Whether weights have one shape, which `_differences` sees to, and are weights at all."""
    same = ours.values.shape == theirs.values.shape
    return same and not (np.abs(theirs.values) > MOST_WEIGHT).any()


def _range_snr_db(bounds: tuple[float, float], found: Values) -> float:
    """Return the SNR of numbers of which those outside of a range are moved to its edge."""
    values = found.astype(np.float64)
    cut = values - np.clip(values, *bounds)
    return decibels(float(np.mean(np.square(values))), float(np.mean(np.square(cut))))


def _with_weights(
    program: Program, exact: Program, name: str
) -> Iterator[tuple[Operator, Operator]]:
    ours = [operator for operator in program if operator.weights]
    theirs = [operator for operator in exact if operator.weights]
    if [operator.kind for operator in ours] == [operator.kind for operator in theirs]:
        yield from zip(ours, theirs, strict=True)
    elif len(program) != len(exact):
        raise UnsupportedError(
            f"It has {len(program)} operators, {len(ours)} of them with weights, and {name} "
            f"{len(exact)}, {len(theirs)} with weights: the converter took another way, so that "
            "they cannot be compared one by one."
        )


def _differences(ours: Operator, theirs: Operator, name: str) -> Iterator[str]:
    place = _place(ours)
    if ours.kind != theirs.kind:
        yield f"{place} is a {theirs.kind} in {name}"
        return
    if ours.sources != theirs.sources:
        yield f"{place} reads {_words(ours.sources)}, and {_words(theirs.sources)} in {name}"
    for key in sorted({*ours.options, *theirs.options}):
        if ours.options.get(key) != theirs.options.get(key):
            yield (
                f"{place} has {key} {ours.options.get(key)}, and {theirs.options.get(key)} in "
                f"{name}"
            )
    for key in sorted({*ours.weights, *theirs.weights}):
        shapes = [
            side.weights[key].values.shape if key in side.weights else None
            for side in (ours, theirs)
        ]
        if shapes[0] != shapes[1]:
            yield f"{place} has weights {key} of shape {shapes[0]}, and {shapes[1]} in {name}"


def _words(sources: tuple[int | str, ...]) -> str:
    return ", ".join(
        f"operator {source + 1}" if isinstance(source, int) else source for source in sources
    )


def _error(ours: Weights, theirs: Weights) -> float:
    """Return the largest relative error of an output channel; infinity for NaN and Inf."""
    mine, exact = _by_channel(ours), _by_channel(theirs)
    if not np.isfinite(mine).all() or not np.isfinite(exact).all():
        return float("inf")
    lengths = np.sqrt(np.square(exact).sum(axis=1))
    least = LEAST_CHANNEL * float(np.sqrt(np.mean(np.square(lengths))))
    differences = np.abs(mine - exact)
    if ours.step is not None:
        differences = np.maximum(differences - _by_channel(replace(ours, values=_half(ours))), 0)
    distances = np.sqrt(np.square(differences * (differences > LEAST_WEIGHT)).sum(axis=1))
    if not distances.any():
        return 0.0
    return float((distances / np.maximum(lengths, least or 1.0)).max())


def _half(weights: Weights) -> Reals:
    """Return what rounding to the nearest step may move each value by."""
    assert weights.step is not None
    return np.broadcast_to(weights.step / 2, weights.values.shape)


def _by_channel(weights: Weights) -> Reals:
    if weights.axis is None:
        return weights.values.reshape(1, -1)
    channels = weights.values.shape[weights.axis]
    return np.moveaxis(weights.values, weights.axis, 0).reshape(channels, -1)
