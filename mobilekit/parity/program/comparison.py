"""Holds an artifact's program against that of the same model in a finer precision."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mobilekit.parity.budgets import PROGRAM, Budget, violations
from mobilekit.parity.program.program import Operator, Program, Reals, Weights, program_of
from mobilekit.results import Check
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import MobilekitError
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.targets import UnsupportedError

LEAST_CHANNEL = 0.3
"""Channels smaller than this share of their layer's root mean square are judged as if they had it:
what rounds to nothing beside the others does nothing beside them."""

LEAST_WEIGHT = 2.0**-25
"""Half of float16's smallest step. No precision keeps less: TensorFlow's converter, too, takes no
scale for int8 weights below 2^-28."""

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What two programs differ in, beside how they store numbers.

    `differences` are clauses. `weight_error` is the largest relative error of the weights of one
    output channel, and None where there are no weights. `worst` names its operator.
    """

    differences: tuple[str, ...]
    weight_error: float | None
    worst: str


def exact_variant(name: str) -> str | None:
    """Return the variant whose program a variant's has to be, or None for those held to no other.

    Of TFLite that is `tflite-fp32`, which its outputs hold to the source within 80 dB; of Core ML
    the parent, from which the variant is made.
    """
    row = VARIANTS[name]
    if row.format == "tflite":
        return None if row.precision == "fp32" else "tflite-fp32"
    return row.parent


def check_program(artifact: Artifact, exact: Artifact, budget: Budget) -> Check:
    """Check that an artifact is the program of `exact`, in its own precision.

    The reference of outputs is always the source. This check is about what outputs cannot show: a
    fault that is smaller than the precision's own noise, or makes up for a part of it.

    Args:
        artifact: what to check.
        exact: the same model in the precision that `exact_variant` names.
        budget: bounds `weight_error`.

    Returns:
        `not_run` where one of them cannot be read, or their operators cannot be paired.
    """
    started = time.perf_counter()
    check = Check(target=PROGRAM, status="not_run", budget=dict(budget.bounds))
    try:
        comparison = compare_programs(program_of(artifact), program_of(exact), exact.variant)
    except UnsupportedError as error:
        return replace(check, reason=str(error))
    except MobilekitError as error:
        return replace(check, status="fail", reason=str(error))
    metrics = {} if comparison.weight_error is None else {"weight_error": comparison.weight_error}
    found = [
        *comparison.differences[:_SHOWN],
        *(f"{clause}, in {comparison.worst}" for clause in violations(budget, metrics)),
    ]
    more = len(comparison.differences) - _SHOWN
    if more > 0:
        found.append(f"and {more} more")
    return replace(
        check,
        status="fail" if found else "pass",
        reason=f"Not the program of {exact.variant}: {'; '.join(found)}." if found else "",
        metrics=metrics,
        seconds=time.perf_counter() - started,
    )


def compare_programs(program: Program, exact: Program, name: str) -> Comparison:
    """Compare two programs, operator by operator.

    Args:
        program: of the artifact.
        exact: of the other, which `name` names.

    Raises:
        UnsupportedError: they do not have as many operators, and not as many with weights either:
            the converter took another way, and nothing can be said.
    """
    differences: list[str] = []
    if len(program) == len(exact):
        for ours, theirs in zip(program, exact, strict=True):
            differences += _differences(ours, theirs, name)
    pairs = list(_with_weights(program, exact, name))
    # Half a step of rounding cannot be told from a wrong weight where shapes already differ.
    errors = [
        (_error(ours.weights[key], theirs.weights[key]), f"the {ours.kind} {ours.result!r}")
        for ours, theirs in pairs
        for key in ours.weights
        if key in theirs.weights
        and ours.weights[key].values.shape == theirs.weights[key].values.shape
    ]
    error, worst = max(errors, default=(None, ""), key=lambda pair: pair[0])
    return Comparison(differences=tuple(differences), weight_error=error, worst=worst)


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
    place = f"the {ours.kind} {ours.result!r}"
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
