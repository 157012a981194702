"""A benchmark put together with the one that its release already has, case by case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mobilekit.bench.baseline import IDENTITY, is_here
from mobilekit.bench.results import Benchmark, BenchReport, Gate
from mobilekit.results import Report


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What of an earlier benchmark still holds: cases, what a baseline said of them, and a note."""

    benchmarks: tuple[Benchmark, ...] = ()
    gates: tuple[Gate, ...] = ()
    notes: tuple[str, ...] = ()


def merged(earlier: Sequence[Benchmark], found: Sequence[Benchmark]) -> tuple[Benchmark, ...]:
    """Return earlier cases and found ones, which take the place of the same earlier ones."""
    cases = {(item.variant, item.target): item for item in earlier}
    cases |= {(item.variant, item.target): item for item in found}
    return tuple(cases.values())


def earlier_of(
    release: Report,
    report: BenchReport,
    planned: Sequence[Benchmark],
    *,
    partial: bool,
    threads: int,
) -> Earlier:
    """Return what of a release's benchmark stays beside a new one.

    Cases that are not planned stay where they are of the same artifact and, if measured here, of
    the same machine, threads and cores. A run of all that a release is for, which is not `partial`,
    answers for itself: of earlier cases that did not work nothing stays then.

    Args:
        release: what the release's report holds.
        report: the new benchmark, of which its `machine` is read.
        planned: the new benchmark's cases.
        partial: whether the user named targets or variants.
        threads: how many the new ones run on.
    """
    before = release.bench
    if before is None:
        return Earlier()
    files = {item.name: item.sha256 for item in release.variants if item.status == "built"}
    new = {(item.variant, item.target) for item in planned}
    others = [
        item
        for item in before.benchmarks
        if (item.variant, item.target) not in new and (partial or item.status == "measured")
    ]
    same_machine = all(before.machine.get(key) == report.machine.get(key) for key in IDENTITY)
    cores = {item.affinity for item in planned}
    tests: tuple[Callable[[Benchmark], bool], ...] = (
        lambda item: item.file_sha256 in ("", files.get(item.variant)) and item.variant in files,
        lambda item: same_machine or not is_here(item),
        lambda item: item.origin != "mobilekit" or item.threads in (None, threads),
        lambda item: item.origin != "mobilekit" or item.affinity in cores,
    )
    stay = [item for item in others if all(test(item) for test in tests)]
    cases = {(item.variant, item.target) for item in stay}
    gone = len(others) - len(stay)
    return Earlier(
        benchmarks=tuple(
            replace(item, kept_from=item.kept_from or before.started or "an unknown time")
            for item in stay
        ),
        gates=tuple(
            gate
            for gate in before.gates
            if (gate.variant, gate.target) in cases and "baseline" in gate.rule
        ),
        notes=(
            f"{gone} earlier measurement{'s were' if gone > 1 else ' was'} left out: of other "
            "artifacts, another machine, or other threads or cores.",
        )
        if gone
        else (),
    )
