"""The job of `mobilekit verify`: run finished artifacts against a golden, wherever they can run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from mobilekit import tasks
from mobilekit.jobs import Job, Limits, Outcome, run_jobs
from mobilekit.machine import environment
from mobilekit.parity.budgets import PROGRAM, budget_for
from mobilekit.parity.checks import targets_for
from mobilekit.parity.fitting import require_fitting
from mobilekit.parity.golden import GOLDEN_FILE, Golden, read_golden
from mobilekit.parity.program.comparison import exact_variant
from mobilekit.progress import Progress
from mobilekit.project import DEFAULT_TARGETS
from mobilekit.release import MANIFEST, read_manifest
from mobilekit.results import Check, GoldenFacts, ModelFacts, Report, VariantResult
from mobilekit.verdict import reasons, require_targets, words
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, MobilekitError, ProjectError
from mobilekit_converters.variants import VARIANTS, Format
from mobilekit_delegates.targets import target

_ARTIFACT_BYTES = 300 * 2**20
"""What reading an artifact takes beside the artifact itself: a measured peak, rounded up."""


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


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """One artifact to check: its file, and what it must be where a release says so."""

    name: str
    path: Path
    format: Format
    recorded: VariantResult | None = None


@dataclass(frozen=True, kw_only=True)
class _Case:
    """All that is to be verified, with what a release says of it."""

    subjects: tuple[_Subject, ...]
    golden: Golden
    golden_folder: Path
    targets: tuple[str, ...]
    require: tuple[str, ...]
    budgets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    recorded: Report | None = None


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
    case = _release_case(path, settings) if (path / MANIFEST).exists() else _file(path, settings)
    formats = {subject.format for subject in case.subjects}
    require_targets(case.require, formats)
    with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
        modules = tuple(name for format in sorted(formats) for name in tasks.CHECK_MODULES[format])
        run = _Run(logs=Path(folder), settings=settings, progress=progress, modules=modules)
        artifacts = run.read(case)
        checks = run.check(case, artifacts)
    variants = tuple(
        _variant(subject, artifacts[subject.name], checks.get(subject.name, ()))
        for subject in case.subjects
    )
    against = tuple(reasons(variants, failed="is not right"))
    return Report(
        verdict="fail" if against else "pass",
        reasons=against,
        model=_model(path, case, artifacts),
        golden=_golden_facts(case),
        variants=variants,
        environment=environment(),
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 3),
    )


def _release_case(folder: Path, settings: Settings) -> _Case:
    from mobilekit.report import read_report

    recorded = read_report(folder / "report.json")
    options: dict[str, Any] = read_manifest(folder).get("options", {})
    wishes = options.get("verify", {})
    golden_folder = _golden_folder(settings.golden or folder / "golden")
    built = [variant for variant in recorded.variants if variant.status == "built"]
    if not built:
        raise DataError(f"{folder} holds no artifact: every variant of it failed.")
    require = settings.targets or tuple(wishes.get("require", ()))
    return _Case(
        subjects=tuple(
            _Subject(
                name=variant.name,
                path=folder / variant.file,
                format=VARIANTS[variant.name].format,
                recorded=variant,
            )
            for variant in built
        ),
        golden=read_golden(golden_folder),
        golden_folder=golden_folder,
        targets=tuple(dict.fromkeys((*(settings.targets or wishes["targets"]), *require))),
        require=require,
        budgets=options.get("budgets", {}),
        recorded=recorded,
    )


def _file(path: Path, settings: Settings) -> _Case:
    # A package is a folder; whether it is one at all shows when it is read.
    format: Format = "coreml" if path.is_dir() else "tflite"
    golden_folder = _golden_folder(settings.golden or _release_of(path))
    return _Case(
        subjects=(_Subject(name=path.name, path=path, format=format),),
        golden=read_golden(golden_folder),
        golden_folder=golden_folder,
        targets=settings.targets or targets_for(format, DEFAULT_TARGETS),
        require=settings.targets,
    )


def _release_of(path: Path) -> Path:
    """Return the release that an artifact lies in, whose golden is then the one to use."""
    folder = path.absolute().parent.parent
    if not (folder / MANIFEST).exists():
        raise DataError(
            f"{path} lies in no release, so say what its outputs should be: --golden FOLDER, the "
            "folder 'golden' of a release of the same model."
        )
    return folder


def _golden_folder(folder: Path) -> Path:
    inside = folder / "golden"
    return inside if (inside / GOLDEN_FILE).exists() else folder


@dataclass(frozen=True, kw_only=True)
class _Run:
    logs: Path
    settings: Settings
    progress: Progress
    modules: tuple[str, ...]

    def read(self, case: _Case) -> dict[str, Artifact | str]:
        """Read every artifact back, in a process each. What cannot be read has its error instead.

        Raises:
            MobilekitError: there is but one artifact and it cannot be read, or an artifact's
                signature is not the golden's.
        """
        jobs = [
            Job(
                name=f"read {subject.name}",
                function=tasks.read_finished,
                arguments={"path": subject.path},
                memory=_ARTIFACT_BYTES,
            )
            for subject in case.subjects
        ]
        found: dict[str, Artifact | str] = {}
        for outcome in self._outcomes(jobs):
            name = outcome.job.name.removeprefix("read ")
            if outcome.error is not None:
                if isinstance(outcome.error, MobilekitError) and case.recorded is None:
                    raise outcome.error
                found[name] = str(outcome.error)
            else:
                require_fitting(outcome.value, case.golden)
                found[name] = outcome.value
        return found

    def check(
        self, case: _Case, artifacts: Mapping[str, Artifact | str]
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
        ended = {outcome.job.name: self._check(outcome) for outcome in self._outcomes(jobs)}
        checks: dict[str, tuple[Check, ...]] = {}
        for job in jobs:
            subject, _, name = job.name.rpartition(" on ")
            check = replace(ended[job.name], required=_is_required(case, subject, name))
            checks[subject] = (*checks.get(subject, ()), check)
        return checks

    def _job(self, case: _Case, subject: _Subject, artifact: Artifact, name: str) -> Job:
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
        self, case: _Case, artifact: Artifact, artifacts: Mapping[str, Artifact | str]
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
                memory=_ARTIFACT_BYTES + 8 * artifact.file_bytes,
            )

    def _outcomes(self, jobs: list[Job]) -> list[Outcome]:
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


def _is_required(case: _Case, subject: str, name: str) -> bool:
    """Say whether a check has to run: a module's tests can run but what the module carries."""
    if name not in case.require:
        return False
    if case.recorded is None or not target(name).info.in_module:
        return True
    modules = case.recorded.modules
    return not modules or any(subject in module.variants for module in modules)


def _variant(
    subject: _Subject, artifact: Artifact | str, checks: tuple[Check, ...]
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
    if recorded and artifact.sha256 != recorded.sha256:
        return replace(
            result,
            status="failed",
            error=f"{recorded.file} is not the file that was built: its sha256 is "
            f"{artifact.sha256}, and the release says {recorded.sha256}.",
        )
    return result


def _model(path: Path, case: _Case, artifacts: Mapping[str, Artifact | str]) -> ModelFacts:
    if case.recorded is not None:
        return case.recorded.model
    (artifact,) = artifacts.values()
    if not isinstance(artifact, Artifact):
        raise ProjectError(f"{path} could not be read: {artifact}.")
    return ModelFacts(
        name=path.stem,
        source=path.name,
        kind=case.subjects[0].format,
        sha256=artifact.sha256,
        bytes=artifact.file_bytes,
        signature=artifact.signature,
    )


def _golden_facts(case: _Case) -> GoldenFacts:
    return GoldenFacts(
        samples=len(case.golden),
        stored=len(case.golden),
        origin=case.golden.origin,
        labelled=case.golden.labels is not None,
    )
