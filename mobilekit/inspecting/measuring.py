"""Asks the delegates that are here, each in a process of its own: native code may crash or hang."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mobilekit.jobs import Job, Limits, Outcome, run_jobs
from mobilekit.progress import Progress
from mobilekit_converters.errors import MobilekitError
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.coverage import Coverage

_ASKER_BYTES = 500 * 2**20
"""What asking takes beside the artifact itself: the GPU accelerator's peak, rounded up."""


@dataclass
class Answers:
    """What was told of one artifact, by delegate: each graph's coverage, or why there is none."""

    told: dict[str, tuple[Coverage, ...]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def ask(
    pairs: Iterable[tuple[Path, str]], limits: Limits, progress: Progress
) -> dict[Path, Answers]:
    """Ask delegates about artifacts.

    Args:
        pairs: artifacts, each with a delegate that takes its format: those of `ASKERS` that are
            here.
        limits: how many processes at once, and what each may take.
        progress: hears of each question.
    """
    pairs = tuple(pairs)
    found = {path: Answers() for path, _ in pairs}
    jobs = [
        Job(
            name=f"{path.name} on {delegate}",
            function=_ask,
            arguments={"delegate": delegate, "path": path},
            memory=_ASKER_BYTES,
        )
        for path, delegate in pairs
    ]
    with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
        for outcome in run_jobs(
            jobs,
            limits=limits,
            logs=Path(folder),
            on_start=lambda job: progress.start(job.name),
            preload=("mobilekit_delegates.coverage.asking",),
        ):
            answers = found[outcome.job.arguments["path"]]
            delegate = outcome.job.arguments["delegate"]
            if outcome.error is None:
                answers.told[delegate] = outcome.value
                progress.finish(outcome.job.name, "ok", f"{outcome.seconds:.1f} s")
            else:
                answers.failed[delegate] = _why(outcome)
                progress.finish(outcome.job.name, "FAILED", answers.failed[delegate])
    return found


def _ask(delegate: str, path: Path) -> tuple[Coverage, ...]:
    return ASKERS[delegate].ask(path)


def _why(outcome: Outcome) -> str:
    """Say why there is no answer; what a process said last helps where it crashed."""
    if isinstance(outcome.error, MobilekitError):
        return str(outcome.error)
    log = outcome.log.read_text("utf-8", "replace").strip().splitlines()
    return f"{outcome.error}." + (f" It last said: {log[-1].strip()}" if log else "")
