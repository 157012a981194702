"""Debian's ARM64 Python with LiteRT, and the command that runs it under qemu's user emulation.

The packages are those of Debian 12's last point release, which no longer change; nothing is
installed on the system, and qemu needs neither root nor binfmt for them.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

from mobilekit_converters.errors import ToolMissingError
from mobilekit_delegates.installing.debian import unpack_pinned
from mobilekit_delegates.installing.downloads import forget
from mobilekit_delegates.installing.places import make_whole, pinned, place_of
from mobilekit_delegates.installing.proofs import prove
from mobilekit_delegates.installing.system import install_command
from mobilekit_delegates.installing.wheels import install_wheels, pinned_version

_DEBIAN = "arm64-debian.txt"
_WHEELS = "arm64-wheels.txt"
_PLATFORMS = ("manylinux_2_27_aarch64", "manylinux_2_28_aarch64")
_PYTHON = "3.11"
_PACKAGES = Path("usr/lib/python3/dist-packages")  # where Debian's Python looks for packages
_PROGRAMS = ("qemu-aarch64", "qemu-aarch64-static")
# Measured: 7.2.22 crashes in LiteRT's interpreter, 10.0.2 runs it. What lies between proves itself
# when the sysroot is installed.
_OLDEST_QEMU = (8, 0)


def sysroot() -> Path:
    """Return the sysroot's folder, which is there once it was installed."""
    return place_of("arm64", _DEBIAN, _WHEELS)


def python_command(cpu: str, root: Path | None = None) -> tuple[str, ...]:
    """Return the command that starts the sysroot's Python on a CPU model that qemu knows."""
    root = root or sysroot()
    python = root / "usr/bin" / f"python{_PYTHON}"
    return (_qemu() or _PROGRAMS[0], "-cpu", cpu, "-L", str(root), str(python), "-I")


def wrong_with_qemu() -> str:
    """Say in a sentence why this machine's qemu cannot run the sysroot; empty where it can."""
    if not sys.platform.startswith("linux"):
        return "qemu's user emulation runs on Linux only."
    program = _qemu()
    if program is None:
        return f"{_PROGRAMS[0]} is not on this machine."
    version = qemu_version()
    if _numbers(version) < _OLDEST_QEMU:
        oldest = ".".join(map(str, _OLDEST_QEMU))
        return (
            f"{program} is version {version}, which crashes in LiteRT; {oldest} or later does not."
        )
    return ""


def qemu_command() -> str:
    """Return the command that installs qemu on this system; empty where none is known."""
    return install_command("qemu-user", backported=True)


def install_sysroot() -> None:
    """Make the sysroot; what it does goes to standard output.

    Raises:
        ToolMissingError: there is no qemu, no network or no room, or what came is not what is
            pinned. Nothing half-made is left but downloads, with which the next attempt goes on.
    """
    if wrong := wrong_with_qemu():
        raise ToolMissingError(f"{wrong} Get it: {qemu_command()}" if qemu_command() else wrong)
    make_whole(sysroot(), _build)


def litert_of_sysroot() -> str:
    """Return the name and version of LiteRT in the sysroot."""
    return pinned_version(pinned(_WHEELS), "ai-edge-litert")


def qemu_version() -> str:
    """Return the version of qemu, or an empty text where it says none."""
    program = _qemu()
    return _version_of(program) if program else ""


def _qemu() -> str | None:
    return next((path for path in map(shutil.which, _PROGRAMS) if path), None)


@functools.cache
def _version_of(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+(\.\d+)+)", said.stdout)
    return found[1] if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".") if number)


def _build(root: Path) -> None:
    downloads = sysroot().with_name("arm64.downloads")
    unpack_pinned(pinned(_DEBIAN), downloads, root)
    install_wheels(pinned(_WHEELS), root / _PACKAGES, python=_PYTHON, platforms=_PLATFORMS)
    # It also leaves the compiled modules behind, with which later starts are faster.
    print(f"It runs {prove(python_command('max', root))} under qemu", flush=True)
    forget(downloads)
