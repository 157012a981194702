"""Which operations of a SavedModel do more than compute, found without running any."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mobilekit_converters.errors import UntrustedSourceError
from mobilekit_converters.sources.unpacking import refuse_expansion

_DANGEROUS = (
    (r"(Eager)?PyFunc(Stateless)?", "runs Python code"),
    (r"(Read|Write|Matching)File.*|.*MatchingFiles.*", "reads or writes files"),
    (r"InitializeTableFromTextFile.*", "reads files"),
    (r".*(Dataset|Iterator|Reader|RecordInput|LoadAndRemap|Snapshot).*", "reads files"),
    (r".*(Summary|ImportEvent|CalibrationStatisticsSaver|DistributedSave).*", "writes files"),
    (r"Print(V2)?|.*Debug(Identity|Nan|Numeric).*", "can write files"),
    (r".*(Rpc|RemoteCall|FileSystem|WorkerHeartbeat).*", "reaches other machines or processes"),
    (r"_?(Xla|Nccl|Collective|Host)?\w*(Send|Recv|Collective)\w*", "reaches other processes"),
)
"""Patterns over the names of TensorFlow's operations, whole, and what those do."""

_CHECKPOINTS = re.compile(r".*(Save|Restore|Checkpoint).*|Sharded(Filename|Filespec)")
"""Operations on checkpoints: every SavedModel holds them, to store its own variables."""

_BYTES_PER_NUMBER = 4

Place = tuple[str, str]
"""A node of the main graph, or a function: names are unique only among their own."""

_NODE, _FUNCTION = "node", "function"

_INITIALISERS = ("saved_model_main_op", "legacy_init_op")
"""Collections of what TensorFlow 1 runs while it loads."""


def refuse_dangerous_operations(path: Path, saved_model: Any) -> None:
    """Refuse operations that read, write, call out or run Python.

    Checkpoint operations are let through where nothing but the SavedModel's own saver leads to
    them: the model's signatures, functions and initialisers must not.

    Raises:
        UntrustedSourceError: there is one; the message names it and what it does.
    """
    for meta_graph in saved_model.meta_graphs:
        for node in _all_nodes(meta_graph.graph_def):
            for pattern, what in _DANGEROUS:
                if re.fullmatch(pattern, node.op):
                    raise _refusal(path, node, what)
        for node in _reachable(meta_graph, _roots(meta_graph)):
            if _CHECKPOINTS.fullmatch(node.op):
                raise _refusal(path, node, "reads or writes checkpoint files")
        for node in _reachable(
            meta_graph, [(_NODE, _node_name(meta_graph.saver_def.restore_op_name))]
        ):
            if node.op.startswith("Save") or node.op.startswith("Merge"):
                raise _refusal(path, node, "writes files while the model loads")


def refuse_constants_that_expand(path: Path, saved_model: Any, stored_bytes: int) -> None:
    """Refuse constants far larger than the file: one stored number can fill any shape.

    Raises:
        SourceError: they would take far more memory than the folder takes on the disk.
    """
    numbers = 0
    for meta_graph in saved_model.meta_graphs:
        for node in _all_nodes(meta_graph.graph_def):
            for value in node.attr.values():
                if value.HasField("tensor"):
                    numbers += math.prod(d.size for d in value.tensor.tensor_shape.dim)
    refuse_expansion(path, stored_bytes, numbers * _BYTES_PER_NUMBER)


def _refusal(path: Path, node: Any, what: str) -> UntrustedSourceError:
    return UntrustedSourceError(
        f"{path.name}: the operation {node.name!r} ({node.op}) {what}, which a network has no need "
        "to do. Export the model without it, or, if you trust where the folder comes from, pass "
        "--trust-source."
    )


def _all_nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _roots(meta_graph: Any) -> Iterator[Place]:
    """Name the nodes and functions that loading and running the model can start from."""
    for name in meta_graph.object_graph_def.concrete_functions:
        yield _FUNCTION, name
    for signature in meta_graph.signature_def.values():
        for tensor in signature.outputs.values():
            yield _NODE, _node_name(tensor.name)
    for key in _INITIALISERS:
        if key in meta_graph.collection_def:
            for name in meta_graph.collection_def[key].node_list.value:
                yield _NODE, _node_name(name)


def _reachable(meta_graph: Any, roots: Iterable[Place]) -> Iterator[Any]:
    """Yield the nodes that the roots lead to, through inputs and through calls of functions."""
    graph = meta_graph.graph_def
    bodies: dict[Place, list[Any]] = {(_NODE, node.name): [node] for node in graph.node}
    for function in graph.library.function:
        bodies[_FUNCTION, function.signature.name] = list(function.node_def)
    waiting = list(roots)
    visited: set[Place] = set()
    while waiting:
        place = waiting.pop()
        if place in visited:
            continue
        visited.add(place)
        for node in bodies.get(place, ()):
            yield node
            waiting.extend((_FUNCTION, name) for name in _called(node))
            # The nodes of a function are all there already, and their inputs' names its own.
            if place[0] == _NODE:
                waiting.extend((_NODE, _node_name(name)) for name in node.input)


def _called(node: Any) -> Iterator[str]:
    # A function may be called by its name in place of an operation's.
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def _node_name(tensor: str) -> str:
    """Return the node of `node:0` or `^node`."""
    return tensor.lstrip("^").split(":")[0]
