"""Asks XNNPACK as LiteRT's interpreter on this machine applies it by default.

The interpreter shows what it runs in place of the nodes that XNNPACK took: a node `DELEGATE` for
each part, with the tensors that go in and out. What lies between these is what the part is made of.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilekit_converters.errors import TargetError
from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.asking.single_nodes import SingleNodes
from mobilekit_delegates.coverage.coverage import Answer, Coverage, Objection
from mobilekit_delegates.coverage.macs import macs
from mobilekit_delegates.coverage.partitions import crossings, partition
from mobilekit_delegates.targets.litert_interpreter import litert_version, why_litert_is_missing
from mobilekit_delegates.targets.target import Missing

_FAILED = "XNNPACK takes it and fails to make it ready, so that the file does not load"
_FAILING_NODE = re.compile(r"failed to \w+ [\w ]*node #(\d+)")
_FAILING_PART = "(TfLiteXNNPackDelegate) failed to prepare"


class XnnpackAsker:
    """XNNPACK in the interpreter of the LiteRT that is installed."""

    def missing(self) -> Missing | None:
        """Say whether LiteRT is installed."""
        return why_litert_is_missing()

    def ask(self, path: Path) -> tuple[Coverage, ...]:
        """Return what XNNPACK takes of a file.

        The interpreter shows its main graph alone; of the others each node is asked for by itself.

        Raises:
            SourceError: the file cannot be read.
            TargetError: LiteRT refuses the file itself.
        """
        main, *others = read_graphs(path)
        found = [_coverage(main, _answers(main, _ask(path)))]
        if others:
            single = SingleNodes(path.read_bytes())
            for index, graph in enumerate(others, 1):
                nodes = range(len(graph.nodes))
                answers = [_alone(single.cut_out(index, graph, node)) for node in nodes]
                found.append(_coverage(graph, answers))
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A part that XNNPACK runs, by the tensors that go in and out."""

    inputs: frozenset[int]
    outputs: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class _Said:
    """The parts that it took, and the error that making them ready came to."""

    parts: tuple[_Part, ...]
    error: str = ""


def _ask(path: Path) -> _Said:
    """Load a file as apps do by default, and look at what replaces its nodes."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    error = ""
    try:
        interpreter = Interpreter(
            str(path), num_threads=1, experimental_op_resolver_type=OpResolverType.AUTO
        )
    except (RuntimeError, ValueError) as wrong:
        raise _refused(path, str(wrong)) from wrong
    try:
        interpreter.allocate_tensors()
    except RuntimeError as wrong:
        error = str(wrong).strip()
    # The public interface has no way to these.
    inside = interpreter._interpreter
    nodes = [node for node in range(inside.NumNodes()) if inside.NodeName(node) == "DELEGATE"]
    if error and not (nodes and _FAILING_PART in error):
        raise _refused(path, error)
    return _Said(
        parts=tuple(
            _Part(
                inputs=frozenset(map(int, inside.NodeInputs(node))),
                outputs=frozenset(map(int, inside.NodeOutputs(node))),
            )
            for node in nodes
        ),
        error=error,
    )


def _refused(path: Path, error: str) -> TargetError:
    return TargetError(f"LiteRT refuses {path.name} itself: {error.splitlines()[-1]}.")


def _alone(content: bytes) -> Answer:
    """Ask for a file of one node, and of constants that it hangs on."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(content)
        file.flush()
        (graph,) = read_graphs(Path(file.name))[:1]
        return _answers(graph, _ask(Path(file.name)))[-1]


def _answers(graph: OperatorGraph, said: _Said) -> list[Answer]:
    taken = {node for part in said.parts for node in _nodes_of(graph, part)}
    failing = {int(node) for node in _FAILING_NODE.findall(said.error)} & taken
    if said.error and not failing:
        # It does not say which node it fails at: of one alone there is no doubt.
        failing = taken
    objection = Objection(reason=f"{_FAILED}: {said.error}", source="LiteRT's own log")
    return [
        Answer(taken=False, objections=(objection,))
        if node in failing
        else Answer(taken=node in taken, free=graph.is_free(graph.nodes[node]))
        for node in range(len(graph.nodes))
    ]


def _nodes_of(graph: OperatorGraph, part: _Part) -> set[int]:
    """Return the nodes between a part's inputs and its outputs, and those that lead nowhere."""
    producers = graph.producers()
    found = {producers[tensor] for tensor in part.outputs if tensor in producers}
    found = _upward(graph, found, part.inputs, producers)
    unread = part.inputs - {tensor for node in found for tensor in graph.nodes[node].inputs}
    for end in _dead_ends(graph):
        nodes = _upward(graph, {end}, part.inputs, producers)
        read = {tensor for node in nodes - found for tensor in graph.nodes[node].inputs}
        kept = {tensor for node in found for tensor in graph.nodes[node].outputs} - part.outputs
        # It belongs to the part that takes in what nothing else reads, or keeps what it reads.
        if read & (unread | kept):
            found |= nodes
    return found


def _upward(
    graph: OperatorGraph, start: set[int], border: frozenset[int], producers: dict[int, int]
) -> set[int]:
    """Return nodes and all that they hang on, up to the tensors of a border."""
    found: set[int] = set()
    waiting = list(start)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            inputs = (tensor for tensor in graph.nodes[node].inputs if tensor not in border)
            waiting += [producers[tensor] for tensor in inputs if tensor in producers]
    return found


def _dead_ends(graph: OperatorGraph) -> list[int]:
    """Return the nodes whose outputs nobody reads: what writes variables, above all."""
    read = {tensor for node in graph.nodes for tensor in node.inputs} | set(graph.outputs)
    return [index for index, node in enumerate(graph.nodes) if not read & set(node.outputs)]


def _coverage(graph: OperatorGraph, answers: Sequence[Answer]) -> Coverage:
    parts = partition(graph, [answer.taken for answer in answers])
    version = litert_version().split()[-1]
    return Coverage(
        delegate="xnnpack",
        # As the table of rules counts it: 2.3 for 2.3.0.
        level=float(".".join(version.split(".")[:2])),
        basis="measured",
        place=f"XNNPACK in LiteRT {version} on this machine",
        answers=tuple(answers),
        macs=tuple(macs(graph, node) for node in graph.nodes),
        partitions=parts,
        crossings=crossings(graph, parts),
    )
