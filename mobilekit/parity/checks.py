"""One artifact on one target against the golden. Runs in a worker process."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.batches import predict_samples
from mobilekit.parity.budgets import Budget, violations
from mobilekit.parity.golden import Golden, load, read_golden
from mobilekit.parity.metrics import (
    METRICS,
    IncomparableError,
    accuracy_metrics,
    agreement_metrics,
    error_histogram,
    tensor_metrics,
)
from mobilekit.results import Check, Histogram
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, TargetError
from mobilekit_converters.signature import TensorSpec
from mobilekit_converters.variants import Format
from mobilekit_delegates.quantised_values import dequantise
from mobilekit_delegates.targets import UnsupportedError, target

HOME: dict[Format, str] = {"tflite": "cpu", "coreml": "coreml"}
"""Where an artifact of a format is checked when none of the named targets takes it."""


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """What to check.

    `golden` is a file that `Golden.save` wrote, or the folder `golden` of a release.
    """

    artifact: Artifact
    target: str
    golden: Path
    budget: Budget


def targets_for(format: Format, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of the named targets that artifacts of a format are checked on.

    Every artifact gets a check, if only one that says that it did not run.
    """
    fitting = tuple(name for name in dict.fromkeys(names) if format in target(name).info.formats)
    return fitting or (HOME[format],)


def run_check(request: CheckRequest) -> Check:
    """Run the artifact on the golden's inputs and hold its outputs against the source's.

    What the target or the artifact does wrong becomes the check's status and reason. A crash of
    the target's native code ends the process: call this in one of its own.

    Raises:
        DataError: the golden cannot be read, or is another model's.
        ProjectError: there is no such target.
    """
    started = time.perf_counter()
    check = Check(target=request.target, status="not_run", budget=dict(request.budget.bounds))
    place = target(request.target)
    missing = place.missing()
    if missing is not None:
        return replace(check, reason=str(missing))

    golden = load(request.golden) if request.golden.is_file() else read_golden(request.golden)
    _require_same_names(request.artifact, golden)
    golden = golden.spread(place.info.most_samples or len(golden))
    check = replace(check, samples=len(golden), emulated=place.info.emulated)
    try:
        with place.open(request.artifact) as session:
            outputs = predict_samples(session.run_all, request.artifact.signature, golden.inputs)
            check = replace(check, execution=session.execution)
        check = compare(check, request.artifact, outputs, golden, request.budget)
    except UnsupportedError as error:
        check = replace(check, reason=str(error))
    except (TargetError, DataError, IncomparableError) as error:
        check = replace(check, status="fail", reason=str(error))
    return replace(check, seconds=time.perf_counter() - started)


def compare(
    check: Check,
    artifact: Artifact,
    outputs: dict[str, NDArray[np.generic]],
    golden: Golden,
    budget: Budget,
) -> Check:
    """Fill a check with the metrics of outputs and the verdict on them.

    Raises:
        IncomparableError: an output cannot be compared at all.
    """
    by_output: dict[str, dict[str, float]] = {}
    errors: dict[str, Histogram] = {}
    task: dict[str, float] = {}
    classified = [name for name, kind in golden.tasks.items() if kind == "classification"]
    for spec in artifact.signature.outputs:
        name, output = spec.name, outputs[spec.name]
        reference = _reference(golden.outputs[name], spec)
        try:
            by_output[name] = tensor_metrics(output, reference)
            errors[name] = error_histogram(output, reference)
            if name in classified:
                by_output[name].update(agreement_metrics(output, reference))
            # Labels belong to a classification; with several, nothing says to which.
            if [name] == classified and golden.labels is not None:
                task.update(accuracy_metrics(output, reference, golden.labels))
        except IncomparableError as error:
            raise IncomparableError(f"Output {name!r} cannot be compared: {error}.") from error
    metrics = {**_worst(by_output), **task}
    held = {
        name: bound
        for name, bound in budget.bounds.items()
        if METRICS[name].gate in metrics or name in budget.asked
    }
    check = replace(check, metrics=metrics, outputs=by_output, errors=errors, budget=held)
    if not held:
        return replace(check, status="not_run", reason=_nothing_held(artifact.variant))
    found = violations(budget, metrics)
    return replace(
        check,
        status="fail" if found else "pass",
        reason=f"Out of budget: {'; '.join(found)}." if found else "",
    )


def _nothing_held(variant: str) -> str:
    return (
        f"It ran, and no bound applies to what it gave. Give one, such as snr_db, in "
        f"[budgets.{variant}]."
    )


def _reference(values: NDArray[np.generic], spec: TensorSpec) -> NDArray[np.generic]:
    """Return the source's output in real units: a source may itself be quantised."""
    if spec.quantisation is not None and values.dtype.name == spec.dtype:
        return dequantise(values, spec.quantisation)
    return values


def _worst(by_output: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the worst value of each metric over all outputs; an interval goes with its share."""
    worst: dict[str, float] = {}
    for name, metric in METRICS.items():
        having = [metrics for metrics in by_output.values() if name in metrics]
        if not having:
            continue
        choose = min if metric.better == "higher" else max
        chosen = choose(having, key=lambda metrics: metrics[name])
        worst.update(
            {
                key: value
                for key, value in chosen.items()
                if key in (name, f"{name}_low", f"{name}_high")
            }
        )
    return worst


def _require_same_names(artifact: Artifact, golden: Golden) -> None:
    for kind, specs, arrays in (
        ("inputs", artifact.signature.inputs, golden.inputs),
        ("outputs", artifact.signature.outputs, golden.outputs),
    ):
        names = [spec.name for spec in specs]
        if sorted(names) != sorted(arrays):
            raise DataError(
                f"The golden is another model's: it has the {kind} {', '.join(arrays)}, and "
                f"{artifact.path.name} has {', '.join(names)}."
            )
