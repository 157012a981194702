"""The targets `adb:SERIAL/…`: what runs on a device with adb's daemon.

On Android that is the generated module, on each accelerator that it knows. On a Linux board it is
the TFLite runtime in the board's Python, `cpu` and `cpu-reference`. Both have a `cpu`, so a device
is asked which it is.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import TargetError
from mobilekit_delegates.devices import adb
from mobilekit_delegates.devices.shell import Shell
from mobilekit_delegates.devices.transport import UnreachableError
from mobilekit_delegates.targets.android_app import ACCELERATORS, AndroidApp
from mobilekit_delegates.targets.board import KERNELS, BoardTarget, split_name
from mobilekit_delegates.targets.target import Missing, Session, TargetInfo, UnsupportedError
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays

_ANSWER_SECONDS = 60.0

# Linux has no system properties. A phone on which somebody put a Python is a board.
_RUNS_APPS = """
[ -n "$(getprop ro.build.version.sdk 2>/dev/null)" ] && ! command -v python3 >/dev/null
"""


class Adb:
    """A device that `adb devices` lists."""

    def __init__(self, rest: str) -> None:
        """Take what stands behind `adb:` in a target's name.

        Raises:
            ProjectError: it is not a serial and what runs there.
        """
        self._serial, self._kind = split_name("adb", rest, (*KERNELS, *ACCELERATORS))
        self._shell = adb.shell(self._serial)

    @functools.cached_property
    def info(self) -> TargetInfo:
        """What it is."""
        if self._kind not in KERNELS:
            return self._app.info
        info = self._board.info
        if self._kind not in ACCELERATORS:
            return info
        return replace(
            info,
            description=f"a board's TFLite runtime, or Android's module, on {self._shell.device}",
            meaning=f"{info.meaning} On Android: {self._app.info.meaning}",
            emulated=self._app.info.emulated,
            in_module=True,
        )

    def missing(self) -> Missing | None:
        """Say whether the device answers and can run artifacts; this asks it, over the cable."""
        return self._place.missing()

    def version(self) -> str:
        """Return the device and what runs there."""
        return self._place.version()

    def open(self, artifact: Artifact) -> Session:
        """Prepare to run an artifact; it goes to the device with the first batches.

        Raises:
            TargetError: the device cannot be reached.
            UnsupportedError: it is an Android device, and no test app holds the artifact.
        """
        return self._place.open(artifact)

    def time_artifact(
        self, artifact: Artifact, batches: Sequence[Arrays], plan: TimingPlan
    ) -> TimedRuns:
        """Time an artifact on a board; see `TimedTarget`.

        Raises:
            UnsupportedError: it is an Android device, where apps time themselves.
        """
        place = self._place
        if isinstance(place, BoardTarget):
            return place.time_artifact(artifact, batches, plan)
        raise UnsupportedError(place.info.timed_by)

    @property
    def app(self) -> AndroidApp | None:
        """The generated module's test app there; None where the device is a board. Asks it."""
        place = self._place
        return place if isinstance(place, AndroidApp) else None

    @functools.cached_property
    def _place(self) -> BoardTarget | AndroidApp:
        if self._kind not in KERNELS:
            return self._app
        if self._kind not in ACCELERATORS:
            return self._board
        # Where the device does not answer, either will find out why, and say so.
        return self._app if _runs_apps(self._shell) else self._board

    @functools.cached_property
    def _app(self) -> AndroidApp:
        emulator = self._serial.startswith("emulator-")
        return AndroidApp(self._shell, self._kind, emulator=emulator)

    @functools.cached_property
    def _board(self) -> BoardTarget:
        def by_hand(text: str) -> str:
            return shlex.join(("adb", "-s", self._serial, "shell", text))

        return BoardTarget(self._shell, self._kind, by_hand)


def connected_devices() -> list[str]:
    """Return the names of the targets on devices that adb's server sees and that are ready.

    Hosts for ssh cannot be listed. No server is started: where none runs, there are no devices.
    """
    if not adb.server_runs():
        return []
    try:
        found = adb.devices()
    except UnreachableError:
        return []
    serials = [device.serial for device in found if device.state == "device"]
    return [
        f"adb:{serial}/{kind}"
        for serial in serials
        for kind in (ACCELERATORS if _runs_apps(adb.shell(serial)) else KERNELS)
    ]


def _runs_apps(shell: Shell) -> bool:
    try:
        ended = shell.run(("sh", "-c", _RUNS_APPS), folder="/", seconds=_ANSWER_SECONDS)
    except TargetError:
        return False
    return ended.status == 0
