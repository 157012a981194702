"""Measures cases in worker processes: one at a time, each turn a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from mobilekit.bench.importing.benchmark_model import run_benchmark_model
from mobilekit.bench.importing.device import benchmark_from_device, times_itself
from mobilekit.bench.measuring.cases import Case, cases_of, title
from mobilekit.bench.measuring.profile import profile_artifact, with_operators
from mobilekit.bench.measuring.reference import take_reference_turn
from mobilekit.bench.measuring.rounds import Effort, Series, measure
from mobilekit.bench.measuring.summary import benchmark_of, noise_of_series
from mobilekit.bench.measuring.turn import Turn, settled, take_turn
from mobilekit.bench.notes import NO_OPERATORS
from mobilekit.bench.results import Benchmark, BenchStatus, Noise
from mobilekit.jobs import Job, JobCrashedError, Limits, Outcome, run_jobs
from mobilekit.progress import Outcome as Mark
from mobilekit.progress import Progress
from mobilekit.subjects import ARTIFACT_BYTES, Subjects
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import MobilekitError, TargetError, UnsupportedError
from mobilekit_delegates.targets import target
from mobilekit_delegates.targets.timed import TimingPlan

REFERENCE_ROUNDS = 8
"""So many turns of the reference workload come before all else, to know the machine's own noise."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """How to measure. `chatter` gets what the libraries print, if it is given.

    `benchmark_model` is Google's program, for devices that would else time the module themselves.
    """

    limits: Limits
    effort: Effort = field(default_factory=Effort)
    threads: int = 1
    affinity: tuple[int, ...] = ()
    chatter: TextIO | None = None
    benchmark_model: Path | None = None

    def plan(self) -> TimingPlan:
        """Return how long a turn is."""
        return TimingPlan(
            settled=settled,
            threads=self.threads,
            affinity=self.affinity,
            # A little more than its share, so that the least number of turns is enough.
            block_seconds=1.1 * self.effort.seconds / self.effort.rounds,
            block_runs=-(-self.effort.runs // self.effort.rounds),
        )


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Takes turns in worker processes, one at a time.

    `logs` is a folder for what they say.
    """

    logs: Path
    work: Work
    progress: Progress
    subjects: Subjects

    def measure(
        self, artifacts: Mapping[str, Artifact | str]
    ) -> tuple[tuple[Benchmark, ...], Noise]:
        """Measure every artifact on its targets, and the machine itself with them."""
        cases = {case.name: case for case in cases_of(self.subjects, artifacts, self.work.affinity)}
        waiting = {
            name: Series(name=name, precise=not case.benchmark.emulated)
            for name, case in cases.items()
            if case.artifact is not None and case.benchmark.status == "measured"
        }
        reference = Series(name="the reference workload")
        found: dict[str, Benchmark] = {}

        def take_reference() -> None:
            reference.add(self._take_reference())

        def end(series: Series) -> None:
            case = cases[series.name]
            found[series.name] = benchmark_of(series, case.benchmark, self.work.effort)
            self._tell(found[series.name])

        for _ in range(REFERENCE_ROUNDS):
            take_reference()
        for name in waiting:
            self.progress.start(name)
        measure(
            list(waiting.values()),
            lambda name: self._take(cases[name]),
            self.work.effort,
            between=take_reference,
            on_end=end,
        )
        for name, case in cases.items():
            if name not in waiting:
                self._tell(case.benchmark)
        benchmarks = tuple(
            self._with_operators(case, self._from_device(case, found.get(name, case.benchmark)))
            for name, case in cases.items()
        )
        return benchmarks, noise_of_series(reference)

    def outcomes(self, jobs: list[Job]) -> list[Outcome]:
        """Run jobs and return what became of them."""
        outcomes = list(
            run_jobs(jobs, limits=self.work.limits, logs=self.logs, preload=self.subjects.modules)
        )
        for outcome in outcomes:
            if self.work.chatter and (text := outcome.log.read_text("utf-8", "replace")):
                print(f"--- {outcome.job.name}\n{text}", file=self.work.chatter)
            outcome.log.write_bytes(b"")  # The next turn has the same name.
        return outcomes

    def _take(self, case: Case) -> Turn:
        assert case.artifact is not None
        info = target(case.benchmark.target).info
        return self._turn(
            Job(
                name=case.name,
                function=take_turn,
                arguments={
                    "artifact": case.artifact,
                    "name": case.benchmark.target,
                    "golden": self.subjects.golden_folder,
                    "plan": self.work.plan(),
                },
                memory=info.memory + 4 * case.artifact.file_bytes,
            )
        )

    def _take_reference(self) -> Turn:
        arguments = {"plan": self.work.plan()}
        try:
            return self._turn(
                Job(name="reference", function=take_reference_turn, arguments=arguments)
            )
        except JobCrashedError as error:
            raise TargetError(
                f"The workload that tells this machine's noise did not run: {error}."
            ) from error

    def _turn(self, job: Job) -> Turn:
        """Take a turn in a process of its own.

        Raises:
            TargetError, UnsupportedError, JobCrashedError: what ended it.
        """
        (outcome,) = self.outcomes([job])
        if outcome.error is None:
            turn: Turn = outcome.value
            return turn
        if isinstance(outcome.error, (MobilekitError, JobCrashedError)):
            raise outcome.error
        raise TargetError(f"{type(outcome.error).__name__}: {outcome.error}")

    def _from_device(self, case: Case, found: Benchmark) -> Benchmark:
        """Let a device that times itself do so; nothing here can take turns with it."""
        if found.status != "not_run" or case.artifact is None or not times_itself(found.target):
            return found
        given: dict[str, object] = {"artifact": case.artifact, "name": found.target}
        program = self.work.benchmark_model
        job = Job(
            name=case.name,
            function=run_benchmark_model if program else benchmark_from_device,
            arguments={**given, "program": program, "threads": self.work.threads}
            if program
            else given,
            memory=ARTIFACT_BYTES,
        )
        (outcome,) = self.outcomes([job])
        if outcome.error is not None:
            unsupported = isinstance(outcome.error, UnsupportedError)
            status: BenchStatus = "not_run" if unsupported else "failed"
            return replace(found, status=status, reason=str(outcome.error))
        measured: Benchmark = outcome.value
        self._tell(measured)
        return replace(measured, notes=(*found.notes, *measured.notes))

    def _with_operators(self, case: Case, found: Benchmark) -> Benchmark:
        """Add the times of single operators, where a runtime offers them."""
        if found.status != "measured" or case.artifact is None or found.operators:
            return found
        job = Job(
            name=f"profile of {case.name}",
            function=profile_artifact,
            arguments={
                "artifact": case.artifact,
                "name": case.benchmark.target,
                "golden": self.subjects.golden_folder,
                "plan": self.work.plan(),
            },
            memory=ARTIFACT_BYTES + 4 * case.artifact.file_bytes,
        )
        (outcome,) = self.outcomes([job])
        if outcome.error is not None:
            reason = str(outcome.error).rstrip(".")
            return replace(found, notes=(*found.notes, f"{NO_OPERATORS}{reason}."))
        return with_operators(found, outcome.value)

    def _tell(self, found: Benchmark) -> None:
        name = title(found)
        if found.status == "measured" and found.latency:
            self.progress.finish(name, "ok", f"{found.latency.median_ms:.4g} ms")
        else:
            mark: Mark = "not run" if found.status == "not_run" else "FAILED"
            self.progress.finish(name, mark, found.reason)
