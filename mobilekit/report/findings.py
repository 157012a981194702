"""Questions about what was found that several parts of the report ask."""

from __future__ import annotations

from collections.abc import Iterable

from mobilekit.report.metrics import metric
from mobilekit.results import Check, Status, VariantResult


def ran(variant: VariantResult) -> tuple[Check, ...]:
    """Return the checks that ran."""
    return tuple(check for check in variant.checks if check.status != "not_run")


def worst_check(variant: VariantResult, key: str) -> Check | None:
    """Return the check with a metric's worst value, or None where nothing measured it."""
    known = [check for check in ran(variant) if key in check.metrics]
    worst = metric(key).worst(check.metrics[key] for check in known)
    return next((check for check in known if check.metrics[key] is worst), None)


def failed(variant: VariantResult) -> bool:
    """Return whether a variant could not be built, or a check of it is a fault."""
    return variant.status == "failed" or any(is_fault(c) for c in variant.checks)


def is_fault(check: Check) -> bool:
    """Return whether a check fails the release: it failed, or was required and did not run."""
    return check.status == "fail" or (check.required and check.status == "not_run")


def count(variants: Iterable[VariantResult], status: Status) -> int:
    """Return how many checks have a status."""
    return sum(check.status == status for variant in variants for check in variant.checks)
