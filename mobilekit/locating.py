"""The job of `mobilekit locate`: make what is to be looked at, and find where it goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mobilekit import tasks
from mobilekit.cache import Cache
from mobilekit.jobs import Job, run_jobs
from mobilekit.parity.budgets import Budget, budget_for
from mobilekit.parity.checks import HOME
from mobilekit.pipeline import Settings, StepResults, run_steps
from mobilekit.progress import Progress
from mobilekit.project import Project
from mobilekit.release import output_errors
from mobilekit.results import Drift
from mobilekit.steps import GOLDEN, SOURCE, Planner, Step
from mobilekit.verdict import require_targets
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ConversionError, DataError, ProjectError, TargetError
from mobilekit_converters.sources import examine
from mobilekit_converters.variants import VARIANTS, variant
from mobilekit_delegates.targets import target


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What to look at: one of the project's variants, or a finished file in its place.

    A file without a variant's name is taken for the precision that it shows. `target` is where it
    runs; the default is the one that every artifact of its format can run on.
    """

    variant: str = ""
    artifact: Path | None = None
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class Located:
    """What was found, of which variant and on which target."""

    variant: str
    target: str
    drift: Drift


def locate(project: Project, subject: Subject, settings: Settings, progress: Progress) -> Located:
    """Find the first layer at which an artifact leaves its source.

    The source, the golden and the artifact come from the cache where an earlier build left them.

    Raises:
        ConversionError: the variant cannot be made.
        DataError: the golden or the file is another model's, or the file is damaged.
        ProjectError: the source is a finished file itself, or the variant has no name.
        TargetError: the artifact does not run.
        ToolMissingError: the target cannot be reached.
        UnsupportedError: the target does not show what it computes on the way.
    """
    finished = _finished(subject, settings)
    name = subject.variant or (finished.variant if finished else "")
    if not name:
        raise ProjectError("Say what to look at: --variant tflite-int8, or --artifact FILE.")
    row = variant(name)
    place = subject.target or HOME[row.format]
    _require_taking(place, row.name)
    source = examine(project.source, project.source_options(trust=settings.trust))
    if source.kind == "tflite":
        raise ProjectError(
            f"{project.source} is a finished file: there is no trained model to compare its "
            "layers with. Give the model that it was made from."
        )
    planner = Planner(
        project=project,
        examination=source,
        cache=Cache(folder=settings.cache),
        trust=settings.trust,
    )
    steps = [s for s in planner.steps() if _is_needed(s, made=finished is None)]
    with output_errors(settings.cache):
        results = run_steps(steps, planner.cache, settings, progress)
    entries = {step.name: planner.cache.entry(step.key) for step in steps}
    artifact = finished or _made(results, entries, name)
    drift = _run(
        {
            "artifact": replace(artifact, variant=name),
            "model": project.source,
            "source": entries[SOURCE],
            "golden": entries[GOLDEN] / tasks.GOLDEN,
            "target": place,
            "budget": budget_for(name, target(place).info.budgets_of or place, project.budgets),
        },
        settings,
        planner.cache,
    )
    return Located(variant=name, target=place, drift=drift)


def find_drift(
    artifact: Artifact, model: Path, source: Path, golden: Path, target: str, budget: Budget
) -> Drift:
    """Look at one artifact, in a process of its own.

    Args:
        artifact: read back.
        model: the source's own file, whose configuration names its layers.
        source: the cache entry of `freeze_source`.
        golden: the golden's `.npz` in its cache entry, or a folder that `write_golden` wrote.
        target: where it runs.
        budget: what its outputs are held to there.
    """
    from mobilekit.parity.fitting import require_fitting
    from mobilekit.parity.golden import load, read_golden
    from mobilekit.parity.locate import LocateRequest, locate

    require_fitting(artifact, load(golden) if golden.is_file() else read_golden(golden))
    return locate(
        LocateRequest(
            artifact=artifact,
            target=target,
            golden=golden,
            frozen=source / tasks.FROZEN,
            source=model,
            budget=budget,
        )
    )


def _finished(subject: Subject, settings: Settings) -> Artifact | None:
    """Read the file that is to be looked at, in a process of its own: it may be damaged."""
    if subject.artifact is None:
        return None
    if not subject.artifact.exists():
        raise DataError(f"There is no artifact {subject.artifact}.")
    cache = Cache(folder=settings.cache)
    with output_errors(settings.cache), cache.workspace() as work:
        job = Job(
            name="artifact", function=tasks.read_finished, arguments={"path": subject.artifact}
        )
        (outcome,) = run_jobs([job], limits=settings.limits, logs=work)
    if outcome.error is not None:
        raise outcome.error
    artifact: Artifact = outcome.value
    return artifact


def _require_taking(place: str, name: str) -> None:
    """Make sure that a target is here and takes a variant's format."""
    format = VARIANTS[name].format
    info = target(place).info
    if format not in info.formats:
        raise ProjectError(
            f"The target {place} takes no {format} artifact, so {name} cannot be looked at there. "
            f"Leave --target out to look at it on {HOME[format]}."
        )
    require_targets([place], [format])


def _is_needed(step: Step, *, made: bool) -> bool:
    """Say whether a step has to run before the look: no check has, and no conversion of a file."""
    return step.role in ("source", "golden") or (made and step.role in ("calibration", "variant"))


def _made(results: StepResults, entries: dict[str, Path], name: str) -> Artifact:
    if name in results.errors:
        raise ConversionError(f"{name} could not be made: {results.errors[name]}")
    artifact: Artifact = results.values[name]
    return replace(artifact, path=entries[name] / VARIANTS[name].file_name)


def _run(arguments: dict[str, object], settings: Settings, cache: Cache) -> Drift:
    with cache.workspace() as work:
        job = Job(name="locate", function=find_drift, arguments=arguments)
        (outcome,) = run_jobs([job], limits=settings.limits, logs=work)
        log = outcome.log.read_text("utf-8", "replace") if outcome.log.exists() else ""
    if settings.chatter and log:
        print(f"--- locate\n{log}", file=settings.chatter)
    if outcome.error is None:
        drift: Drift = outcome.value
        return drift
    if hasattr(outcome.error, "exit_status"):
        raise outcome.error
    raise TargetError(
        f"The artifact could not be looked at: {outcome.error}. Run again with --verbose to see "
        "what the libraries said."
    ) from outcome.error
