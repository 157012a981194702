"""Swift's compiler for the tests of generated Swift packages: Debian 13's, in the user's cache.

`python tests/ios/debian_swift.py` gets it. The packages are got and verified by apt, with a list of
sources of its own, and unpacked; nothing is installed on the system, and root is not needed. What
was got last is kept: Debian 13 is a stable release, so Swift stays 6.0.3, but a point release may
bring a newer fix of a library that it needs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import platformdirs

from mobilekit_converters.errors import ToolMissingError
from mobilekit_delegates.installing.debian import MIRRORS
from mobilekit_delegates.installing.downloads import forget
from mobilekit_delegates.installing.places import make_whole

SUITE = "trixie"
PACKAGES = ("swiftlang", "libc6-dev", "libstdc++-14-dev")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PROGRAMS = ("apt-get", "dpkg-deb", "tar", "unshare", "mount")
# Where Debian's package has the programs, inside.
BIN = "/usr/libexec/swift/bin"
_UNUSED = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./var", "./etc")
_RECIPE = (SUITE, *PACKAGES, *_UNUSED)

# The system's own /usr is hidden by Debian 13's, for this program and those that it starts. All
# other folders stay, so that paths mean the same inside and outside.
_ENTER = 'mount --bind "$0" /usr && exec "$@"'


def root() -> Path:
    """Return the folder of Debian 13's files, which is there once it was made whole."""
    digest = hashlib.sha256("\n".join(_RECIPE).encode()).hexdigest()
    return Path(platformdirs.user_cache_dir("mobilekit")) / "swift" / f"{SUITE}-{digest[:8]}"


def missing() -> str | None:
    """Say why Swift cannot run here and how to change that, or return None."""
    if reason := _unable():
        return reason
    if not root().is_dir():
        return (
            "Swift is not here. `./dev test` gets it, and so does: python tests/ios/debian_swift.py"
        )
    return None


def inside(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command that runs a command with Debian 13's /usr."""
    return (*_namespace(), "/bin/sh", "-c", _ENTER, str(root() / "usr"), *command)


def get() -> None:
    """Download and unpack Swift, unless it is there.

    Raises:
        ToolMissingError: this system cannot run it, or there is no network or no room.
    """
    if reason := _unable():
        raise ToolMissingError(reason)
    make_whole(root(), _build)


@cache
def _unable() -> str | None:
    """Say what this system lacks, or return None."""
    if not sys.platform.startswith("linux") or os.uname().machine != "x86_64":
        return "The tests get Swift for Linux on x86-64 only."
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if lacking:
        return f"Swift is got with apt and run with unshare; not here: {', '.join(lacking)}."
    if not KEYRING.is_file():
        return "Debian's keys are not here: sudo apt-get install debian-archive-keyring"
    if not Path("/lib64").resolve().is_relative_to("/usr"):
        return "Swift needs a system whose /lib64 is a link into /usr."
    if not _namespace():
        return "Neither root nor this user may mount anything in a namespace of their own here."
    return None


@cache
def _namespace() -> tuple[str, ...]:
    """Return the command that gives a program mounts of its own; empty where none may."""
    for command in (("unshare", "--mount"), ("unshare", "--map-root-user", "--mount")):
        tried = subprocess.run(
            [*command, "mount", "--bind", "/usr", "/usr"], capture_output=True, check=False
        )
        if tried.returncode == 0:
            return command
    return ()


def _build(folder: Path) -> None:
    downloads = root().with_name("downloads")
    archives = _download(downloads)
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")
    for package in archives:
        _unpack(package, folder)
    forget(downloads)


def _download(folder: Path) -> list[Path]:
    """Let apt get the packages and all that they need, as on a system that has nothing."""
    for name in ("lists/partial", "archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "etc/sources.list").write_text(
        f"deb [arch=amd64 signed-by={KEYRING}] {MIRRORS[0]} {SUITE} main\n"
    )
    settings = {
        "Dir::State": str(folder),
        "Dir::State::status": str(folder / "status"),
        "Dir::Cache": str(folder),
        "Dir::Etc": str(folder / "etc"),
        "Dir::Log": str(folder),
        "APT::Architecture": "amd64",
        "APT::Install-Recommends": "false",
        # It may not read the cache of a user, root's least of all.
        "APT::Sandbox::User": "root",
        "Acquire::Retries": "3",
    }
    configuration = folder / "apt.conf"
    configuration.write_text("".join(f'{key} "{value}";\n' for key, value in settings.items()))
    for arguments in (("update",), ("install", "--yes", "--download-only", *PACKAGES)):
        _run(
            ["apt-get", "-q", *arguments],
            {"APT_CONFIG": str(configuration), "DEBIAN_FRONTEND": "noninteractive"},
        )
    return sorted((folder / "archives").glob("*.deb"))


def _unpack(package: Path, into: Path) -> None:
    """Unpack a package's files, but for those that no compiler reads."""
    reader = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
    try:
        excluded = [f"--exclude={path}" for path in _UNUSED]
        writer = subprocess.run(
            [
                *("tar", "--extract", "--directory", str(into)),
                *("--keep-directory-symlink", "--no-same-owner", *excluded),
            ],
            stdin=reader.stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        assert reader.stdout is not None
        reader.stdout.close()
        ended = reader.wait()
    if ended or writer.returncode:
        raise ToolMissingError(f"{package.name} could not be unpacked. {writer.stderr.strip()}")


def _run(command: list[str], environment: dict[str, str]) -> None:
    run = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        raise ToolMissingError(f"{' '.join(command)} failed:\n{run.stdout[-2000:]}")


if __name__ == "__main__":
    try:
        get()
    except (ToolMissingError, OSError) as error:
        sys.exit(str(error))
