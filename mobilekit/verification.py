"""The job of `mobilekit verify`: run finished artifacts against a golden, wherever they can run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from mobilekit import tasks
from mobilekit.jobs import Job, Limits, Outcome, run_jobs
from mobilekit.machine import environment
from mobilekit.parity.budgets import PROGRAM, budget_for
from mobilekit.parity.checks import targets_for
from mobilekit.parity.program.comparison import exact_variant
from mobilekit.progress import Progress
from mobilekit.results import Check, GoldenFacts, Report, VariantResult
from mobilekit.subjects import (
    ARTIFACT_BYTES,
    Subject,
    Subjects,
    artifacts_read,
    find_subjects,
    model_facts,
    not_as_built,
    reading_jobs,
)
from mobilekit.verdict import reasons, require_targets, words
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import MobilekitError
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.targets import target


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to verify.

    `targets` were named by the user, so each is required; without any, a release's own are used.
    `golden` is a folder that `write_golden` wrote, or a release. `chatter` gets what the libraries
    print, if it is given.
    """

    limits: Limits
    targets: tuple[str, ...] = ()
    golden: Path | None = None
    chatter: TextIO | None = None


def verify(path: Path, settings: Settings, progress: Progress) -> Report:
    """Check a release, or one artifact, again. Nothing is taken from an earlier run.

    Args:
        path: a release folder, a `.tflite` file or an `.mlpackage` folder.
        settings: how to.
        progress: hears of each check.

    Returns:
        The report; its verdict says whether every check that ran passed and every required one ran.

    Raises:
        DataError: there is no golden, or it is another model's.
        SourceError: the path is neither a release nor an artifact.
        ToolMissingError: a required target cannot be reached here.
    """
    began, started = time.monotonic(), datetime.now(timezone.utc)
    case = find_subjects(path, targets=settings.targets, golden=settings.golden)
    require_targets(case.require, case.formats)
    with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
        run = _Run(logs=Path(folder), settings=settings, progress=progress, modules=case.modules)
        artifacts = artifacts_read(case, run.outcomes(reading_jobs(case)))
        checks = run.check(case, artifacts)
    variants = tuple(
        _variant(subject, artifacts[subject.name], checks.get(subject.name, ()))
        for subject in case.subjects
    )
    against = tuple(reasons(variants, failed="is not right"))
    return Report(
        verdict="fail" if against else "pass",
        reasons=against,
        model=model_facts(path, case, artifacts),
        golden=_golden_facts(case),
        variants=variants,
        environment=environment(),
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 3),
    )


