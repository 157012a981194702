"""The main job: run a project's steps, with what the cache holds, and write the release."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from mobilekit.adapting.measuring import measuring_steps
from mobilekit.adapting.outcome import (
    adaptation_notes,
    adaptation_reasons,
    adaptations,
    applied,
    taken,
)
from mobilekit.cache import Cache
from mobilekit.inspecting.floors import (
    check_floors,
    floor_rules,
    rules_for,
    told_by,
    untold_floors,
)
from mobilekit.inspecting.judging import shares
from mobilekit.inspecting.results import ArtifactCoverage
from mobilekit.jobs import Job, JobSkippedError, Limits, Outcome, run_jobs
from mobilekit.machine import environment
from mobilekit.modules import PLATFORMS, check_names, write_module
from mobilekit.parity.golden import read_golden
from mobilekit.planning import make_plan
from mobilekit.progress import Outcome as StepOutcome
from mobilekit.progress import Progress
from mobilekit.project import Project
from mobilekit.release import check_output, output_errors, staged, write_manifest
from mobilekit.results import (
    Check,
    Drift,
    ModelFacts,
    ModuleFacts,
    NodesTaken,
    Plan,
    Report,
    VariantResult,
)
from mobilekit.steps import (
    GOLDEN,
    REFERENCE_TARGET,
    SOURCE,
    Planner,
    Step,
    coverage_step,
)
from mobilekit.tasks import STORED_GOLDEN
from mobilekit.verdict import coverage_notes, reasons, require_targets, words
from mobilekit_converters.adaptations.adaptation import AdaptedModel
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import MobilekitError, OutputError, SourceError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.sources import Examination, examine
from mobilekit_converters.variants import VARIANTS

_LOG_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to build: where to, with which cache and bounds, and whether code in the file may run.

    `chatter` gets what the libraries print, if it is given.
    """

    output: Path
    cache: Path
    limits: Limits
    trust: bool = False
    chatter: TextIO | None = None


@dataclass(kw_only=True)
class StepResults:
    """What the steps gave so far, by step name."""

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    cached: set[str] = field(default_factory=set)
    drifts: dict[str, Drift] = field(default_factory=dict)


def build(project: Project, settings: Settings, progress: Progress) -> Report:
    """Convert, check and report; leave a release folder, also where something failed.

    Returns:
        The report; its verdict says whether everything that was asked for passed.

    Raises:
        MobilekitError: an input or an option is wrong, a required target cannot be reached, or the
            release cannot be written. Then there is no new release, and an old one stays as it was.
    """
    began, started = time.monotonic(), datetime.now(timezone.utc)
    check_output(settings.output)
    examination = examine(project.source, project.source_options(trust=settings.trust))
    cache = Cache(folder=settings.cache)
    planner = Planner(project=project, examination=examination, cache=cache, trust=settings.trust)
    check_names(project, planner.wanted)
    require_targets(project.verify.require, {VARIANTS[name].format for name in planner.wanted})
    steps = list(planner.steps())
    steps += measuring_steps(planner, steps)
    with output_errors(settings.cache), staged(settings.output) as stage:
        results = run_steps(steps, cache, settings, progress)
        results.drifts = _search(planner, steps, results, settings, progress)
        report = _report(project, examination, planner, steps, results)
        report = replace(
            report,
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - began, 3),
        )
        report = _fill(stage, project, report, steps, results, cache)
    with output_errors(settings.cache):
        cache.prune()
    return report


def run_steps(
    steps: list[Step], cache: Cache, settings: Settings, progress: Progress
) -> StepResults:
    """Take from the cache what it has, run the rest, and add that to the cache."""
    results = StepResults()
    missing = _missing(steps, cache)
    for step in steps:
        if step.name not in missing:
            results.values[step.name] = cache.value(step.key, step.kind)
            results.cached.add(step.name)
            progress.finish(step.name, "unchanged")
    if missing:
        with cache.workspace() as work:
            _run_missing(missing, work, cache, settings, progress, results)
    return results


def _missing(steps: list[Step], cache: Cache) -> dict[str, Step]:
    """Return the steps that have to run.

    Their own files are read and compared only for what the release will hold and for what a step
    that has to run needs: an unchanged build is meant to take no time.
    """
    missing: dict[str, Step] = {}
    for step in steps:
        if (
            not _release_files_are_whole(step, cache)
            or cache.value(step.key, step.kind) is None
            or set(step.after) & set(missing)
        ):
            missing[step.name] = step
    for step in steps:
        needed = any(step.name in other.after for other in missing.values())
        if needed and step.name not in missing and not cache.is_whole(step.key):
            return {other.name: other for other in steps}
    return missing


def _release_files_are_whole(step: Step, cache: Cache) -> bool:
    if step.role == "golden":
        return cache.is_whole(step.key, only=STORED_GOLDEN)
    return step.role != "variant" or cache.is_whole(step.key)


