"""Debian packages, unpacked without Debian's tools."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from mobilekit_converters.errors import ToolMissingError
from mobilekit_delegates.installing.downloads import download

MIRRORS = (
    "https://deb.debian.org/debian/",
    # Where releases go when they are no longer supported, and where every file ever is.
    "https://archive.debian.org/debian/",
    "https://snapshot.debian.org/archive/debian/20260801T000000Z/",
)

_MAGIC = b"!<arch>\n"
_HEADER = 60


def unpack_pinned(pins: Path, downloads: Path, into: Path) -> None:
    """Get the packages that a file of pins lists, and unpack them into a folder.

    Args:
        pins: lines as `sha256sum` prints them: a hash, two spaces, a path below a mirror.
        downloads: where packages are kept until all are there.
        into: the folder that becomes the root of the packages' files.

    Raises:
        ToolMissingError: a package could not be got or read.
    """
    for line in pins.read_text(encoding="utf-8").splitlines():
        sha256, path = line.split()
        print(f"Debian package {path.rpartition('/')[2]}", flush=True)
        unpack(download(path, sha256, MIRRORS, downloads), into)


def unpack(package: Path, into: Path) -> None:
    """Unpack the files of a package: a tar archive inside of an `ar` archive.

    Raises:
        ToolMissingError: it is no such package.
    """
    for name, data in _members(package):
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                # Pythons of before mid-2023 have no filters; what is unpacked is pinned anyway.
                archive.extraction_filter = getattr(tarfile, "tar_filter", lambda member, _: member)
                archive.extractall(into)
            return
    raise ToolMissingError(f"{package.name} is no Debian package: it holds no data.tar.")


def _members(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of an `ar` archive's members."""
    data = package.read_bytes()
    if not data.startswith(_MAGIC):
        raise ToolMissingError(f"{package.name} is no Debian package.")
    start = len(_MAGIC)
    while start + _HEADER <= len(data):
        header = data[start : start + _HEADER]
        size = int(header[48:58])
        start += _HEADER
        yield header[:16].decode("ascii").rstrip(" /"), data[start : start + size]
        start += size + size % 2
