"""The times of single operators, where a target's runtime offers them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mobilekit.bench.measuring.turn import golden_batches, pin_here
from mobilekit.bench.notes import NO_OPERATORS
from mobilekit.bench.results import Benchmark, OperatorTime
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import UnsupportedError
from mobilekit_delegates.targets import target
from mobilekit_delegates.targets.timed import TimingPlan

MOST_APART = 1.5
"""By what factor the operators' times may add up to another time than a run takes. A profiler slows
a run down, and what is between operators is in no operator's time."""


def profile_artifact(
    artifact: Artifact, name: str, golden: Path, plan: TimingPlan
) -> tuple[OperatorTime, ...]:
    """Return an artifact's operators on a target, in running order.

    Raises:
        UnsupportedError: the target's runtime does not tell.
    """
    from mobilekit_delegates.profiling.litert_profile import ProfiledTarget

    place = target(name)
    if not isinstance(place, ProfiledTarget):
        raise UnsupportedError(f"{name} offers none")
    pin_here(plan.affinity)
    found = place.profile_artifact(artifact, golden_batches(artifact, golden), plan)
    total = sum(item.milliseconds for item in found)
    return tuple(
        OperatorTime(
            name=f"#{item.place}",
            operator=item.operator,
            median_ms=item.milliseconds,
            share=item.milliseconds / total if total else 0.0,
        )
        for item in found
    )


def with_operators(found: Benchmark, operators: tuple[OperatorTime, ...]) -> Benchmark:
    """Return a benchmark with its operators, if what they add up to is what a run took."""
    total = sum(item.median_ms for item in operators)
    run = found.latency.median_ms if found.latency else 0.0
    if run / MOST_APART <= total <= run * MOST_APART:
        return replace(found, operators=operators)
    note = (
        f"{NO_OPERATORS}they add up to {total:.3g} ms in the profile, and a run took {run:.3g} ms."
    )
    return replace(found, notes=(*found.notes, note))