def _run_missing(
    missing: dict[str, Step],
    work: Path,
    cache: Cache,
    settings: Settings,
    progress: Progress,
    results: StepResults,
) -> None:
    logs = work / "logs"
    logs.mkdir()
    jobs = [_job(step, missing, work) for step in missing.values()]
    for outcome in run_jobs(
        jobs, limits=settings.limits, logs=logs, on_start=lambda job: progress.start(job.name)
    ):
        step = missing[outcome.job.name]
        results.seconds[step.name] = outcome.seconds
        text = outcome.log.read_text("utf-8", "replace") if outcome.log.exists() else ""
        if settings.chatter and text:
            print(f"--- {step.name}\n{text}", file=settings.chatter)
        if outcome.error is None:
            cache.add(step.key, outcome.job.arguments["output"], outcome.value)
            results.values[step.name] = outcome.value
            progress.finish(step.name, *_words(outcome))
        else:
            _stop_if_hopeless(step, outcome.error, text)
            results.errors[step.name] = str(outcome.error)
            results.logs[step.name] = text
            progress.finish(step.name, "FAILED", str(outcome.error).splitlines()[0])


def _job(step: Step, missing: dict[str, Step], work: Path) -> Job:
    output = work / step.name.replace("/", "_")
    output.mkdir()
    return Job(
        name=step.name,
        function=step.function,
        arguments={**step.arguments, "output": output},
        after=tuple(name for name in step.after if name in missing),
        cost=step.cost,
        memory=step.memory,
    )


def _search(
    planner: Planner,
    steps: list[Step],
    results: StepResults,
    settings: Settings,
    progress: Progress,
) -> dict[str, Drift]:
    """Look for the layer at which each variant goes wrong, on the first target that it failed on.

    Returns:
        What was found, by the check's name. A search that fails is told, and costs nothing else.
    """
    if results.values[SOURCE].kind == "tflite":
        return {}
    failed: dict[str, Step] = {}
    for step in steps:
        check = results.values.get(step.name) if step.role == "check" else None
        if isinstance(check, Check) and check.status == "fail" and check.outputs:
            failed.setdefault(step.variant, step)
    searches = {step.name: planner.search(step) for step in failed.values()}
    found = run_steps(list(searches.values()), planner.cache, settings, progress).values
    return {name: found[step.name] for name, step in searches.items() if step.name in found}


def _words(outcome: Outcome) -> tuple[StepOutcome, str]:
    """Say what became of a step, and in a few words what it gave."""
    value, seconds = outcome.value, outcome.seconds
    if isinstance(value, Check):
        return words(value, seconds)
    if isinstance(value, Drift):
        return "ok", value.sentence
    if isinstance(value, AdaptedModel):
        return "ok", applied(value)
    if isinstance(value, NodesTaken):
        return "ok", taken(value)
    if isinstance(value, ArtifactCoverage):
        return "ok", shares(value.graphs)
    if isinstance(value, Artifact):
        return "ok", f"{value.file_bytes / 1e6:.2f} MB, {seconds:.1f} s"
    return "ok", f"{seconds:.1f} s"


def _stop_if_hopeless(step: Step, error: Exception, log: str) -> None:
    """Raise what makes the whole build pointless: a wrong input, a full disk, a dead source."""
    if step.role in ("search", "coverage", "adaptation"):
        return
    if isinstance(error, MobilekitError) and error.exit_status != 1:
        raise error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
        raise error
    needed_by_all = step.role in ("source", "golden", "adapt", "calibration")
    if needed_by_all and not isinstance(error, JobSkippedError):
        tail = "\n".join(log.strip().splitlines()[-_LOG_LINES:])
        raise SourceError(
            f"The {step.name} step failed: {error}. Run again with --verbose to see all of what "
            f"the libraries said; it ended with:\n{tail}"
        ) from error


def _report(
    project: Project,
    examination: Examination,
    planner: Planner,
    steps: list[Step],
    results: StepResults,
) -> Report:
    facts = results.values[SOURCE]
    variants = tuple(_variant(project, name, steps, results) for name in planner.wanted)
    adapted = adaptations(planner, results.values, results.errors)
    against = (*reasons(variants), *adaptation_reasons(adapted))
    return Report(
        verdict="fail" if against else "pass",
        reasons=against,
        model=ModelFacts(
            name=project.name,
            source=Path(project.model.source).name,
            kind=facts.kind,
            sha256=examination.sha256,
            bytes=examination.bytes,
            signature=facts.signature,
            parameters=facts.parameters,
        ),
        golden=results.values[GOLDEN],
        variants=variants,
        environment=environment(),
        adaptations=adapted,
        notes=(
            *results.values[GOLDEN].notes,
            *(f"{name}: {error}" for name, error in _untold(planner, results)),
            *coverage_notes(variants, floor_rules(project.coverage)),
            *adaptation_notes(adapted),
        ),
    )


def _untold(planner: Planner, results: StepResults) -> Iterator[tuple[str, str]]:
    """Return the variants of which nobody can say what delegates take, and why."""
    for name in planner.wanted:
        step = coverage_step(name)
        if name not in results.errors and step in results.errors:
            yield step, results.errors[step]


