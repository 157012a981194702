"""The targets `adb:SERIAL/cpu` and `adb:SERIAL/cpu-reference`: a Linux device with adb's daemon."""

from __future__ import annotations

import shlex

from mobilekit_delegates.devices import adb
from mobilekit_delegates.devices.transport import UnreachableError
from mobilekit_delegates.targets.board import KERNELS, BoardTarget, split_name


class Adb(BoardTarget):
    """A device that `adb devices` lists."""

    def __init__(self, rest: str) -> None:
        """Take what stands behind `adb:` in a target's name.

        Raises:
            ProjectError: it is not a serial and what runs there.
        """
        serial, kernels = split_name("adb", rest)

        def by_hand(text: str) -> str:
            return shlex.join(("adb", "-s", serial, "shell", text))

        super().__init__(adb.shell(serial), kernels, by_hand)


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
    ready = [device.serial for device in found if device.state == "device"]
    return [f"adb:{serial}/{kernels}" for serial in ready for kernels in KERNELS]
