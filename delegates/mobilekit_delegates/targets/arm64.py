"""The targets `arm64` and `arm64:CPU`: LiteRT's ARM64 kernels, emulated where this is no ARM."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError, nearest
from mobilekit_delegates.installing.arm64_sysroot import (
    install_sysroot,
    litert_of_sysroot,
    python_command,
    qemu_command,
    qemu_version,
    sysroot,
    wrong_with_qemu,
)
from mobilekit_delegates.runner.here import run_here
from mobilekit_delegates.runner.job import Result
from mobilekit_delegates.targets.job_session import JobSession
from mobilekit_delegates.targets.litert_interpreter import litert_version, why_litert_is_missing
from mobilekit_delegates.targets.target import Missing, TargetInfo
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays

CPUS = {
    "cortex-a35": "Armv8.0: no dot products, no fp16 arithmetic",
    "cortex-a53": "Armv8.0: no dot products, no fp16 arithmetic; cheap phones and boards",
    "cortex-a55": "Armv8.2: dot products and fp16; the small cores of phones from 2018 on",
    "cortex-a57": "Armv8.0: no dot products, no fp16 arithmetic",
    "cortex-a72": "Armv8.0: no dot products, no fp16 arithmetic; Raspberry Pi 4",
    "cortex-a76": "Armv8.2: dot products and fp16; phones from 2019 on, Raspberry Pi 5",
    "cortex-a710": "Armv9.0: adds 8-bit matrix products and SVE2; phones from 2022 on",
    "max": "all that qemu can emulate",
}
"""The CPU models that can be named, with what sets of instructions they have."""

DEFAULT_CPU = "cortex-a76"


class Arm64:
    """LiteRT's ARM64 build: its NEON kernels, and XNNPACK's choice of them for a CPU model."""

    def __init__(self, cpu: str | None = None) -> None:
        """Choose the CPU model; without one, an ARM machine runs on its own CPU.

        Raises:
            ProjectError: there is no such CPU model.
        """
        if cpu is not None and cpu not in CPUS:
            raise ProjectError(
                f"There is no CPU {cpu!r} for arm64.{nearest(cpu, CPUS)} Known: {', '.join(CPUS)}."
            )
        self._native = not cpu and platform.machine() in ("aarch64", "arm64")
        self._cpu = cpu or DEFAULT_CPU
        where = "this machine's CPU" if self._native else f"an emulated {self._cpu}"
        self.info = TargetInfo(
            name=f"arm64:{cpu}" if cpu else "arm64",
            description=f"LiteRT's ARM64 build on {where}",
            meaning=f"LiteRT's real ARM64 kernels on {where} ({CPUS[self._cpu]}): what they "
            "compute, not how fast a phone is.",
            formats=("tflite",),
            budgets_of="arm64" if cpu else "",
            # A sample of MobileNetV2 takes four seconds in float32; eight still let one that is
            # nearly tied come out otherwise.
            cost=300,
            most_samples=8,
            memory=400 * 2**20,
            emulated=not self._native,
        )

    def missing(self) -> Missing | None:
        """Say whether the sysroot and qemu are here."""
        return why_litert_is_missing() if self._native else _why_it_is_missing()

    def version(self) -> str:
        """Return LiteRT's version, and qemu's with the CPU model."""
        if self._native:
            return litert_version()
        return f"{litert_of_sysroot()} for ARM64, qemu {qemu_version()}, {self._cpu}"

    def open(self, artifact: Artifact) -> JobSession:
        """Prepare to run an artifact with LiteRT's default kernels."""
        python = (sys.executable,) if self._native else python_command(self._cpu)
        return JobSession(
            artifact, target=self.info.name, journey=partial(run_here, python), place=self._place
        )

    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Time an artifact there; see `TimedTarget`."""
        return self.open(artifact).time(batches, plan)

    def install(self) -> None:
        """Make the sysroot; see `InstallableTarget.install`."""
        if not self._native:
            install_sysroot()

    def _place(self, result: Result) -> str:
        return result.cpu if self._native else f"qemu-aarch64 {qemu_version()}, {self._cpu}"


def _why_it_is_missing() -> Missing | None:
    """Say what of the sysroot and of qemu is not here, and how to get all of it."""
    install = "mobilekit doctor --install arm64"
    wrong, command = wrong_with_qemu(), qemu_command()
    if sysroot().is_dir():
        return Missing(reason=wrong, command=command) if wrong else None
    if not wrong:
        return Missing(reason="The ARM64 sysroot is not installed.", command=install)
    return Missing(reason=wrong, command=f"{command} && {install}" if command else "")
