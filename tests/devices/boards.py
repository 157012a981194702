"""This machine as boards: real daemons on loopback, with a folder and a search path of their own.

A board is unplugged by killing what serves its connections, and nothing that was started over them:
that has to find out by itself, as on a board whose cable is pulled.
"""

from __future__ import annotations

import contextlib
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from tools import require_tool

from mobilekit_delegates.devices import adb, ssh
from mobilekit_delegates.devices.shell import Shell

SYSTEM_PATH = "/usr/bin:/bin"
PATIENCE = 60.0
"""Seconds that things may take on a busy machine; nothing is slower for it that does not fail."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """`device` is its name in targets, `folder` its temporary folder, `programs` what comes first
    on its search path."""

    device: str
    shell: Shell
    folder: Path
    programs: Path
    unplug: Callable[[], None]

    def program(self, name: str, script: str) -> None:
        """Put a shell script on the board's search path."""
        write_program(self.programs / name, script)

    def is_clean(self) -> bool:
        return not list(self.folder.iterdir())


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait until something is so; False where it never is."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    """Say whether a process ended; nobody may have collected it yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def daemon(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[psutil.Process]:
    """A process that ends with the block, with all that it started, or with this process."""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            (require_tool("setpriv"), "--pdeathsig", "KILL", *command),
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    here = psutil.Process(process.pid)
    try:
        yield here
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for started in here.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    started.kill()
        process.kill()
        process.wait()


def make_folders(place: Path) -> tuple[Path, Path, dict[str, str]]:
    """Return a board's folder, its programs and its environment."""
    folder, programs = place / "board folder", place / "programs"
    folder.mkdir()
    programs.mkdir()
    environment = {
        "PATH": f"{programs}:{SYSTEM_PATH}",
        "TMPDIR": str(folder),
        "HOME": str(place),
    }
    return folder, programs, environment


@contextlib.contextmanager
def adb_board(place: Path, *, room: str = "") -> Iterator[Board]:
    """A board behind adb's daemon; needs the fixture `adb_server`.

    Args:
        place: an empty folder.
        room: the size of the board's folder, where it has one.
    """
    folder, programs, environment = make_folders(place)
    port = free_port()
    command: tuple[str, ...] = (require_tool("adbd"),)
    if room:
        mount = f"mount -t tmpfs -o size={room} board {shlex.quote(str(folder))} && exec adbd"
        command = (require_tool("unshare"), "--map-root-user", "--mount", "sh", "-c", mount)
        environment["PATH"] = f"{environment['PATH']}:/usr/sbin:/sbin"
    # This daemon gives every command the TMPDIR of the system, as on Android.
    mktemp = f"exec /usr/bin/mktemp -d {shlex.quote(str(folder))}/mobilekit-XXXXXXXX"
    write_program(programs / "mktemp", mktemp)
    log = place / "adbd.log"
    serial = f"127.0.0.1:{port}"
    with daemon(command, log, {**environment, "ADBD_PORT": str(port)}) as process:
        assert eventually(lambda: answers(port)), log.read_text()
        subprocess.run(("adb", "connect", serial), check=True, capture_output=True)
        assert eventually(lambda: adb.Device(serial=serial, state="device") in adb.devices()), (
            log.read_text()
        )
        try:
            yield Board(
                device=f"adb:{serial}",
                shell=adb.shell(serial),
                folder=folder,
                programs=programs,
                unplug=process.kill,
            )
        finally:
            subprocess.run(("adb", "disconnect", serial), check=False, capture_output=True)


@dataclass(frozen=True, kw_only=True)
class SshKeys:
    """`folder` holds the pairs `host`, `user` and `other`."""

    folder: Path

    def public(self, name: str) -> str:
        return (self.folder / f"{name}.pub").read_text()


@contextlib.contextmanager
def ssh_board(
    place: Path, keys: SshKeys, clients: Path, *, known: str = "host", greeting: str = ""
) -> Iterator[Board]:
    """A board behind sshd, whose name is `board` in the user's configuration of ssh.

    Args:
        place: an empty folder.
        keys: the pairs to use.
        clients: gets a program `ssh`, the real one with a configuration of its own.
        known: which key of `keys` the user knows as the board's, or empty.
        greeting: shell text that runs before every command.
    """
    folder, programs, environment = make_folders(place)
    port = free_port()
    (place / "authorized_keys").write_text(keys.public("user"))
    known_hosts = place / "known_hosts"
    if known:
        known_hosts.write_text(f"[127.0.0.1]:{port} {keys.public(known)}")
    settings = " ".join(f'"{name}={value}"' for name, value in environment.items())
    (place / "sshd_config").write_text(f"""
ListenAddress 127.0.0.1
Port {port}
HostKey "{keys.folder / "host"}"
AuthorizedKeysFile "{place / "authorized_keys"}"
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv {settings}
""")
    if greeting:
        command = f'{greeting}; eval "$SSH_ORIGINAL_COMMAND"'
        with (place / "sshd_config").open("a") as config_file:
            config_file.write(f"ForceCommand {command}\n")
    (place / "ssh_config").write_text(f"""
Host board 127.0.0.1
    HostName 127.0.0.1
    Port {port}
    IdentityFile "{keys.folder / "user"}"
    IdentitiesOnly yes
    UserKnownHostsFile "{known_hosts}"
    GlobalKnownHostsFile /dev/null
""")
    config = shlex.quote(str(place / "ssh_config"))
    write_program(clients / "ssh", f'exec {require_tool("ssh")} -F {config} "$@"')
    log = place / "sshd.log"
    with daemon((require_tool("sshd"), "-D", "-e", "-f", place / "sshd_config"), log) as process:
        assert eventually(lambda: answers(port)), log.read_text()

        def unplug() -> None:
            served = [child for child in process.children(recursive=True) if "sshd" in child.name()]
            for part in (process, *served):
                part.kill()

        yield Board(
            device="ssh:board",
            shell=ssh.shell("board"),
            folder=folder,
            programs=programs,
            unplug=unplug,
        )


def python_program(*command: str) -> str:
    """Return the script of a board's `python3`."""
    return f'exec {shlex.join(command or (sys.executable,))} "$@"'
