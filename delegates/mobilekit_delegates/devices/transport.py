"""What every way to a device looks like."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mobilekit_converters.errors import TargetError


class UnreachableError(TargetError):
    """A device cannot be reached, or went away. `command` is what helps, empty where none does."""

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command on a device ended. Of very long texts only the last part is kept."""

    status: int
    output: str
    errors: str


class Transport(Protocol):
    """A device that commands and files can be brought to.

    Every method raises `UnreachableError`, which names the device and what was being done, where
    the device cannot be reached, or vanishes meanwhile.
    """

    @property
    def device(self) -> str:
        """The device's name for messages, such as `adb:R5CT20` or `ssh:board`."""

    def folder(self) -> AbstractContextManager[str]:
        """Make a folder on the device for as long as a `with` block lasts.

        The folder is removed when the block ends, and also, by the device itself, when this
        process is killed or the connection breaks (where it only falls silent: when the device's
        daemon gives it up).

        Raises:
            TargetError: the device has no place for it.
        """

    def push(self, local: Path, remote: str) -> None:
        """Copy what is in a local folder into a folder on the device.

        Raises:
            TargetError: it did not fit or could not be written.
        """

    def run(self, arguments: Sequence[str], *, folder: str, seconds: float) -> Ended:
        """Run a program in a folder on the device, and wait for it.

        The program gets no standard input. It is killed, with all that it started, when its time is
        over, when this process is killed, and when the connection breaks.

        Args:
            arguments: the program and its arguments, in any characters.
            folder: where it runs.
            seconds: its time.

        Raises:
            TargetError: it took longer.
        """

    def pull(self, remote: str, names: Sequence[str], local: Path) -> None:
        """Copy files and folders out of a folder on the device into a local folder.

        What is not there is left out. Nothing but what was asked for comes, only as plain files
        and folders, and none of it can leave the local folder.

        Raises:
            TargetError: they cannot be read, or what came is no copy of them.
        """
