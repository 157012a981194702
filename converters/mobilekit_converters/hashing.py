"""The sha256 of a file, or of a folder as if it were one."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def sha256_of_path(path: Path) -> str:
    """Return the hexadecimal sha256 of a file, or of a folder.

    A folder's is over one line per file, `<sha256>  <relative path>`, sorted by path: what
    `sha256sum` prints, so that it can be checked without this program. Empty folders, times and
    permissions do not count.

    Raises:
        OSError: something cannot be read.
    """
    if path.is_file():
        return _sha256_of_file(path)
    files = sorted((file.relative_to(path).as_posix(), file) for file in _files(path))
    lines = "".join(f"{_sha256_of_file(file)}  {name}\n" for name, file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def bytes_of_path(path: Path) -> int:
    """Return the size of a file, or of all files in a folder, in bytes."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in _files(path))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no file or folder {folder}.")
    return [file for file in folder.rglob("*") if file.is_file()]


def _sha256_of_file(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
