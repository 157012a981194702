"""Finds the artifact and the target that an imported result is of, and adds it to a benchmark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mobilekit.bench.files import signature_words
from mobilekit.bench.gates import case_reasons, check_gates
from mobilekit.bench.gates import reasons as gate_reasons
from mobilekit.bench.gates import verdict as gate_verdict
from mobilekit.bench.merging import merged
from mobilekit.bench.results import Benchmark, BenchReport
from mobilekit.results import Report, VariantResult
from mobilekit_converters.errors import DataError, ProjectError, nearest
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.targets import target


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the user says of results that do not say it themselves; empty where nothing.

    `target` may be a device without an accelerator, such as `adb:R5CT20`, where results tell that.
    """

    variant: str = ""
    target: str = ""
    device: str = ""
    emulated: bool = False


def place(benchmark: Benchmark, told: Told, release: Report | None, file: str) -> Benchmark:
    """Return a result with its artifact and its target.

    An artifact is known by its sha256 where the file has it, else by the variant's name that the
    file or the user gives.

    Args:
        benchmark: as a format read it.
        told: what the user says.
        release: the release that it is of, if it is of one.
        file: what errors call it.

    Raises:
        DataError: it is of none of the release's artifacts, or of one that its target cannot run,
            or what the user says differs from what the file says.
        ProjectError: nobody says which variant or target it is of, or there is no such one.
    """
    variant = _variant(benchmark, told, release, file)
    name = _target(benchmark, told, file)
    _require_format(variant, name, file)
    recorded = _recorded(release, variant)
    return replace(
        benchmark,
        variant=variant,
        target=name,
        emulated=benchmark.emulated or told.emulated or target(name).info.emulated,
        place=told.device or benchmark.place,
        file_sha256=benchmark.file_sha256 or (recorded.sha256 if recorded else ""),
        file_bytes=benchmark.file_bytes or (recorded.bytes if recorded else 0),
    )


def added(found: Sequence[Benchmark], release: Report, latency: Mapping[str, Any]) -> BenchReport:
    """Return a release's benchmark with results added, in place of earlier ones of the same case.

    Gates, reasons and recommendations are made anew from all of it. What a baseline said of
    measurements stays, because imported results are no part of it, and so does what was asked for
    by name and not measured, until a result of it is imported.

    Args:
        found: results with their artifacts and targets.
        release: what the release's report holds.
        latency: the project's table of bounds.

    Raises:
        DataError: two results are of the same artifact on the same target.
    """
    from mobilekit.bench.recommendation import recommend

    require_single(found)
    before = release.bench or BenchReport(
        model=release.model.name,
        source_sha256=release.model.sha256,
        signature=signature_words(release.model.signature),
        verdict="pass",
    )
    new = {_case(item) for item in found}
    benchmarks = merged(before.benchmarks, found)
    bounds = check_gates(benchmarks, latency)
    rules = {(gate.variant, gate.target, gate.rule) for gate in bounds}
    kept = tuple(
        gate
        for gate in before.gates
        if (gate.variant, gate.target, gate.rule) not in rules
        and (gate.variant, gate.target) not in new
        and "baseline" in gate.rule
    )
    gates = (*bounds, *kept)
    return replace(
        before,
        benchmarks=benchmarks,
        gates=gates,
        verdict=gate_verdict(gates, benchmarks),
        reasons=(*case_reasons(benchmarks), *gate_reasons(gates)),
        recommendations=recommend(release, benchmarks),
    )


def require_single(found: Iterable[Benchmark]) -> None:
    """See that each artifact has one result on each target.

    Raises:
        DataError: one has two.
    """
    seen = set()
    for item in found:
        if _case(item) in seen:
            raise DataError(
                f"Two of the results are of {item.variant} on {item.target}. Import one of them, "
                "or say with --target how their devices differ."
            )
        seen.add(_case(item))


def _case(benchmark: Benchmark) -> tuple[str, str]:
    return benchmark.variant, benchmark.target


def _variant(benchmark: Benchmark, told: Told, release: Report | None, file: str) -> str:
    known = [item.name for item in release.variants if item.status == "built"] if release else []
    if release is not None and benchmark.file_sha256:
        named = [item.name for item in release.variants if item.sha256 == benchmark.file_sha256]
        if not named:
            raise DataError(
                f"{file} is of another artifact than this release's: its {benchmark.variant} has "
                f"the sha256 {benchmark.file_sha256}. Run its tests again with this release."
            )
        if told.variant and told.variant not in named:
            raise DataError(f"{file} is of {named[0]}, by its sha256, and not of {told.variant}.")
        # Two variants may be the same file.
        return benchmark.variant if benchmark.variant in named else named[0]
    if told.variant and benchmark.variant and told.variant != benchmark.variant:
        raise DataError(f"{file} says that it is of {benchmark.variant}, not {told.variant}.")
    name = told.variant or benchmark.variant
    if not name:
        listed = ", ".join(known)
        raise ProjectError(
            f"{file} does not tell which artifact it is of. Say so with --variant"
            f"{f': one of {listed}' if known else ', such as tflite-int8'}."
        )
    if name not in (known or VARIANTS):
        raise ProjectError(
            f"There is no variant {name!r} {'in this release' if known else 'that is known'}."
            f"{nearest(name, known or VARIANTS)}"
        )
    return name


def _target(benchmark: Benchmark, told: Told, file: str) -> str:
    accelerator = benchmark.target.rpartition("/")[2]
    name = told.target or benchmark.target
    if not name:
        raise ProjectError(
            f"{file} does not tell where it was measured. Say so with --target, such as "
            "adb:SERIAL/gpu."
        )
    if told.target and accelerator:
        asked = told.target.rpartition("/")
        if not asked[1]:
            name = f"{told.target}/{accelerator}"
        elif asked[2] != accelerator:
            raise DataError(f"{file} was measured on its device's {accelerator}, not {asked[2]}.")
    target(name)  # Raises where there is no such target.
    return name


def _require_format(variant: str, name: str, file: str) -> None:
    """See that a target runs such artifacts at all: no phone has two formats."""
    formats = target(name).info.formats
    if VARIANTS[variant].format not in formats:
        raise DataError(
            f"{file} cannot be of {variant} on {name}, which runs {' and '.join(formats)} alone. "
            "Name the artifact that was measured with --variant, or where with --target."
        )


def _recorded(release: Report | None, variant: str) -> VariantResult | None:
    variants = release.variants if release is not None else ()
    return next((item for item in variants if item.name == variant), None)
