from __future__ import annotations

from pathlib import Path

import pytest

from mobilekit.parity.budget_page import page
from mobilekit.parity.budgets import PROGRAM, ROWS, Budget, budget_for, check_metric, violations
from mobilekit.parity.metrics import METRICS
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.targets import TARGETS

DOCS = Path(__file__).parents[2] / "docs"


def test_every_variant_has_a_budget_with_a_reason() -> None:
    for name in VARIANTS:
        rows = [row for row in ROWS if row.variant == name]
        assert PROGRAM not in rows[0].targets
        for row in rows:
            assert len(row.reason) > 40
            assert set(row.bounds) <= set(METRICS)
            of = {METRICS[metric].of for metric in row.bounds}
            assert of == {"program"} if row.targets == (PROGRAM,) else of == {"outputs"}
        named = [target for row in rows for target in row.targets]
        assert len(named) == len(set(named))


def test_every_target_that_takes_a_variant_has_a_bound_for_it() -> None:
    for variant in VARIANTS.values():
        for place in TARGETS.values():
            if variant.format in place.info.formats:
                budget = budget_for(variant.name, place.info.budgets_of or place.info.name)
                assert "snr_db" in budget.bounds


def test_every_target_of_the_table_is_one() -> None:
    for row in ROWS:
        for name in row.targets:
            assert name in TARGETS or name == PROGRAM, name


def test_the_page_is_what_the_table_says() -> None:
    assert (DOCS / "budgets.md").read_text(encoding="utf-8") == page()


def test_overrides_go_over_the_defaults_one_by_one() -> None:
    budget = budget_for("tflite-int8", "cpu", {"tflite-int8": {"agreement": 0.5, "max_abs": 3}})
    default = budget_for("tflite-int8", "cpu")
    assert budget.bounds == {**default.bounds, "agreement": 0.5, "max_abs": 3}
    assert budget.asked == ("agreement", "max_abs")
    assert default.asked == ()
    assert budget_for("tflite-fp32", "cpu", {"tflite-int8": {"snr_db": 1}}).asked == ()


def test_a_target_without_a_row_is_held_to_the_first_one() -> None:
    assert budget_for("coreml-fp16", "mac/gpu") == budget_for("coreml-fp16", "coreml")
    asked = budget_for("coreml-fp16", "mac/gpu", {"coreml-fp16": {"snr_db": 9}})
    assert asked.bounds["snr_db"] == 9


def test_bounds_go_to_the_checks_that_compute_their_metric() -> None:
    overrides = {"tflite-int8": {"weight_error": 0.5, "snr_db": 1}}
    assert budget_for("tflite-int8", PROGRAM, overrides).bounds["weight_error"] == 0.5
    assert budget_for("tflite-int8", PROGRAM, overrides).asked == ("weight_error",)
    outputs = budget_for("tflite-int8", "cpu", overrides)
    assert outputs.asked == ("snr_db",)
    assert "weight_error" not in outputs.bounds
    assert budget_for("tflite-fp32", PROGRAM).bounds == {}


def test_an_unknown_metric_is_refused_with_the_nearest() -> None:
    with pytest.raises(ProjectError, match=r"budgets\.tflite-int8\].*'agreemnt'.*'agreement'"):
        budget_for("tflite-int8", "cpu", {"tflite-int8": {"agreemnt": 0.9}})
    with pytest.raises(ProjectError, match=r"here: there is no metric 'snr'.*'snr_db'"):
        check_metric("snr", "here")


def test_bounds_are_met_at_their_very_value() -> None:
    budget = Budget(bounds={"snr_db": 20.0, "max_abs": 1.0})
    assert violations(budget, {"snr_db": 20.0, "max_abs": 1.0}) == ()
    assert violations(budget, {"snr_db": 19.99, "max_abs": 1.01}) == (
        "snr_db 19.99 is below 20",
        "max_abs 1.01 is above 1",
    )


def test_nan_never_meets_a_bound() -> None:
    budget = Budget(bounds={"snr_db": 20.0, "max_abs": 1.0})
    assert len(violations(budget, {"snr_db": float("nan"), "max_abs": float("nan")})) == 2


def test_shares_fail_on_evidence_alone() -> None:
    budget = Budget(bounds={"agreement": 0.95})
    few = {"agreement": 0.9, "agreement_low": 0.8, "agreement_high": 0.96}
    many = {"agreement": 0.9, "agreement_low": 0.89, "agreement_high": 0.91}
    assert violations(budget, few) == ()
    assert violations(budget, many) == (
        "agreement 0.9 (at best 0.91, at 95 % confidence) is below 0.95",
    )


def test_a_bound_that_was_asked_for_and_cannot_be_held_against_anything_fails() -> None:
    assert violations(Budget(bounds={"accuracy": 0.9}), {}) == ()
    asked = Budget(bounds={"accuracy": 0.9}, asked=("accuracy",))
    assert violations(asked, {}) == ("accuracy has a budget and could not be computed",)
