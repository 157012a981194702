"""What is measured: each artifact on each target that takes its format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mobilekit.bench.results import Benchmark
from mobilekit.subjects import Subject, Subjects, not_as_built
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError, nearest
from mobilekit_delegates.targets import target


@dataclass(frozen=True, kw_only=True)
class Case:
    """One artifact on one target. `benchmark` is what is known before anything is measured.

    `artifact` is None where nothing can be; `benchmark` says why then.
    """

    name: str
    benchmark: Benchmark
    artifact: Artifact | None = None


def chosen(subjects: Subjects, variants: tuple[str, ...]) -> Subjects:
    """Return the subjects of the variants that were named, all where none was.

    Raises:
        ProjectError: there is no such variant among them.
    """
    known = [subject.name for subject in subjects.subjects]
    for name in variants:
        if name not in known:
            raise ProjectError(
                f"There is no variant {name!r} here.{nearest(name, known)} "
                f"There are: {', '.join(known)}."
            )
    few = tuple(item for item in subjects.subjects if not variants or item.name in variants)
    return replace(subjects, subjects=few)


def require_any(subjects: Subjects) -> None:
    """See that there is something to measure.

    Raises:
        ProjectError: a target does not exist, or none takes the format of any artifact.
    """
    taken = {kind for name in subjects.targets for kind in target(name).info.formats}
    if not taken & subjects.formats:
        verb = "takes" if len(subjects.targets) == 1 else "take"
        raise ProjectError(
            f"There is nothing to measure: {', '.join(subjects.targets)} {verb} "
            f"{' and '.join(sorted(taken)) or 'nothing'}, and here is "
            f"{' and '.join(sorted(subjects.formats))}. Name another --target or --variant."
        )


def measurable(subjects: Subjects) -> Subjects:
    """Return the subjects that some target takes.

    The libraries of formats that are not measured would only fill the memory of every turn.
    """
    taken = {kind for name in subjects.targets for kind in target(name).info.formats}
    few = tuple(item for item in subjects.subjects if item.format in taken)
    return replace(subjects, subjects=few)


def cases_of(
    subjects: Subjects, artifacts: Mapping[str, Artifact | str], affinity: tuple[int, ...]
) -> Iterator[Case]:
    """Yield the cases of what was read; see `artifacts_read`.

    An artifact whose format no target takes has none.
    """
    for subject in subjects.subjects:
        for name in dict.fromkeys(subjects.targets):
            if subject.format in target(name).info.formats:
                yield _case(subject, artifacts[subject.name], name, affinity)


def title(benchmark: Benchmark) -> str:
    """Return what a benchmark is called in lines and messages."""
    return f"{benchmark.variant} on {benchmark.target}"


def _case(subject: Subject, artifact: Artifact | str, name: str, affinity: tuple[int, ...]) -> Case:
    """Return a case, with the reason where it is known that it cannot be measured."""
    place = target(name)
    recorded = subject.recorded
    empty = Benchmark(
        variant=recorded.name if recorded else getattr(artifact, "variant", subject.name),
        target=name,
        status="measured",
        emulated=place.info.emulated,
        affinity=affinity,
    )
    words = title(empty)
    if isinstance(artifact, str):
        return Case(name=words, benchmark=replace(empty, status="failed", reason=artifact))
    empty = replace(
        empty,
        file_sha256=artifact.sha256,
        file_bytes=artifact.file_bytes,
        notes=tuple(_check_notes(subject, name)),
    )
    if error := not_as_built(subject, artifact):
        return Case(name=words, benchmark=replace(empty, status="failed", reason=error))
    if missing := place.missing():
        return Case(name=words, benchmark=replace(empty, status="not_run", reason=str(missing)))
    return Case(name=words, benchmark=empty, artifact=artifact)


def _check_notes(subject: Subject, name: str) -> Iterator[str]:
    """Say that an artifact answers wrongly where it is: its times are worth little then."""
    for check in subject.recorded.checks if subject.recorded else ():
        if check.target == name and check.status == "fail":
            yield f"Its check there failed, so these are the times of wrong answers: {check.reason}"