@dataclass(frozen=True, kw_only=True)
class _Run:
    logs: Path
    settings: Settings
    progress: Progress
    modules: tuple[str, ...]

    def check(
        self, case: Subjects, artifacts: Mapping[str, Artifact | str]
    ) -> dict[str, tuple[Check, ...]]:
        """Run every artifact on its targets; return the checks by the subject's name."""
        jobs = [
            job
            for subject in case.subjects
            if isinstance(artifact := artifacts[subject.name], Artifact)
            for job in (
                *(
                    self._job(case, subject, artifact, name)
                    for name in targets_for(subject.format, case.targets)
                ),
                *self._program_job(case, artifact, artifacts),
            )
        ]
        ended = {outcome.job.name: self._check(outcome) for outcome in self.outcomes(jobs)}
        checks: dict[str, tuple[Check, ...]] = {}
        for job in jobs:
            subject, _, name = job.name.rpartition(" on ")
            check = replace(ended[job.name], required=_is_required(case, subject, name))
            checks[subject] = (*checks.get(subject, ()), check)
        return checks

    def _job(self, case: Subjects, subject: Subject, artifact: Artifact, name: str) -> Job:
        place = target(name)
        variant = subject.recorded.name if subject.recorded else artifact.variant
        return Job(
            name=f"{subject.name} on {name}",
            function=tasks.check_artifact,
            arguments={
                "artifact": artifact,
                "target": name,
                "golden": case.golden_folder,
                "budget": budget_for(variant, place.info.budgets_of or name, case.budgets),
            },
            cost=place.info.cost,
            memory=place.info.memory + 4 * artifact.file_bytes,
        )

    def _program_job(
        self, case: Subjects, artifact: Artifact, artifacts: Mapping[str, Artifact | str]
    ) -> Iterator[Job]:
        """Compare with the finer variant of the same release, where it is there."""
        exact = artifacts.get(exact_variant(artifact.variant) or "")
        if isinstance(exact, Artifact):
            yield Job(
                name=f"{artifact.variant} on {PROGRAM}",
                function=tasks.compare_programs,
                arguments={
                    "artifact": artifact,
                    "exact": exact,
                    "golden": case.golden_folder,
                    "budget": budget_for(artifact.variant, PROGRAM, case.budgets),
                },
                memory=ARTIFACT_BYTES + 8 * artifact.file_bytes,
            )

    def outcomes(self, jobs: list[Job]) -> list[Outcome]:
        """Run jobs and tell what became of them."""
        outcomes = []
        for outcome in run_jobs(
            jobs,
            limits=self.settings.limits,
            logs=self.logs,
            on_start=lambda job: self.progress.start(job.name),
            preload=self.modules,
        ):
            outcomes.append(outcome)
            if self.settings.chatter and (text := outcome.log.read_text("utf-8", "replace")):
                print(f"--- {outcome.job.name}\n{text}", file=self.settings.chatter)
            if outcome.error is not None:
                self.progress.finish(outcome.job.name, "FAILED", str(outcome.error))
            elif isinstance(outcome.value, Check):
                self.progress.finish(outcome.job.name, *words(outcome.value, outcome.seconds))
            else:
                self.progress.finish(outcome.job.name, "ok", f"{outcome.seconds:.1f} s")
        return outcomes

    def _check(self, outcome: Outcome) -> Check:
        if outcome.error is None:
            check: Check = outcome.value
            return replace(check, seconds=outcome.seconds)
        if isinstance(outcome.error, MobilekitError) and outcome.error.exit_status != 1:
            raise outcome.error
        log = outcome.log.read_text("utf-8", "replace").strip().splitlines()
        said = f" It last said: {log[-1].strip()}" if log else ""
        name = outcome.job.name.rpartition(" on ")[2]
        return Check(
            target=name,
            status="fail",
            reason=f"{outcome.error}.{said}",
            budget=dict(outcome.job.arguments["budget"].bounds),
            seconds=outcome.seconds,
        )


def _is_required(case: Subjects, subject: str, name: str) -> bool:
    """Say whether a check has to run: a module's tests can run but what the module carries."""
    if name not in case.require:
        return False
    if case.recorded is None or not target(name).info.in_module:
        return True
    modules = case.recorded.modules
    return not modules or any(subject in module.variants for module in modules)


def _variant(
    subject: Subject, artifact: Artifact | str, checks: tuple[Check, ...]
) -> VariantResult:
    """Put together what is known of one artifact. One that is not as it was built is a failure."""
    recorded = subject.recorded
    description = VARIANTS[recorded.name].description if recorded else ""
    if isinstance(artifact, str):
        return VariantResult(
            name=subject.name, description=description, status="failed", error=artifact
        )
    variant = VARIANTS[artifact.variant]
    result = VariantResult(
        name=recorded.name if recorded else variant.name,
        description=description or variant.description,
        status="built",
        file=recorded.file if recorded else subject.path.name,
        sha256=artifact.sha256,
        bytes=artifact.file_bytes,
        signature=artifact.signature,
        operators=artifact.operators,
        structure=artifact.proofs,
        checks=checks,
    )
    if error := not_as_built(subject, artifact):
        return replace(result, status="failed", error=error)
    return result


def _golden_facts(case: Subjects) -> GoldenFacts:
    return GoldenFacts(
        samples=len(case.golden),
        stored=len(case.golden),
        origin=case.golden.origin,
        labelled=case.golden.labels is not None,
    )
