"""What results add up to: the reasons against a pass, and a check in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mobilekit.inspecting.floors import FloorRule, contradictions, told_by
from mobilekit.inspecting.judging import nothing_taken
from mobilekit.inspecting.results import Refusal
from mobilekit.inspecting.text import how_to_adapt, kinds
from mobilekit.progress import Outcome
from mobilekit.results import Check, VariantResult
from mobilekit_converters.errors import ToolMissingError
from mobilekit_converters.variants import VARIANTS, Format
from mobilekit_delegates.targets import target

_SHOWN = (("snr_db", 1, "dB SNR"), ("agreement", 3, "agreement"))


def reasons(
    variants: tuple[VariantResult, ...], *, failed: str = "could not be made"
) -> Iterator[str]:
    """Say in a sentence each what keeps the verdict from being a pass.

    `failed` says what it means that a variant's status is `failed`.
    """
    if not variants:
        yield "No variant was asked for."
    checks = [check for variant in variants for check in variant.checks]
    if checks and all(check.status == "not_run" for check in checks):
        yield "Nothing was run: every check says not_run."
    for variant in variants:
        if variant.status == "failed":
            yield f"{variant.name} {failed}: {variant.error}"
        for floor in variant.floors:
            if floor.status == "fail":
                yield f"{variant.name}: {floor.reason}"
        for check in variant.checks:
            place = f"{variant.name} on {check.target}"
            if check.status == "fail":
                yield f"{place}: {check.reason}"
            elif check.status == "not_run" and check.required:
                yield f"{place} is required and was not run: {check.reason}"


def coverage_notes(
    variants: tuple[VariantResult, ...], floors: Iterable[FloorRule]
) -> Iterator[str]:
    """Say of which variant a delegate takes nothing, what may be why checks fail, and which floors
    had nothing to be held to.
    """
    for variant in variants:
        told_already = {floor.delegate for floor in variant.floors if floor.status == "fail"}
        for name, sentence in nothing_taken(variant.coverage):
            if name not in told_already:
                yield f"{variant.name}: {sentence}"
        told = told_by(variant.checks, variant.coverage)
        for name, said, guess in contradictions(variant.coverage, told):
            yield (
                f"{variant.name}: {name} took {said.nodes_taken} of {said.nodes} operators when it "
                f"ran ({said.place}), and {guess.nodes_taken} were estimated."
            )
    yield from _warnings(variants)
    formats = {VARIANTS[variant.name].format for variant in variants if variant.coverage}
    for floor in floors:
        if floor.format not in formats:
            yield f"The floor of {floor.delegate} was not checked: no variant for it was made."


def _warnings(variants: Iterable[VariantResult]) -> Iterator[str]:
    """Say where checks failed on delegates whose tables warn of operators that they took."""
    found: dict[str, dict[str, None]] = {}
    for variant in variants:
        failed = {_delegate(check.target) for check in variant.checks if check.status == "fail"}
        for graph in variant.coverage:
            # The usual level, which checks run, is estimated first.
            usual = {item.delegate: item for item in reversed(graph.estimates)}
            for name in sorted(failed & usual.keys()):
                for warning in usual[name].warnings:
                    found.setdefault(_warned(name, warning), {})[variant.name] = None
    for sentence, names in found.items():
        yield f"{', '.join(names)} {sentence}"


def _warned(delegate: str, warning: Refusal) -> str:
    help_ = "; ".join(filter(None, (warning.remedy, how_to_adapt(warning.adaptation, delegate))))
    sentence = f"on {delegate}: of {kinds(warning.operators)} its table warns: {warning.reason}"
    return f"{sentence}. Remedy: {help_}." if help_ else f"{sentence}."


def _delegate(target: str) -> str:
    """Return the delegate that a target runs: `gpu` of `gpu-fp32` and of `adb:SERIAL/gpu`."""
    return target.rpartition("/")[2].removesuffix("-fp32").replace("-", "_")


def words(check: Check, seconds: float) -> tuple[Outcome, str]:
    """Say how a check ended, and in a few words what it gave."""
    if check.status == "not_run":
        return "not run", check.reason
    if check.status == "fail":
        return "FAILED", check.reason
    metrics = [
        f"{check.metrics[name]:.{digits}f} {unit}"
        for name, digits, unit in _SHOWN
        if name in check.metrics
    ]
    return "ok", ", ".join([*metrics, f"{seconds:.1f} s"])


def require_targets(names: Iterable[str], formats: Iterable[Format]) -> None:
    """Make sure, before any work, that what must be run can be run here.

    Targets that take none of the formats are left alone: nothing will be asked of them.

    Raises:
        ToolMissingError: a target cannot be reached; the message says how to get it.
        ProjectError: there is no such target.
    """
    wanted = set(formats)
    lines = []
    for name in dict.fromkeys(names):
        place = target(name)
        missing = place.missing() if wanted & set(place.info.formats) else None
        if missing is not None:
            lines.append(f"The target {name} is required, and cannot be reached here. {missing}")
    if lines:
        raise ToolMissingError("\n".join(lines))
