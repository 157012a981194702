"""Where artifacts really run.

A new target is one new file and one row in a table: `_TARGETS`, or `_FAMILIES` for targets that are
named with what they run on, such as `arm64:cortex-a53` or `adb:SERIAL/cpu`.
"""

from __future__ import annotations

from collections.abc import Callable

from mobilekit_converters.errors import ProjectError, nearest
from mobilekit_delegates.targets.adb import Adb
from mobilekit_delegates.targets.arm64 import Arm64
from mobilekit_delegates.targets.coreml import CoreML, CoreMLFp32
from mobilekit_delegates.targets.cpu import Cpu
from mobilekit_delegates.targets.cpu_fp16 import CpuFp16
from mobilekit_delegates.targets.cpu_reference import CpuReference
from mobilekit_delegates.targets.gpu import Gpu
from mobilekit_delegates.targets.ios import ios_device, ios_simulator
from mobilekit_delegates.targets.mac import Mac
from mobilekit_delegates.targets.ssh import Ssh
from mobilekit_delegates.targets.target import (
    Execution,
    InstallableTarget,
    LocalSession,
    Missing,
    Session,
    Target,
    TargetInfo,
    UnsupportedError,
)
from mobilekit_delegates.targets.tflite_floor import TFLiteFloor

__all__ = [
    "TARGETS",
    "Execution",
    "InstallableTarget",
    "LocalSession",
    "Missing",
    "Session",
    "Target",
    "TargetInfo",
    "UnsupportedError",
    "known_targets",
    "target",
]

_TARGETS: tuple[Target, ...] = (
    Cpu(),
    CpuReference(),
    CpuFp16(),
    Gpu(exact=False),
    Gpu(exact=True),
    CoreML(),
    CoreMLFp32(),
    Arm64(),
    TFLiteFloor(),
    Mac("cpu"),
    Mac("gpu"),
    Mac("neural-engine"),
    ios_simulator(),
)

TARGETS: dict[str, Target] = {row.info.name: row for row in _TARGETS}
"""The targets without options, by name."""

_FAMILIES: dict[str, tuple[tuple[str, ...], Callable[[str], Target]]] = {
    "arm64": (("arm64:CPU",), Arm64),
    "adb": (("adb:SERIAL/cpu", "adb:SERIAL/gpu"), Adb),
    "ssh": (("ssh:HOST/cpu",), Ssh),
    "ios": (("ios:UDID", "ios:UDID/neural-engine"), ios_device),
}
"""By what stands before the colon: how such names look, and the target of what stands behind it."""


def known_targets() -> tuple[str, ...]:
    """Return every name, and the form of those that are named with what they run on."""
    return (*TARGETS, *(form for forms, _ in _FAMILIES.values() for form in forms))


def target(name: str) -> Target:
    """Return the target of a name.

    Raises:
        ProjectError: there is none of that name.
    """
    if name in TARGETS:
        return TARGETS[name]
    family, colon, rest = name.partition(":")
    if colon and family in _FAMILIES:
        return _FAMILIES[family][1](rest)
    known = known_targets()
    raise ProjectError(
        f"There is no target {name!r}.{nearest(name, known)} Known: {', '.join(known)}."
    )
