"""Where checks ran: on what, what an accelerator took of a graph, and what a pass there proves."""

from __future__ import annotations

from dataclasses import dataclass

from mobilekit.report.findings import is_fault, ran
from mobilekit.report.tables import NOT_MEASURED, Cell, Column, Row, Table, badge
from mobilekit.results import Check, VariantResult
from mobilekit_converters.errors import ProjectError
from mobilekit_delegates.targets import target

EMULATED = "Emulated: its times are not a device's, and no gate reads them."


@dataclass(frozen=True, kw_only=True)
class Place:
    """A target that checks are on, and what they found out about it.

    `ran_on` names the adapters, CPU models or devices; `remarks` are what they said of themselves.
    `times` says what its times are worth where they are not a device's.
    """

    target: str
    ran_on: str
    meaning: str
    times: str
    checks: tuple[Check, ...]
    remarks: tuple[str, ...]


def places(variants: tuple[VariantResult, ...]) -> tuple[Place, ...]:
    """Return every target that there are checks on, in order of appearance."""
    checks = [check for variant in variants for check in variant.checks]
    return tuple(
        _place(name, tuple(check for check in checks if check.target == name))
        for name in dict.fromkeys(check.target for check in checks)
    )


def _place(name: str, checks: tuple[Check, ...]) -> Place:
    return Place(
        target=name,
        ran_on=", ".join(dict.fromkeys(c.execution.place for c in checks if c.execution.place)),
        meaning=_meaning(name),
        times=EMULATED if any(check.emulated for check in checks) else "",
        checks=checks,
        remarks=tuple(dict.fromkeys(note for check in checks for note in check.execution.notes)),
    )


def _meaning(name: str) -> str:
    """Say what a pass on a target proves; a report read back may name one that is not known."""
    try:
        return target(name).info.meaning
    except ProjectError:
        return "This version of mobilekit does not know this target, nor what a pass on it proves."


def targets_table(variants: tuple[VariantResult, ...]) -> Table:
    """Return every target with its checks and what a pass on it proves."""
    return Table(
        caption="Every target, and what a pass on it proves",
        columns=(
            Column(label="Target"),
            Column(label="Checks"),
            Column(label="Required"),
            Column(label="What it is", wide=True),
        ),
        rows=tuple(_target_row(place) for place in places(variants)),
    )


def _target_row(place: Place) -> Row:
    required = any(check.required for check in place.checks)
    badges = tuple(
        badge(status, f"{count}", required=required)
        for status in ("pass", "fail", "not_run")
        if (count := sum(check.status == status for check in place.checks))
    )
    return Row(
        cells=(
            Cell(text=place.target, note=place.ran_on),
            Cell(badges=badges),
            Cell(text="yes" if required else "no"),
            Cell(text=place.meaning, note=place.times, quiet=True),
        ),
        failed=any(is_fault(check) for check in place.checks),
    )


def accelerators_table(variants: tuple[VariantResult, ...]) -> Table:
    """Return what accelerators took and what targets said of themselves, like answers together."""
    groups: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for variant in variants:
        for check in ran(variant):
            seen = check.execution
            if seen.nodes_taken is not None or seen.notes:
                key = (check.target, seen.place, nodes_taken(check), seen.notes)
                groups.setdefault(key, []).append(variant.name)
    return Table(
        caption="How much of each graph the accelerator took, and what was not exercised",
        columns=(
            Column(label="Target"),
            Column(label="Variants"),
            Column(label="Nodes taken"),
            Column(label="Remarks", wide=True),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=name, note=place),
                    Cell(text=", ".join(names)),
                    Cell(text=taken) if taken else NOT_MEASURED,
                    Cell(text=" ".join(notes), quiet=True) if notes else NOT_MEASURED,
                )
            )
            for (name, place, taken, notes), names in groups.items()
        ),
    )


def nodes_taken(check: Check) -> str:
    """Say how many of the graph's nodes the accelerator took, or nothing where there is none."""
    seen = check.execution
    if seen.nodes_taken is None:
        return ""
    return f"{seen.nodes_taken:,} of {'?' if seen.nodes is None else f'{seen.nodes:,}'}"
