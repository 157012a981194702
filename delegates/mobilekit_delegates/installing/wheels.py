"""Python packages, installed by pip for another Python than this one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mobilekit_converters.errors import ToolMissingError

_LINES_OF_LOG = 3


def install_wheels(pins: Path, into: Path, *, python: str, platforms: Sequence[str]) -> None:
    """Install the wheels that a file of pins lists, and nothing that they would like besides.

    Args:
        pins: a requirements file with a hash for every file.
        into: the folder to import them from.
        python: the version that will import them, such as `3.11`.
        platforms: the platform tags of wheels that it can load.

    Raises:
        ToolMissingError: there is no pip, or it could not install them.
    """
    if importlib.util.find_spec("pip") is None:
        raise ToolMissingError(
            f"{sys.executable} has no pip. Get it: {sys.executable} -m ensurepip"
        )
    print(f"Python packages of {pins.name}", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--no-deps", "--no-compile"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
    command += ["--target", str(into), "--python-version", python, "--implementation", "cp"]
    command += [f"--platform={tag}" for tag in platforms]
    done = subprocess.run(
        [*command, "-r", str(pins)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise ToolMissingError(
            f"pip could not install {pins.name}: {' '.join(lines[-_LINES_OF_LOG:])} "
            "Check the network, and run the same command again."
        )


def pinned_version(pins: Path, package: str) -> str:
    """Return a package's name and the version that a file of pins asks for."""
    for line in pins.read_text(encoding="utf-8").splitlines():
        name, _, version = line.split(" ")[0].partition("==")
        if name == package:
            return f"{name} {version}"
    raise ValueError(f"{pins} pins no {package}.")
