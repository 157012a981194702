"""The page from top to bottom, ready to be laid out; the summary shows parts of the same.

`page_view` turns a `Report` into strings, tables and drawings; the templates only lay them out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mobilekit.report.adaptations import adaptation_effects_table, adaptations_table
from mobilekit.report.bench import BenchView, bench_view
from mobilekit.report.checks import (
    NotRun,
    budgets_table,
    not_run_groups,
    structure_only,
    variants_table,
)
from mobilekit.report.coverage import CoverageView, coverage_view
from mobilekit.report.details import (
    VariantDetails,
    environment_table,
    golden_facts,
    hashes_table,
    model_facts,
    signature_table,
    timings_table,
    variant_details,
)
from mobilekit.report.drift import DriftView, drift_views
from mobilekit.report.executions import Place, accelerators_table, places, targets_table
from mobilekit.report.findings import count, failed, ran
from mobilekit.report.formats import duration, moment, plural, size
from mobilekit.report.modules import modules_table
from mobilekit.report.plan import plan_plots
from mobilekit.report.plots import Plot, plots
from mobilekit.report.tables import Badge, Cell, Table, badge, relative_link
from mobilekit.results import Report, VariantResult


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One figure at the top of the page."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A variant that could not be made."""

    name: str
    error: str
    log: str
    log_link: str


@dataclass(frozen=True, kw_only=True)
class PageView:
    """The page, from top to bottom."""

    title: str
    verdict: Badge
    lead: str
    reasons: tuple[str, ...]
    facts: tuple[Fact, ...]
    variants: Table
    failures: tuple[Failure, ...]
    drifts: tuple[DriftView, ...]
    plots: tuple[Plot, ...]
    bench: BenchView
    coverage: CoverageView
    not_run: tuple[NotRun, ...]
    structure_only: str
    places: tuple[Place, ...]
    targets: Table
    accelerators: Table
    budgets: Table
    adaptations: Table
    adaptation_effects: Table
    modules: Table
    notes: tuple[str, ...]
    details: tuple[VariantDetails, ...]
    model_facts: tuple[tuple[str, Cell], ...]
    signature: Table
    golden_facts: tuple[tuple[str, Cell], ...]
    timings: Table
    hashes: Table
    environment: Table


def page_view(report: Report) -> PageView:
    """Return everything that the page shows."""
    return PageView(
        title=f"{report.model.name} {'passes' if report.verdict == 'pass' else 'fails'}",
        verdict=badge(report.verdict),
        lead=_lead(report),
        reasons=report.reasons,
        facts=_facts(report),
        variants=variants_table(report.variants),
        failures=_failures(report.variants),
        drifts=drift_views(report.variants),
        plots=(*plots(report.variants), *plan_plots(report.plans)),
        bench=bench_view(report.bench, report.variants),
        coverage=coverage_view(report.variants),
        not_run=not_run_groups(report.variants),
        structure_only=structure_only(report.variants),
        places=places(report.variants),
        targets=targets_table(report.variants),
        accelerators=accelerators_table(report.variants),
        budgets=budgets_table(report.variants),
        adaptations=adaptations_table(report.adaptations),
        adaptation_effects=adaptation_effects_table(report.adaptations),
        modules=modules_table(report.modules),
        notes=report.notes,
        details=tuple(variant_details(variant) for variant in report.variants),
        model_facts=model_facts(report.model),
        signature=signature_table(report.model.signature, "Inputs and outputs of the model"),
        golden_facts=golden_facts(report.golden),
        timings=timings_table(report.variants),
        hashes=hashes_table(report),
        environment=environment_table(report.environment),
    )


def _lead(report: Report) -> str:
    passed = count(report.variants, "pass")
    faults = count(report.variants, "fail")
    idle = count(report.variants, "not_run")
    unbuilt = sum(variant.status == "failed" for variant in report.variants)
    sentences = []
    if passed + faults == 0:
        sentences.append("No check ran.")
    elif faults:
        sentences.append(f"{faults} of {plural(passed + faults, 'check')} failed.")
    elif passed == 1:
        sentences.append("The one check that ran is within its budget.")
    else:
        sentences.append(f"All {passed} checks that ran are within their budgets.")
    if unbuilt:
        sentences.append(f"{plural(unbuilt, 'variant')} could not be built.")
    if idle:
        sentences.append(f"{plural(idle, 'check')} did not run.")
    return " ".join(sentences)


def _facts(report: Report) -> tuple[Fact, ...]:
    variants = report.variants
    built = [variant for variant in variants if variant.status == "built"]
    cached = sum(variant.cached for variant in built)
    passed, idle = count(variants, "pass"), count(variants, "not_run")
    facts = [
        Fact(
            label="Variants built",
            value=f"{len(built)} of {len(variants)}",
            note=f"{cached} from the cache" if cached else "",
        ),
        Fact(
            label="Checks passed",
            value=f"{passed} of {passed + count(variants, 'fail')}",
            note=f"{idle} more did not run" if idle else "",
        ),
    ]
    passing = [variant for variant in built if ran(variant) and not failed(variant)]
    if passing:
        smallest = min(passing, key=lambda variant: variant.bytes)
        facts.append(
            Fact(label="Smallest that passed", value=size(smallest.bytes), note=smallest.name)
        )
    facts.append(
        Fact(
            label="Golden samples",
            value=f"{report.golden.samples:,}",
            note="with labels" if report.golden.labelled else "without labels",
        )
    )
    facts.append(Fact(label="Time", value=duration(report.seconds), note=moment(report.started)))
    return tuple(facts)


def _failures(variants: Iterable[VariantResult]) -> tuple[Failure, ...]:
    return tuple(
        Failure(
            name=variant.name,
            error=variant.error or "The converter left no message.",
            log=variant.log,
            log_link=relative_link(variant.log),
        )
        for variant in variants
        if variant.status == "failed"
    )
