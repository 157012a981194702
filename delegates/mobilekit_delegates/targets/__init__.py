"""Where artifacts really run. A new target is one new file and one row in the table."""

from __future__ import annotations

from mobilekit_converters.errors import ProjectError, nearest
from mobilekit_delegates.targets.cpu import Cpu
from mobilekit_delegates.targets.cpu_reference import CpuReference
from mobilekit_delegates.targets.target import Session, Target

__all__ = ["TARGETS", "Session", "Target", "target"]

_ROWS: tuple[Target, ...] = (Cpu(), CpuReference())

TARGETS: dict[str, Target] = {row.name: row for row in _ROWS}


def target(name: str) -> Target:
    """Return the target of a name.

    Raises:
        ProjectError: there is none of that name.
    """
    if name not in TARGETS:
        raise ProjectError(
            f"There is no target {name!r}.{nearest(name, TARGETS)} Known: {', '.join(TARGETS)}."
        )
    return TARGETS[name]
