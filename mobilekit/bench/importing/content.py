"""What a result file holds, read within bounds: its bytes, and its text and JSON if any."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilekit_converters.errors import DataError

MOST_BYTES = 64 * 2**20
"""No result file comes near this; logs with a line for each of 100,000 runs have a tenth of it."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Content:
    """A result file. `name` is what errors call it."""

    name: str
    data: bytes

    @functools.cached_property
    def text(self) -> str | None:
        """The content as text, or None where it is none. PowerShell redirects into UTF-16."""
        try:
            if self.data.startswith(_UTF16):
                return self.data.decode("utf-16")
            text = self.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None
        return None if "\0" in text else text

    @functools.cached_property
    def json(self) -> Any:
        """The content as JSON, or None where it is none, or only a part of it."""
        try:
            return json.loads(self.text) if self.text else None
        except (ValueError, RecursionError):
            return None

    @property
    def object(self) -> dict[str, Any]:
        """The JSON object that the content is; empty where it is none."""
        return self.json if isinstance(self.json, dict) else {}

    @property
    def looks_like_json(self) -> bool:
        """Whether the content begins as JSON does, though it may be no whole one."""
        return (self.text or "").lstrip()[:1] in ("{", "[")


def read_content(path: Path) -> Content:
    """Read a result file.

    Raises:
        DataError: it cannot be read, holds nothing, or is larger than any result.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MOST_BYTES:
        raise DataError(f"{path} has more than {MOST_BYTES // 2**20} MiB, which no result has.")
    if not data.strip():
        raise DataError(f"{path} is empty: whatever measured left no result.")
    return Content(str(path), data)
