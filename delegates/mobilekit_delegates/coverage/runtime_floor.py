"""Which operators of a graph are newer than a TFLite runtime that an app is pinned to.

A file says for each operator which version of it the graph needs, and a runtime does not load what
it lacks. The file is taken at its word but for quantised int16 and for constants that are unpacked
with a scale for each channel: ai-edge-quantizer leaves the versions of the float graph that it
quantised, and an old runtime that loads such a file fails to run it, or runs it wrongly.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilekit_converters.errors import ProjectError
from mobilekit_converters.operator_graph import GraphNode, OperatorGraph

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VERSIONS = Path(__file__).with_name("runtime_versions.toml")

_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class NewerNode:
    """A node whose operator is newer than a runtime.

    `first` is the first runtime that has this version of it, such as `2.15`; None where no known
    runtime has.
    """

    node: int
    name: str
    operator: str
    version: int
    first: str | None

    def __str__(self) -> str:
        since = f"from {self.first} on" if self.first else "in no runtime that is known"
        return f"{self.operator} version {self.version} is there {since}"


def newer_than(graph: OperatorGraph, floor: str) -> tuple[NewerNode, ...]:
    """Return the nodes that a runtime is too old for. Custom operators are the app's own.

    Args:
        graph: of a `.tflite` file.
        floor: the runtime's version, such as `2.14` or `2.14.0`.

    Raises:
        ProjectError: the floor is no version.
    """
    pinned = _numbers(floor)
    return tuple(
        NewerNode(
            node=index,
            name=node.name,
            operator=node.operator,
            version=version,
            first=first,
        )
        for index, node in enumerate(graph.nodes)
        if not node.custom
        and (
            (first := first_runtime(node.operator, version := _needed(graph, node))) is None
            or _numbers(first) > pinned
        )
    )


def oldest_runtime(graphs: Iterable[OperatorGraph]) -> str | None:
    """Return the oldest runtime that has all operators of a file; None where there is none.

    A file without operators runs on any: then it is the first of all.
    """
    wanted = {
        (node.operator, _needed(graph, node))
        for graph in graphs
        for node in graph.nodes
        if not node.custom
    }
    firsts = [first_runtime(operator, version) for operator, version in wanted]
    known = [first for first in firsts if first is not None]
    if len(known) < len(firsts):
        return None
    return max((*known, _OLDEST), key=_numbers)


def first_runtime(operator: str, version: int) -> str | None:
    """Return the first runtime that has a version of an operator; None where none is known."""
    found = _first().get(operator, ())
    return (found[version - 1] or None) if 0 < version <= len(found) else None


_OLDEST = "1.5"
"""The first runtime of all, with TensorFlow 1.5."""


def _needed(graph: OperatorGraph, node: GraphNode) -> int:
    """Return the version of its operator that a node needs: the file's, or a later one."""
    tensors = [graph.tensors[index] for index in (*node.inputs, *node.outputs) if index >= 0]
    needed = {
        "int16": any(tensor.quantised and tensor.dtype == "int16" for tensor in tensors),
        "per_channel": any(tensor.per_channel for tensor in tensors),
    }
    later = (_document()[name].get(node.operator, 1) for name, is_so in needed.items() if is_so)
    return max((node.version, *map(int, later)))


@functools.cache
def _document() -> Mapping[str, Mapping[str, Any]]:
    document: dict[str, Any] = tomllib.loads(VERSIONS.read_text(encoding="utf-8"))
    return document


def _first() -> Mapping[str, Sequence[str]]:
    return _document()["first"]


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers, three of them, so that 2.14 is 2.14.0."""
    if not _VERSION.fullmatch(version):
        raise ProjectError(
            f"{version!r} is no version of a TFLite runtime. Write it as 2.14 or 2.14.0."
        )
    major, minor, *patch = map(int, version.split("."))
    return (major, minor, *(patch or [0]))
