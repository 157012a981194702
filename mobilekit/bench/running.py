"""The job of `mobilekit bench`: measure finished artifacts wherever they can run, and judge it."""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mobilekit.bench.baseline import compare, require_common, require_comparable, warnings
from mobilekit.bench.files import signature_words
from mobilekit.bench.gates import case_reasons, check_gates
from mobilekit.bench.gates import reasons as gate_reasons
from mobilekit.bench.gates import verdict as gate_verdict
from mobilekit.bench.measuring.cases import cases_of, chosen, measurable, require_any
from mobilekit.bench.measuring.workshop import Work, Workshop
from mobilekit.bench.merging import Earlier, earlier_of, merged
from mobilekit.bench.results import BenchReport, BenchVerdict, Gate, Noise
from mobilekit.machine import environment
from mobilekit.progress import Progress
from mobilekit.subjects import artifacts_read, find_subjects, model_facts, reading_jobs
from mobilekit.verdict import require_targets
from mobilekit_delegates.runner.runner import processor_name

NOISY = 0.10
"""Rounds of one unchanging workload that vary by more than this decide about little."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to measure and how, and what to hold it to.

    `targets` were named by the user, so each has to be measured; without any, a release's own are
    used. `variants` are all where empty. A `baseline` is held to `size`, the slowdown that matters
    as a share, also `across_machines` and `across_models` where that is asked for.
    """

    work: Work
    targets: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    golden: Path | None = None
    baseline: BenchReport | None = None
    size: float = 0.05
    across_machines: bool = False
    across_models: bool = False


def bench(path: Path, settings: Settings, progress: Progress) -> BenchReport:
    """Measure a release, or one artifact.

    Args:
        path: a release folder, a `.tflite` file or an `.mlpackage` folder.
        settings: how to.
        progress: hears of each artifact on each target.

    Returns:
        The report; its verdict says whether every gate was passed and all that was named measured.

    Raises:
        DataError: there is no golden or no artifact, or the baseline is another model's or
            machine's.
        ProjectError: a target or variant that was named does not exist, or there are no such cores.
        ToolMissingError: a target that was named cannot be reached here.
    """
    began, started = time.monotonic(), datetime.now(timezone.utc)
    subjects = chosen(
        find_subjects(path, targets=settings.targets, golden=settings.golden), settings.variants
    )
    require_targets(settings.targets, subjects.formats)
    require_any(subjects)
    subjects = measurable(subjects)
    with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
        workshop = Workshop(
            logs=Path(folder), work=settings.work, progress=progress, subjects=subjects
        )
        artifacts = artifacts_read(subjects, workshop.outcomes(reading_jobs(subjects)))
        facts = model_facts(path, subjects, artifacts)
        report = BenchReport(
            model=facts.name,
            source_sha256=facts.sha256,
            signature=signature_words(facts.signature),
            verdict="pass",
            machine=_machine(),
            started=started.isoformat(timespec="seconds"),
        )
        planned = tuple(
            case.benchmark for case in cases_of(subjects, artifacts, settings.work.affinity)
        )
        earlier = (
            earlier_of(
                subjects.recorded,
                report,
                planned,
                partial=bool(settings.targets or settings.variants),
                threads=settings.work.threads,
            )
            if subjects.recorded is not None
            else Earlier()
        )
        if settings.baseline is not None:
            require_comparable(
                settings.baseline,
                report,
                across_machines=settings.across_machines,
                across_models=settings.across_models,
            )
            require_common(
                _narrowed(settings.baseline, settings),
                replace(report, benchmarks=merged(earlier.benchmarks, planned)),
            )
        found, noise = workshop.measure(artifacts)
    found = tuple(replace(item, required=item.target in settings.targets) for item in found)
    benchmarks = merged(earlier.benchmarks, found)
    notes = (*_noise_notes(noise), *earlier.notes)
    report = replace(report, noise=noise, benchmarks=benchmarks, notes=notes)
    if subjects.recorded is not None:
        from mobilekit.bench.recommendation import recommend

        report = replace(report, recommendations=recommend(subjects.recorded, benchmarks))
    report = judged(report, subjects.options.get("latency", {}), settings, earlier.gates)
    return replace(report, seconds=round(time.monotonic() - began, 3))


def judged(
    report: BenchReport,
    latency: Mapping[str, Any],
    settings: Settings,
    earlier: Iterable[Gate] = (),
) -> BenchReport:
    """Return a report with its gates, its verdict and the reasons for that.

    What was named by the user and not measured is no pass.

    Args:
        report: with its benchmarks, those that were kept from an earlier one included.
        latency: the project's table of bounds.
        settings: the baseline, and what was asked for.
        earlier: what a baseline said of those that were kept; it stays where none says otherwise.
    """
    gates: tuple[Gate, ...] = check_gates(report.benchmarks, latency)
    notes = report.notes
    if settings.baseline is not None:
        baseline = _narrowed(settings.baseline, settings)
        gates += compare(
            baseline,
            report,
            size=settings.size,
            across_machines=settings.across_machines,
            across_models=settings.across_models,
        )
        notes += warnings(baseline, report)
    said = {(gate.variant, gate.target, gate.rule) for gate in gates}
    gates += tuple(gate for gate in earlier if (gate.variant, gate.target, gate.rule) not in said)
    against = (*case_reasons(report.benchmarks), *gate_reasons(gates))
    if not any(item.status == "measured" and not item.kept_from for item in report.benchmarks):
        against = ("Nothing was measured.", *against)
    verdict: BenchVerdict = gate_verdict(gates, report.benchmarks)
    if verdict == "pass" and against:
        verdict = "undecided"
    return replace(report, gates=gates, reasons=against, verdict=verdict, notes=notes)


def _narrowed(baseline: BenchReport, settings: Settings) -> BenchReport:
    """Leave out of a baseline what the user asked not to measure."""
    return replace(
        baseline,
        benchmarks=tuple(
            item
            for item in baseline.benchmarks
            if (not settings.variants or item.variant in settings.variants)
            and (not settings.targets or item.target in settings.targets)
        ),
    )


def _machine() -> dict[str, str]:
    processor = processor_name() or platform.processor() or "unknown"
    return {"processor": processor, **environment()}


def _noise_notes(noise: Noise) -> Iterator[str]:
    if noise.between_rounds > NOISY:
        yield (
            "This machine is too noisy to decide much: the same work takes "
            f"{100 * noise.between_rounds:.0f} % more or less from one turn to the next."
        )
