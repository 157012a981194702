"""`report.json`: the report's dataclasses as JSON, and back.

JSON has no infinity and no NaN, so those three numbers are written as the strings `"Infinity"`,
`"-Infinity"` and `"NaN"` (as protocol buffers' JSON does) and read back as numbers.
"""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilekit.results import SCHEMA, Report
from mobilekit_converters.errors import DataError

_NUMBERS = re.compile(r"(?<=\[)\n\s+-?\d[^\]\[{}\"]*(?=\])")
"""A list of nothing but numbers, without its brackets, as `json.dumps` indents it."""


def report_json(report: Report) -> str:
    """Return a report as JSON, in the order of the dataclasses' fields, `schema` first."""
    content = plain(report)
    ordered = {"schema": content.pop("schema"), **content}
    return json_text(ordered)


def json_text(content: Any) -> str:
    """Return what JSON can hold as indented text, in which a list of numbers is one line."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    # No text in a report is matched: a line break in one is written `\\n`.
    return _NUMBERS.sub(lambda found: re.sub(r"\s+", " ", found[0]).strip(), text) + "\n"


def read_report(path: Path) -> Report:
    """Read a `report.json`. Keys that this version does not know are left out.

    Raises:
        DataError: the file cannot be read, is no JSON, or is not of the schema; the message names
            each key that is wrong.
    """
    # pydantic takes a quarter of a second to import, and only reading needs it.
    from pydantic import TypeAdapter, ValidationError

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"Cannot read the report {path}: {error.strerror}.") from error
    except ValueError as error:
        raise DataError(
            f"{path} is no JSON ({error}). Build the release again to get a whole report."
        ) from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise DataError(
            f"{path} is no report that this version reads: its schema is {schema!r}, "
            f"not {SCHEMA!r}. "
            "Point at the report.json of a release."
        )
    try:
        return TypeAdapter(Report).validate_python(content)
    except ValidationError as error:
        mistakes = (
            f"  {'.'.join(map(str, mistake['loc'])) or 'report'}: {mistake['msg']}"
            for mistake in error.errors(include_url=False)
        )
        raise DataError(
            f"{path} is no valid report:\n" + "\n".join(mistakes) + "\nBuild the release again."
        ) from error


def plain(value: Any) -> Any:
    """Return a value as what JSON can hold, numpy's numbers included."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return _plain_float(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    raise TypeError(f"A report cannot hold a {type(value).__name__}: {value!r}")


def _plain_float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
