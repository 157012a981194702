"""A benchmark held to an earlier one: what got slower, and which operators did it.

`comparison` decides about one artifact; here it is decided which can be compared at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from mobilekit.bench.comparison import (
    FAST,
    MOST_MOVED,
    TYPICAL,
    Change,
    Outcome,
    Series,
    change,
    outcome,
)
from mobilekit.bench.results import (
    Benchmark,
    BenchReport,
    Gate,
    GateStatus,
    Noise,
    OperatorTime,
)
from mobilekit_converters.errors import DataError

IDENTITY = ("processor", "cores", "system")
"""The keys of `BenchReport.machine` that tell machines apart."""

Turns = tuple[tuple[float, ...], ...]
"""Times of the reference workload, a tuple a turn."""

_SHOWN_OPERATORS = 5


def compare(
    baseline: BenchReport,
    current: BenchReport,
    *,
    size: float = 0.05,
    across_machines: bool = False,
    across_models: bool = False,
) -> tuple[Gate, ...]:
    """Return a gate for each artifact on each target of the baseline.

    One fails where it got slower by more than `size`, significantly; see `comparison.decide`. What
    the baseline has and this benchmark lacks is `not_run`, and what only this one has is no gate's
    business. Emulated times are left out on both sides.

    Args:
        baseline: the earlier benchmark.
        current: the one to judge.
        size: the slowdown that matters, as a share.
        across_machines: compare although they ran on different machines; `warnings` says what that
            is worth.
        across_models: compare although they are of different models.

    Raises:
        DataError: they are of different models or machines, or have nothing in common.
    """
    require_comparable(
        baseline, current, across_machines=across_machines, across_models=across_models
    )
    require_common(baseline, current)
    earlier = {(item.variant, item.target): item for item in baseline.benchmarks if _counts(item)}
    now = {(item.variant, item.target): item for item in current.benchmarks}
    pairs = [(key, item, now.get(key)) for key, item in earlier.items()]
    obstacles = {
        key: _obstacle(before, after, across_machines=across_machines)
        for key, before, after in pairs
    }
    comparisons = max(1, sum(not reason for reason in obstacles.values()))
    references = _references(baseline.noise, current.noise)
    return tuple(
        _not_run(key, size, obstacles[key])
        if after is None or obstacles[key]
        else _gate(before, after, references, size=size, comparisons=comparisons)
        for key, before, after in pairs
    )


def require_comparable(
    baseline: BenchReport,
    current: BenchReport,
    *,
    across_machines: bool = False,
    across_models: bool = False,
) -> None:
    """See, before anything is measured, that two benchmarks are of one model and one machine.

    Raises:
        DataError: they are not, and that was not allowed; the message says how they differ.
    """
    allowed = {"model": across_models, "machine": across_machines}
    for kind, difference in differences(baseline, current):
        if not allowed[kind]:
            raise DataError(
                f"The baseline is of another {kind}: {difference}. Compare with a benchmark of "
                f"this {kind}, or say --across-{kind}s to compare all the same."
            )


def require_common(baseline: BenchReport, current: BenchReport) -> None:
    """See that two benchmarks have an artifact on a real target in common.

    Raises:
        DataError: they have none, so that nothing can be compared.
    """
    earlier = {(item.variant, item.target) for item in baseline.benchmarks if _counts(item)}
    if not earlier & {(item.variant, item.target) for item in current.benchmarks}:
        raise DataError(
            "The baseline and this benchmark have no artifact on a real target in common, so there "
            f"is nothing to compare. The baseline has {_named(baseline)}; this one "
            f"{_named(current)}."
        )


def differences(baseline: BenchReport, current: BenchReport) -> Iterator[tuple[str, str]]:
    """Yield what makes two benchmarks those of another `model` or `machine`, and how."""
    if baseline.model != current.model:
        yield "model", f"it measured {baseline.model}, this is {current.model}"
    elif baseline.signature and current.signature and baseline.signature != current.signature:
        yield "model", f"its {baseline.model} is {baseline.signature}, this {current.signature}"
    for key in IDENTITY:
        before, after = baseline.machine.get(key), current.machine.get(key)
        if before is None or after is None:
            side = "it" if before is None else "this benchmark"
            yield "machine", f"{side} does not say its machine's {key}"
        elif before != after:
            yield "machine", f"its {key} is {before}, here it is {after}"


def warnings(baseline: BenchReport, current: BenchReport) -> tuple[str, ...]:
    """Return a sentence for all that makes a comparison worth less than its figures say."""
    found = [
        f"The baseline is of another {kind}: {difference}. Its times are compared because that was "
        "asked for; error rates are not known."
        for kind, difference in differences(baseline, current)
    ]
    if baseline.source_sha256 != current.source_sha256 and baseline.model == current.model:
        found.append(f"{current.model} was trained again, or changed, since the baseline.")
    if not _references(baseline.noise, current.noise)[0]:
        found.append(
            "The baseline and this benchmark have no reference workload in common, so a slower "
            "machine cannot be told from a slower artifact: only large regressions are found."
        )
    devices = sorted({item.target for item in current.benchmarks if not is_here(item)})
    if devices:
        found.append(
            f"No reference workload runs on {', '.join(devices)}: only large regressions are found "
            "there."
        )
    kept = {
        f"{item.variant} on {item.target}"
        for item in (*baseline.benchmarks, *current.benchmarks)
        if item.kept_from and is_here(item)
    }
    if kept:
        found.append(
            f"The reference workload did not run beside {', '.join(sorted(kept))}, measured in "
            "another run: only large regressions are found there."
        )
    return tuple(found)


def _counts(benchmark: Benchmark) -> bool:
    return benchmark.status == "measured" and not benchmark.emulated


def is_here(benchmark: Benchmark) -> bool:
    """Return whether it ran on this computer, as the reference workload did.

    Of a device on a cable or a network that knows nothing.
    """
    return ":" not in benchmark.target


def _obstacle(before: Benchmark, after: Benchmark | None, *, across_machines: bool) -> str:
    """Say why two measurements cannot be compared; empty where they can."""
    if after is None:
        return "The baseline measured it, this benchmark did not."
    if after.status != "measured":
        return after.reason or "It was not measured."
    if after.emulated:
        return "It is emulated now, and an emulator's time is not a device's."
    sides = [
        ("measured by", before.origin, after.origin),
        ("run with the threads", before.threads, after.threads),
        *(() if across_machines else (("run on", before.place, after.place),)),
    ]
    for what, earlier, now in sides:
        if earlier != now:
            return f"The baseline was {what} {earlier}, this {now}: times of those do not compare."
    return ""


def _references(before: Noise | None, after: Noise | None) -> tuple[Turns, Turns]:
    """Return both sides' rounds of the reference workload, or two times nothing."""
    if before is None or after is None or before.reference != after.reference:
        return (), ()
    return (
        (before.reference_rounds, after.reference_rounds)
        if before.reference_rounds and after.reference_rounds
        else ((), ())
    )


