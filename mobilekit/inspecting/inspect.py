"""The job of `mobilekit inspect`: which operators of finished artifacts delegates take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mobilekit.inspecting.answers import graph_coverage
from mobilekit.inspecting.floors import FloorRule, check_floors, floor_rules, rules_for
from mobilekit.inspecting.judging import judge
from mobilekit.inspecting.measuring import Answers, ask
from mobilekit.inspecting.questions import Question, own_delegates, questions
from mobilekit.inspecting.results import InspectedArtifact, Inspection
from mobilekit.jobs import Limits
from mobilekit.progress import Progress
from mobilekit.release import MANIFEST, read_manifest
from mobilekit_converters.artifacts import read_graphs
from mobilekit_converters.errors import DataError, ProjectError, SourceError, ToolMissingError
from mobilekit_converters.hashing import bytes_of_path
from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.variants import VARIANTS, Format
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.delegates import DELEGATES
from mobilekit_delegates.coverage.runtime_floor import oldest_runtime


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What to tell of artifacts.

    `delegates` were named by the user, with levels behind an `@`; without any, all are told.
    `rules` are the user's own tables, `floors` shares by delegate, `runtime` the oldest TFLite
    runtime that apps have. With `measure` the delegates that are here are asked themselves, within
    `limits`.
    """

    delegates: tuple[str, ...] = ()
    rules: tuple[Path, ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    runtime: str = ""
    measure: bool = False
    limits: Limits | None = None


@dataclass(frozen=True, kw_only=True)
class _Subject:
    path: Path
    name: str
    format: Format
    graphs: tuple[OperatorGraph, ...]

    @property
    def variant(self) -> str:
        """The variant that it is called after, as in a release; empty where it is none."""
        return self.path.stem if self.path.stem in VARIANTS else ""


def inspect(path: Path, wishes: Wishes, progress: Progress) -> Inspection:
    """Say of each artifact which operators each delegate takes, and why not the others.

    Artifacts of a release that no delegate which is asked about can run are left out.

    Args:
        path: a `.tflite` file, an `.mlpackage` folder or a release folder.
        wishes: what to tell.
        progress: hears of delegates that are asked themselves.

    Raises:
        MobilekitError: the path is none of these, an artifact is damaged, or a wish is not known.
    """
    asked = questions((*wishes.delegates, *wishes.floors), wishes.rules, measure=wishes.measure)
    rules = floor_rules(
        wishes.floors, place="--floor", known={**DELEGATES, **own_delegates(wishes.rules)}
    )
    subjects = tuple(_subjects(path))
    _require_fitting(asked, subjects)
    formats = {question.format for question in asked}
    subjects = tuple(subject for subject in subjects if subject.format in formats)
    answers: dict[Path, Answers] = {}
    unasked: dict[str, str] = {}
    if wishes.measure and wishes.limits is not None:
        askable, unasked = _askable(asked, subjects)
        pairs = [
            (subject.path, question.delegate)
            for subject in subjects
            for question in askable
            if question.format == subject.format
        ]
        answers = ask(dict.fromkeys(pairs), wishes.limits, progress)
    artifacts = tuple(
        _inspected(subject, asked, rules, wishes, answers.get(subject.path, Answers()), unasked)
        for subject in subjects
    )
    named = frozenset(question.name for question in asked if question.named)
    reasons, warnings = judge(artifacts, named)
    return Inspection(artifacts=artifacts, reasons=reasons, warnings=warnings)


def _subjects(path: Path) -> Iterator[_Subject]:
    for item, name in _files(path):
        graphs = read_graphs(item)
        yield _Subject(path=item, name=name, format=graphs[0].format, graphs=graphs)


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Return the artifacts that a path means, each with its name for people."""
    if not path.exists():
        raise SourceError(f"There is no {path}. Check the path.")
    if not (path / MANIFEST).exists():
        _refuse_sources(path)
        yield path, path.name
        return
    names = dict.fromkeys(
        "/".join(name.split("/")[:2])
        for name in read_manifest(path).get("files", {})
        if name.startswith("models/")
    )
    if not names:
        raise DataError(f"{path} holds no artifact: every variant of it failed.")
    for name in names:
        yield path / name, name


_SOURCES = frozenset({".keras", ".h5", ".hdf5", ".pt2", ".toml"})


def _refuse_sources(path: Path) -> None:
    is_folder = path.is_dir() and path.suffix != ".mlpackage"
    is_source = any((path / name).exists() for name in ("saved_model.pb", "mobilekit.toml"))
    if path.suffix in _SOURCES or (is_folder and is_source):
        raise ProjectError(
            f"{path} is not converted yet, and what delegates take is a matter of the artifact. "
            f"Convert it with `mobilekit convert {path}` and inspect the release."
        )


def _require_fitting(asked: Iterable[Question], subjects: tuple[_Subject, ...]) -> None:
    """Make sure that each delegate that was named gets something to answer."""
    formats = {subject.format for subject in subjects}
    for question in asked:
        if question.named and question.format not in formats:
            raise ProjectError(
                f"{question.delegate} runs {_FORMATS[question.format]}, and there is none here."
            )


_FORMATS: Mapping[Format, str] = {"tflite": ".tflite files", "coreml": "Core ML packages"}


def _askable(
    asked: Iterable[Question], subjects: tuple[_Subject, ...]
) -> tuple[tuple[Question, ...], dict[str, str]]:
    """Return the delegates that can be asked themselves, and why others cannot.

    Raises:
        ToolMissingError: a delegate that was named could be asked, and lacks something here.
        ProjectError: none of those that were named can be asked.
    """
    formats = {subject.format for subject in subjects}
    fitting = [question for question in asked if question.format in formats]
    named = [question for question in fitting if question.named]
    if named and not any(question.delegate in ASKERS for question in named):
        raise ProjectError(
            f"{', '.join(question.name for question in named)} cannot be asked on a computer. "
            f"Those that can: {', '.join(ASKERS)}. Leave --measure out for an estimate."
        )
    ready, why_not = [], {}
    for question in fitting:
        asker = ASKERS.get(question.delegate)
        missing = asker.missing() if asker else None
        if missing is not None and question.named:
            raise ToolMissingError(f"{question.delegate} cannot be asked here. {missing}")
        if missing is not None:
            why_not[question.delegate] = str(missing)
        elif asker is None:
            why_not[question.delegate] = "Only a device with it can tell."
        else:
            ready.append(question)
    return tuple(ready), why_not


def _inspected(
    subject: _Subject,
    asked: Iterable[Question],
    rules: Iterable[FloorRule],
    wishes: Wishes,
    answers: Answers,
    unasked: Mapping[str, str],
) -> InspectedArtifact:
    fitting = [question for question in asked if question.format == subject.format]
    graphs = tuple(
        graph_coverage(
            graph,
            fitting,
            [told[index] for told in answers.told.values()],
            runtime=wishes.runtime,
        )
        for index, graph in enumerate(subject.graphs)
    )
    is_tflite = subject.format == "tflite"
    return InspectedArtifact(
        file=subject.name,
        format=subject.format,
        bytes=bytes_of_path(subject.path),
        graphs=graphs,
        floors=check_floors(rules_for(rules, subject.variant, subject.format), graphs),
        oldest_runtime=oldest_runtime(subject.graphs) or "" if is_tflite else "",
        unasked={
            question.delegate: unasked[question.delegate]
            for question in fitting
            if question.delegate in unasked
        },
        silent=answers.failed,
    )
