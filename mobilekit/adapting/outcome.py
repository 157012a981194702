"""What adaptations came to, put together for the report, and what of it fails a build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mobilekit.adapting.measuring import (
    AFTER,
    BEFORE,
    Subject,
    check_step,
    count_step,
    subjects,
)
from mobilekit.report.formats import plural
from mobilekit.results import AdaptationResult, Adaptations, Check, NodesTaken
from mobilekit.steps import ADAPT, Planner
from mobilekit_converters.adaptations.adaptation import AdaptedModel
from mobilekit_converters.adaptations.table import ADAPTATIONS


def adaptations(
    planner: Planner, values: Mapping[str, Any], errors: Mapping[str, str]
) -> Adaptations | None:
    """Return what became of a build's adaptations; None where none was asked for.

    Args:
        planner: the build's.
        values: what its steps gave, by their names.
        errors: why they gave nothing.
    """
    adapt = planner.project.adapt
    if not adapt.is_wanted:
        return None
    found = tuple(subjects(planner))
    return Adaptations(
        delegates=adapt.delegates,
        changes=adapt.change_function,
        results=tuple(_results(values[ADAPT], found, values, errors)),
        before=tuple(_counts(found, BEFORE, values, errors)),
        after=tuple(_counts(found, AFTER, values, errors)),
        checks_before=_checks(found, BEFORE, values, errors),
        checks_after=_checks(found, AFTER, values, errors),
    )


def _results(
    model: AdaptedModel,
    found: tuple[Subject, ...],
    values: Mapping[str, Any],
    errors: Mapping[str, str],
) -> Iterator[AdaptationResult]:
    shares = _shares(_counts(found, BEFORE, values, errors))
    for adapted in model.adaptations:
        after = _shares(_counts(found, adapted.name, values, errors))
        before = {name: share for name, share in shares.items() if name in after}
        shares = {**shares, **after}
        row = ADAPTATIONS[adapted.name]
        yield AdaptationResult(
            name=adapted.name,
            summary=row.summary,
            keeps_function=row.keeps_function,
            places=adapted.places,
            refused=adapted.refused,
            snr_db=adapted.snr_db,
            coverage_before=before,
            coverage_after=after,
        )


def _counts(
    found: tuple[Subject, ...], when: str, values: Mapping[str, Any], errors: Mapping[str, str]
) -> Iterator[NodesTaken]:
    for subject in found:
        for delegate in subject.delegates:
            step = count_step(subject, delegate, when)
            if step in errors:
                yield NodesTaken(
                    delegate=delegate,
                    variant=subject.variant.name,
                    basis="measured",
                    reason=errors[step],
                )
            elif step in values:
                value = values[step]
                yield from [value] if isinstance(value, NodesTaken) else value.counts


def _shares(counts: Iterator[NodesTaken]) -> dict[str, float]:
    return {count.delegate: count.share for count in counts if count.share is not None}


def _checks(
    found: tuple[Subject, ...], when: str, values: Mapping[str, Any], errors: Mapping[str, str]
) -> dict[str, Check]:
    checks = {}
    for subject in found:
        for place in subject.targets:
            step = check_step(subject, place, when)
            checks[f"{subject.variant.name} on {place}"] = values.get(step) or Check(
                target=place, status="fail", reason=errors.get(step, "it gave no answer")
            )
    return checks


def applied(model: AdaptedModel) -> str:
    """Say in a line which rewrites applied, and in how many places."""
    words = [f"{item.name} in {len(item.places)}" for item in model.adaptations if item.places]
    return ", ".join(words) or "nothing applies"


def taken(count: NodesTaken) -> str:
    """Say in a few words how much a delegate takes."""
    return count.reason if count.taken is None else f"{count.taken} of {count.nodes} nodes"


def adaptation_reasons(outcome: Adaptations | None) -> Iterator[str]:
    """Say what of adaptations fails a build: a variant that drifts with them."""
    for name, check in (outcome.checks_after if outcome else {}).items():
        if check.status == "fail":
            yield f"{name}, after adaptation: {check.reason}"


def adaptation_notes(outcome: Adaptations | None) -> Iterator[str]:
    """Say where nothing applied, what changed the function, and what was left without a proof."""
    if outcome is None:
        return
    if not any(result.places for result in outcome.results):
        names = ", ".join(result.name for result in outcome.results)
        yield f"Nothing was adapted: the graph has no place for {names}."
    for result in outcome.results:
        if result.places and not result.keeps_function:
            places = plural(len(result.places), "place")
            yield (
                f"{result.name} changed what the model computes in {places}, as was asked for. "
                "Checks still compare with the trained model: where one fails by little, train the "
                "model with this change, or give it room in [budgets.VARIANT]."
            )
        for sentence in result.refused:
            yield f"{result.name}: {sentence}"