def _gate(
    before: Benchmark,
    after: Benchmark,
    references: tuple[Turns, Turns],
    *,
    size: float,
    comparisons: int,
) -> Gate:
    first, second = before.latency, after.latency
    if first is None or second is None or not first.rounds or not second.rounds:
        return _not_run(
            (before.variant, before.target), size, "Single runs are not known on both sides."
        )
    # The reference workload took its turns with those that were measured in the same run.
    together = is_here(after) and not (before.kept_from or after.kept_from)
    known = references if together else ((), ())
    series = Series(rounds=first.rounds, reference=known[0])
    other = Series(rounds=second.rounds, reference=known[1])
    fast, typical = change(series, other, FAST), change(series, other, TYPICAL)
    found = outcome(fast, typical, size=size, comparisons=comparisons)
    # What disturbed a measurement made its times longer.
    doubt = {"fail": after.disturbed, "pass": before.disturbed}.get(found, "")
    status: GateStatus = "undecided" if doubt else found
    return Gate(
        variant=after.variant,
        target=after.target,
        rule=_rule(size),
        status=status,
        measured=second.median_ms,
        bound=first.median_ms * (1 + size),
        reason=_doubted(found, fast, typical, doubt)
        if doubt
        else _reason(status, fast, typical, before.disturbed or after.disturbed),
        operators=_slower_operators(before, after) if status == "fail" else (),
    )


