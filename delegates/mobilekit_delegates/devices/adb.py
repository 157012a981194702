"""Devices over adb: Android phones, and Linux systems that run its daemon.

Sources: the adb manual, https://android.googlesource.com/platform/packages/modules/adb/+/refs/heads/main/docs/user/adb.1.md,
for the commands and the states of `adb devices`; adb's `transport.cpp` for its complaints.
"""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass

from mobilekit_delegates.devices.shell import Client, Help, Shell
from mobilekit_delegates.devices.transport import UnreachableError

INSTALL = "apt install adb  (on macOS: brew install android-platform-tools)"

_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Device:
    """A row of `adb devices`. `state` is `device` where it can be used."""

    serial: str
    state: str


def shell(serial: str) -> Shell:
    """Return the way to the device of a serial, which may be an address and a port."""

    def explain(said: str) -> Help | None:
        if "unauthorized" in said:
            return Help(
                message=f"adb:{serial} does not trust this machine: answer on the device's screen.",
                command="adb reconnect offline",
            )
        if "offline" in said:
            return Help(
                message=f"adb:{serial} is offline: its cable or its network is gone.",
                command="adb reconnect offline",
            )
        if "doesn't support PTY" in said:
            return Help(
                message=f"adb:{serial} is older than Android 7, whose adb has exit statuses."
            )
        if f"device '{serial}' not found" in said:
            connected = ", ".join(device.serial for device in devices()) or "none"
            return Help(
                message=f"There is no device {serial}. Connected: {connected}.",
                command=f"adb connect {serial}" if ":" in serial else "",
            )
        return None

    # -T: no terminal, so that bytes arrive as they were sent.
    command = ("adb", "-s", serial, "shell", "-T")
    return Shell(f"adb:{serial}", Client(command=command, install=INSTALL, explain=explain))


def server_runs() -> bool:
    """Say whether adb's server runs on this machine, without starting it as `adb` itself would."""
    # The variable is adb's own.
    port = int(os.environ.get("ANDROID_ADB_SERVER_PORT", "5037"))
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def devices() -> list[Device]:
    """Return what adb's server sees; the server is started where it does not run.

    Raises:
        UnreachableError: adb is not on this machine, or does not work.
    """
    try:
        ran = subprocess.run(
            ("adb", "devices"), capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except FileNotFoundError as error:
        raise UnreachableError("adb is not on this machine.", INSTALL) from error
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(
            f"adb did not answer for {_SECONDS} s.", "adb kill-server"
        ) from error
    if ran.returncode != 0:
        raise UnreachableError(f"adb does not work here: {ran.stderr.strip()}", "adb kill-server")
    return parse_devices(ran.stdout)


def parse_devices(text: str) -> list[Device]:
    """Read the output of `adb devices`: after a title, a serial, a tab and a state in each line."""
    rows = (line.rpartition("\t") for line in text.splitlines())
    return [Device(serial=serial, state=state) for serial, tab, state in rows if tab]
