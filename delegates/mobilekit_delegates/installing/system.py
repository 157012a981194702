"""Programs that come from the system's own packages, which needs root."""

from __future__ import annotations

import platform

# By the identifier in /etc/os-release, that of a family of systems too.
_INSTALL = {
    "debian": "sudo apt-get install",
    "fedora": "sudo dnf install",
    "arch": "sudo pacman -S",
    "suse": "sudo zypper install",
    "alpine": "sudo apk add",
}


def install_command(package: str, *, backported: bool = False) -> str:
    """Return the command that installs a package here; an empty text where none is known.

    Where `backported`, Debian 12's own version is too old and its `bookworm-backports` has one.
    """
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    names = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    command = next((_INSTALL[name] for name in names if name in _INSTALL), "")
    if backported and release.get("VERSION_CODENAME") == "bookworm":
        command += " -t bookworm-backports"
    return f"{command} {package}" if command else ""