def _doubted(found: Outcome, fast: Change, typical: Change, disturbed: str) -> str:
    """Say why figures that are clear enough decide nothing."""
    side, answer = (
        ("this benchmark", "slower") if found == "fail" else ("the baseline", "no slower")
    )
    return (
        f"{_figures(fast, typical)}: {answer} by that, but the machine was disturbed in {side}, "
        f"which may be why. {disturbed} Measure on a quieter machine."
    )


def _figures(fast: Change, typical: Change) -> str:
    return f"Its fastest tenth of runs changed by {fast.sentence}, its median by {typical.sentence}"


def _reason(status: GateStatus, fast: Change, typical: Change, disturbed: str) -> str:
    figures = _figures(fast, typical)
    ending = f" The machine was disturbed: {disturbed}" if disturbed else ""
    if status != "undecided":
        return f"{figures}.{ending}"
    if math.isnan(fast.error):
        return f"{figures}: there are too few rounds to tell.{ending}"
    if abs(fast.machine) > math.log1p(MOST_MOVED):
        return f"{figures}: {_moved(fast)}, which is too much to compare across.{ending}"
    return f"{figures}: too noisy to tell. Measure longer, or on a quieter machine.{ending}"


def _moved(found: Change) -> str:
    share = 100 * math.expm1(abs(found.machine))
    return f"the machine itself was {share:.0f} % {'slower' if found.machine > 0 else 'faster'} now"


def _rule(size: float) -> str:
    return f"not slower than the baseline by more than {100 * size:g} %"


def _not_run(key: tuple[str, str], size: float, reason: str) -> Gate:
    variant, target = key
    return Gate(variant=variant, target=target, rule=_rule(size), status="not_run", reason=reason)


def _slower_operators(before: Benchmark, after: Benchmark) -> tuple[str, ...]:
    """Return the operators that took most of the slowdown, the worst first.

    Those that only one side has are named as well: a graph that was split otherwise is a reason.
    """
    earlier = {(item.name, item.operator): item for item in before.operators}
    now = {(item.name, item.operator): item for item in after.operators}
    if not earlier or not now:
        return ()
    added = {key: _added(earlier.get(key), now.get(key)) for key in {**now, **earlier}}
    total = sum(time for time in added.values() if time > 0)
    worst = sorted((key for key in added if added[key] > 0.1 * total), key=lambda key: -added[key])
    return tuple(
        _operator_words(key, earlier.get(key), now.get(key)) for key in worst[:_SHOWN_OPERATORS]
    )


def _added(before: OperatorTime | None, after: OperatorTime | None) -> float:
    return (after.median_ms if after else 0.0) - (before.median_ms if before else 0.0)


def _operator_words(
    key: tuple[str, str], before: OperatorTime | None, after: OperatorTime | None
) -> str:
    name, operator = key
    title = f"{name} ({operator})" if operator not in ("", name) else name
    times = [f"{item.median_ms:.3g} ms" if item else "nothing" for item in (before, after)]
    return f"{title}: {times[0]} to {times[1]}"


def _named(report: BenchReport) -> str:
    names = [f"{item.variant} on {item.target}" for item in report.benchmarks if _counts(item)]
    return ", ".join(names) or "nothing"
