"""Benchmarks read back from the files that hold them: a release's report, or one of a benchmark."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from mobilekit.bench.results import SCHEMA, BenchReport
from mobilekit.results import SCHEMA as REPORT_SCHEMA
from mobilekit_converters.errors import DataError
from mobilekit_converters.signature import Signature

REPORT = "report.json"


def read_bench(path: Path) -> BenchReport:
    """Read what a benchmark found from a `report.json`, or from the folder that it lies in.

    The report may be a release's, which holds the benchmark under `bench`, or the benchmark's own.
    Keys that this version does not know are left out.

    Raises:
        DataError: there is no such file, it is damaged or another tool's, or nothing was
            benchmarked; the message says which.
    """
    file = path / REPORT if path.is_dir() else path
    content = read_json(file)
    if content.get("schema") == SCHEMA:
        return parse_bench(content, file)
    if content.get("schema") != REPORT_SCHEMA:
        raise DataError(
            f"{file} holds no benchmark: its schema is {content.get('schema')!r}, not {SCHEMA!r} "
            f"or {REPORT_SCHEMA!r}. Point at a report.json that `mobilekit bench` wrote."
        )
    if not content.get("bench"):
        raise DataError(f"{file} holds no benchmark. `mobilekit bench RELEASE` adds one.")
    bench = parse_bench(content["bench"], file)
    return replace(bench, signature=bench.signature or _signature_of(content))


def read_json(file: Path) -> dict[str, Any]:
    """Read a file that holds a JSON object.

    Raises:
        DataError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is no JSON, or only a part of it: {error}.") from error
    if not isinstance(content, dict):
        raise DataError(f"{file} holds no report: it is no JSON object.")
    return content


def parse_bench(content: Any, file: Path) -> BenchReport:
    """Return a benchmark's JSON as data. `file` is what errors name.

    Raises:
        DataError: a key is missing or wrong; the message names each.
    """
    # pydantic takes a quarter of a second to import, and only reading needs it.
    from pydantic import TypeAdapter, ValidationError

    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise DataError(
            f"{file} holds a benchmark of the schema {schema!r}; this version reads {SCHEMA!r}."
        )
    try:
        return TypeAdapter(BenchReport).validate_python(content)
    except ValidationError as error:
        mistakes = "\n".join(
            f"  {'.'.join(map(str, mistake['loc'])) or 'bench'}: {mistake['msg']}"
            for mistake in error.errors(include_url=False)[:10]
        )
        raise DataError(f"{file} holds no valid benchmark:\n{mistakes}\nMeasure again.") from error


def signature_words(signature: Signature) -> str:
    """Return a signature as `BenchReport.signature` holds it: equal ones make equal words."""
    inputs, outputs = (", ".join(map(str, part)) for part in (signature.inputs, signature.outputs))
    return f"{inputs} -> {outputs}"


def _signature_of(content: dict[str, Any]) -> str:
    from pydantic import TypeAdapter, ValidationError

    model = content.get("model")
    try:
        signature = model.get("signature") if isinstance(model, dict) else None
        return signature_words(TypeAdapter(Signature).validate_python(signature))
    except ValidationError:
        return ""
