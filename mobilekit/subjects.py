"""The finished artifacts that a command works on: a release's, or one file, with their golden."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilekit import tasks
from mobilekit.jobs import Job, Outcome
from mobilekit.parity.checks import targets_for
from mobilekit.parity.fitting import require_fitting
from mobilekit.parity.golden import GOLDEN_FILE, Golden, read_golden
from mobilekit.project import DEFAULT_TARGETS
from mobilekit.release import MANIFEST, read_manifest
from mobilekit.results import ModelFacts, Report, VariantResult
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, MobilekitError, ProjectError
from mobilekit_converters.variants import VARIANTS, Format

ARTIFACT_BYTES = 300 * 2**20
"""What reading an artifact takes beside the artifact itself: a measured peak, rounded up."""

_READ = "read "


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One artifact: its file, and what it must be where a release says so."""

    name: str
    path: Path
    format: Format
    recorded: VariantResult | None = None


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """Artifacts, where they are to run, and what their release says of them.

    `require` are the targets of which none may be left out. `recorded` is the release's report, and
    `options` its project.
    """

    subjects: tuple[Subject, ...]
    golden: Golden
    golden_folder: Path
    targets: tuple[str, ...]
    require: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    recorded: Report | None = None

    @property
    def formats(self) -> set[Format]:
        """The formats of the artifacts."""
        return {subject.format for subject in self.subjects}

    @property
    def budgets(self) -> Mapping[str, Mapping[str, float]]:
        """What the project allows over the defaults."""
        budgets: Mapping[str, Mapping[str, float]] = self.options.get("budgets", {})
        return budgets

    @property
    def modules(self) -> tuple[str, ...]:
        """What processes that run them are forked with."""
        return tuple(name for kind in sorted(self.formats) for name in tasks.CHECK_MODULES[kind])


def find_subjects(
    path: Path, *, targets: tuple[str, ...] = (), golden: Path | None = None
) -> Subjects:
    """Find what a path holds.

    Args:
        path: a release folder, a `.tflite` file or an `.mlpackage` folder.
        targets: those that the user named, so each is required; a release's own without any.
        golden: a folder that `write_golden` wrote, or a release; where `path` lies without it.

    Raises:
        DataError: there is no golden, or no artifact, or a file of the release is damaged.
    """
    if (path / MANIFEST).exists():
        return _of_release(path, targets, golden)
    return _of_file(path, targets, golden)


def reading_jobs(subjects: Subjects) -> list[Job]:
    """Return a job for each artifact that reads it back."""
    return [
        Job(
            name=f"{_READ}{subject.name}",
            function=tasks.read_finished,
            arguments={"path": subject.path},
            memory=ARTIFACT_BYTES,
        )
        for subject in subjects.subjects
    ]


def artifacts_read(subjects: Subjects, outcomes: Iterable[Outcome]) -> dict[str, Artifact | str]:
    """Return what came of `reading_jobs` by the subject's name; an error where one cannot be read.

    Raises:
        MobilekitError: there is but one artifact and it cannot be read, or an artifact's signature
            is not the golden's.
    """
    found: dict[str, Artifact | str] = {}
    for outcome in outcomes:
        name = outcome.job.name.removeprefix(_READ)
        if outcome.error is not None:
            if isinstance(outcome.error, MobilekitError) and subjects.recorded is None:
                raise outcome.error
            found[name] = str(outcome.error)
        else:
            require_fitting(outcome.value, subjects.golden)
            found[name] = outcome.value
    return found


def model_facts(
    path: Path, subjects: Subjects, artifacts: Mapping[str, Artifact | str]
) -> ModelFacts:
    """Return what is known of the model: from the release, or else from the only artifact.

    Raises:
        ProjectError: it cannot be read.
    """
    if subjects.recorded is not None:
        return subjects.recorded.model
    (artifact,) = artifacts.values()
    if not isinstance(artifact, Artifact):
        raise ProjectError(f"{path} could not be read: {artifact}.")
    return ModelFacts(
        name=path.stem,
        source=path.name,
        kind=subjects.subjects[0].format,
        sha256=artifact.sha256,
        bytes=artifact.file_bytes,
        signature=artifact.signature,
    )


def not_as_built(subject: Subject, artifact: Artifact) -> str:
    """Say that an artifact is not the one that its release was built with; empty where it is."""
    recorded = subject.recorded
    if recorded is None or artifact.sha256 == recorded.sha256:
        return ""
    return (
        f"{recorded.file} is not the file that was built: its sha256 is {artifact.sha256}, and the "
        f"release says {recorded.sha256}."
    )


def _of_release(folder: Path, targets: tuple[str, ...], golden: Path | None) -> Subjects:
    from mobilekit.report import read_report

    recorded = read_report(folder / "report.json")
    options: dict[str, Any] = read_manifest(folder).get("options", {})
    wishes = options.get("verify", {})
    golden_folder = _golden_folder(golden or folder / "golden")
    built = [variant for variant in recorded.variants if variant.status == "built"]
    if not built:
        raise DataError(f"{folder} holds no artifact: every variant of it failed.")
    require = targets or tuple(wishes.get("require", ()))
    return Subjects(
        subjects=tuple(
            Subject(
                name=variant.name,
                path=folder / variant.file,
                format=VARIANTS[variant.name].format,
                recorded=variant,
            )
            for variant in built
        ),
        golden=read_golden(golden_folder),
        golden_folder=golden_folder,
        targets=tuple(dict.fromkeys((*(targets or wishes["targets"]), *require))),
        require=require,
        options=options,
        recorded=recorded,
    )


def _of_file(path: Path, targets: tuple[str, ...], golden: Path | None) -> Subjects:
    if not path.exists():
        raise DataError(f"There is no {path}. Name a release, a .tflite file or an .mlpackage.")
    # A package is a folder; whether it is one at all shows when it is read.
    format: Format = "coreml" if path.is_dir() else "tflite"
    golden_folder = _golden_folder(golden or _release_of(path))
    return Subjects(
        subjects=(Subject(name=path.name, path=path, format=format),),
        golden=read_golden(golden_folder),
        golden_folder=golden_folder,
        targets=targets or targets_for(format, DEFAULT_TARGETS),
        require=targets,
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
