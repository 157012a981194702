"""The formats that can be imported. A new one is a file with the members of `ResultFormat`."""

from __future__ import annotations

from collections.abc import Sequence

from mobilekit.bench.importing import (
    benchmark_result,
    benchmark_text,
    device_report,
    litert_benchmark,
    xcode_metrics,
)
from mobilekit.bench.importing.content import Content
from mobilekit.bench.importing.format import ResultFormat
from mobilekit.bench.results import Benchmark
from mobilekit_converters.errors import DataError

FORMATS: Sequence[ResultFormat] = [
    device_report,
    litert_benchmark,
    xcode_metrics,
    benchmark_text,
    benchmark_result,
]
"""In the order in which they are asked: what is least telling, a protocol buffer, comes last."""


def read_results(content: Content) -> tuple[Benchmark, ...]:
    """Return what a file says was measured; see `ResultFormat.read`.

    Raises:
        DataError: it is of no known format, damaged, or says what cannot be.
    """
    for known in FORMATS:
        if known.recognises(content):
            return known.read(content)
    names = "\n".join(f"  {known.NAME}" for known in FORMATS)
    raise DataError(f"{content.name} is {_looks(content)}. What can be imported:\n{names}")


def _looks(content: Content) -> str:
    """Say what a file is that no format knows, as far as can be seen."""
    if content.text is None:
        return "binary, and no result that is known"
    if content.looks_like_json and content.json is None:
        return "no whole JSON: it was cut off, or edited"
    if content.looks_like_json:
        schema = content.object.get("schema")
        if isinstance(schema, str) and schema.startswith("mobilekit/"):
            return (
                f"no benchmark of a device that this version reads: its schema is {schema[:80]!r}"
            )
        keys = ", ".join(map(repr, list(content.object)[:6]))
        return f"JSON of another tool{f', with the keys {keys}' if keys else ''}"
    return "text in which no result is found"