def _variant(project: Project, name: str, steps: list[Step], results: StepResults) -> VariantResult:
    row = VARIANTS[name]
    if name in results.errors:
        return VariantResult(
            name=name,
            description=row.description,
            status="failed",
            error=results.errors[name],
            log=f"logs/{name}.log",
            seconds=results.seconds.get(name, 0.0),
        )
    artifact: Artifact = results.values[name]
    checks = tuple(_checks(project, name, steps, results))
    coverage: ArtifactCoverage | None = results.values.get(coverage_step(name))
    rules = rules_for(floor_rules(project.coverage), name, row.format)
    return VariantResult(
        name=name,
        description=row.description,
        status="built",
        file=f"models/{row.file_name}",
        sha256=artifact.sha256,
        bytes=artifact.file_bytes,
        seconds=results.seconds.get(name, 0.0),
        cached=name in results.cached,
        signature=artifact.signature,
        operators=artifact.operators,
        structure=artifact.proofs,
        checks=checks,
        coverage=coverage.graphs if coverage else (),
        floors=check_floors(rules, coverage.graphs, told_by(checks, coverage.graphs))
        if coverage
        else untold_floors(rules, results.errors[coverage_step(name)]),
    )


def _checks(
    project: Project, name: str, steps: list[Step], results: StepResults
) -> Iterator[Check]:
    for step in steps:
        if step.role == "check" and step.variant == name:
            target = step.target
            required = target in project.verify.require
            if step.name in results.errors:
                yield Check(
                    target=target,
                    status="fail",
                    reason=f"{results.errors[step.name]}; see logs/{step.name}.log",
                    required=required,
                    seconds=results.seconds.get(step.name, 0.0),
                )
            else:
                yield replace(
                    results.values[step.name],
                    required=required,
                    drift=results.drifts.get(step.name),
                    seconds=results.seconds.get(step.name, 0.0),
                )
    if results.values[SOURCE].kind == "tflite" and REFERENCE_TARGET in project.targets():
        yield Check(
            target=REFERENCE_TARGET,
            status="not_run",
            reason="The reference outputs are this file's own on these kernels, because no trained "
            "model was given: comparing them with themselves would prove nothing.",
            required=REFERENCE_TARGET in project.verify.require,
        )


def _fill(
    stage: Path,
    project: Project,
    report: Report,
    steps: list[Step],
    results: StepResults,
    cache: Cache,
) -> Report:
    """Write everything that a release holds; return the report with what was only known then."""
    from mobilekit.report import write_reports

    entries = {step.name: cache.entry(step.key) for step in steps}
    (stage / "models").mkdir()
    for variant in report.variants:
        if variant.status == "built":
            artifact = entries[variant.name] / Path(variant.file).name
            _copy(artifact, stage / variant.file, variant.sha256)
    shutil.copytree(entries[GOLDEN] / STORED_GOLDEN, stage / "golden")
    for name, text in results.logs.items():
        log = stage / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text(text, encoding="utf-8")
    report = replace(
        report,
        modules=tuple(_modules(stage, project, report, results)),
        plans=tuple(_plans(stage, project, report)),
    )
    write_reports(report, stage)
    write_manifest(
        stage,
        {
            "model": report.model.name,
            "source": {"file": report.model.source, "sha256": report.model.sha256},
            "options": project.model_dump(mode="json"),
            "tools": report.environment,
        },
        # Those of single files were just compared with the copies.
        known={v.file: v.sha256 for v in report.variants if v.file.endswith(".tflite")},
    )
    return report


def _modules(
    stage: Path, project: Project, report: Report, results: StepResults
) -> Iterator[ModuleFacts]:
    """Write the code for apps beside the artifacts that it carries."""
    artifacts = {
        variant.name: replace(results.values[variant.name], path=stage / variant.file)
        for variant in report.variants
        if variant.status == "built"
    }
    golden = read_golden(stage / "golden")
    for platform in PLATFORMS:
        module = write_module(
            platform,
            project,
            variants=[variant.name for variant in report.variants],
            artifacts=artifacts,
            golden=golden,
            source_sha256=report.model.sha256,
            folder=stage / platform.folder,
        )
        if module:
            yield module


def _plans(stage: Path, project: Project, report: Report) -> Iterator[Plan]:
    """Plan where to run the artifacts whose graphs could be read, for each runtime."""
    for runtime, format in ((project.android.runtime, "tflite"), ("coreml", "coreml")):
        files = {
            variant.name: stage / variant.file
            for variant in report.variants
            if variant.coverage and VARIANTS[variant.name].format == format
        }
        if files:
            yield make_plan(runtime, files)


def _copy(artifact: Path, target: Path, sha256: str) -> None:
    if artifact.is_dir():
        shutil.copytree(artifact, target)
    else:
        shutil.copyfile(artifact, target)
    if sha256_of_path(target) != sha256:
        raise OutputError(
            f"{artifact} is no longer what was checked: something else changed the cache. "
            "Run again, with another --cache if it happens twice."
        )
