"""A virtual environment with the oldest runtime that apps are expected to be pinned to."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mobilekit_converters.errors import ToolMissingError
from mobilekit_delegates.installing.places import make_whole, pinned, place_of
from mobilekit_delegates.installing.proofs import prove
from mobilekit_delegates.installing.wheels import install_wheels, pinned_version

_WHEELS = "tflite-floor-wheels.txt"
# The Pythons and the machines that its wheels are for.
PYTHONS = ("3.11", "3.10", "3.9")
MACHINES = ("x86_64", "aarch64")


def environment() -> Path:
    """Return the environment's folder, which is there once it was installed."""
    return place_of("tflite-floor", _WHEELS)


def is_installed() -> bool:
    """Say whether the environment is there, and the Python that it was made from too."""
    return python_of(environment()).exists()


def python_of(folder: Path) -> Path:
    """Return the Python of an environment."""
    return folder / "bin/python"


def runtime() -> str:
    """Return the runtime's name and version."""
    return pinned_version(pinned(_WHEELS), "tflite-runtime")


def runs_on_this_system() -> bool:
    """Say whether the runtime was ever built for this system."""
    return sys.platform.startswith("linux") and platform.machine() in MACHINES


def install_environment() -> None:
    """Make the environment; what it does goes to standard output.

    Raises:
        ToolMissingError: there is no Python that suits, no network or no room, or what came is not
            what is pinned. Nothing half-made is left.
    """
    if not is_installed():
        # Its Python was uninstalled, perhaps.
        shutil.rmtree(environment(), ignore_errors=True)
    make_whole(environment(), _build)


def find_python() -> tuple[str, str]:
    """Return the path and the version of a Python that the runtime has wheels for.

    Raises:
        ToolMissingError: there is none.
    """
    for program in _candidates():
        version = _version_of(program)
        if version in PYTHONS:
            return program, version
    raise ToolMissingError(
        f"{runtime()} needs a Python of {PYTHONS[-1]} to {PYTHONS[0]} beside this one, and none "
        "was found on the PATH. Get it: uv python install 3.11"
    )


def _candidates() -> Iterator[str]:
    yield sys.executable
    for version in PYTHONS:
        program = shutil.which(f"python{version}")
        if program is not None:
            yield program


def _version_of(program: str) -> str:
    """Return a Python's version, such as `3.11`; empty where it does not start."""
    said = subprocess.run(
        [program, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() if said.returncode == 0 else ""


def _build(folder: Path) -> None:
    python, version = find_python()
    print(f"Virtual environment of Python {version}", flush=True)
    made = subprocess.run(
        [python, "-I", "-m", "venv", "--without-pip", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        said = re.sub(r"\s+", " ", made.stdout).strip()
        raise ToolMissingError(f"{python} could not make a virtual environment: {said}")
    packages = folder / "lib" / f"python{version}" / "site-packages"
    tags = [f"{tag}_{platform.machine()}" for tag in ("manylinux2014", "manylinux_2_34")]
    install_wheels(pinned(_WHEELS), packages, python=version, platforms=tags)
    print(f"It runs {prove((str(python_of(folder)), '-I'))}", flush=True)
