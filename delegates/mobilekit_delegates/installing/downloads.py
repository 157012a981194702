"""Files from the network that are known by their sha256."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from mobilekit_converters.errors import ToolMissingError
from mobilekit_converters.hashing import sha256_of_path

_TIMEOUT_SECONDS = 60


def download(path: str, sha256: str, mirrors: tuple[str, ...], folder: Path) -> Path:
    """Return a file from the first mirror that has it, kept in a folder.

    A file that is there already, from an attempt that was interrupted, is not got again.

    Args:
        path: the file's path below each mirror.
        sha256: what the file must have.
        mirrors: addresses that end in a slash, in the order to try them.
        folder: where the file goes, under its own name.

    Raises:
        ToolMissingError: no mirror gave it.
        OSError: it could not be written.
    """
    import http.client
    import urllib.request

    file = folder / path.rpartition("/")[2]
    if file.is_file() and sha256_of_path(file) == sha256:
        return file
    partial = file.with_name(f"{file.name}.part")
    failures = []
    for mirror in mirrors:
        try:
            with urllib.request.urlopen(mirror + path, timeout=_TIMEOUT_SECONDS) as answer:
                data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{mirror}: {error}")
            continue
        found = hashlib.sha256(data).hexdigest()
        if found == sha256:
            folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(file)
            return file
        failures.append(f"{mirror}: its sha256 is {found}, not {sha256}")
    raise ToolMissingError(
        f"{file.name} could not be downloaded ({'; '.join(failures)}). Check the network, and run "
        "the same command again: it goes on from what has arrived."
    )


def forget(folder: Path) -> None:
    """Remove the downloads that are no longer needed."""
    shutil.rmtree(folder, ignore_errors=True)
