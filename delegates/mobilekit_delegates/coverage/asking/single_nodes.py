"""Cuts single nodes out of a `.tflite` file, so that a delegate can be asked about each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mobilekit_converters.operator_graph import OperatorGraph


class SingleNodes:
    """A file, taken apart. Its nodes come as files of one graph each."""

    def __init__(self, content: bytes) -> None:
        """Take a file apart that was read as a graph before, so that it is known to be whole."""
        from ai_edge_litert import schema_py_generated as schema

        self._schema = schema
        self._model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))

    def cut_out(self, subgraph: int, graph: OperatorGraph, node: int) -> bytes:
        """Return a file with one node of a graph.

        What it reads are the file's inputs. Nodes of constants that it hangs on come along, because
        a delegate may look at what they are made of.
        """
        source = self._model.subgraphs[subgraph]
        nodes = sorted({node, *_constant_makers(graph, node)})
        made = {tensor for index in nodes for tensor in graph.nodes[index].outputs if tensor >= 0}
        read = _given(tensor for index in nodes for tensor in graph.nodes[index].inputs)
        wanted = _given(graph.nodes[node].outputs)
        tensors = _given([*read, *made])
        new = {old: index for index, old in enumerate(tensors)}
        runtime = [old for old in read if old not in made and not graph.tensors[old].constant]

        cut = self._schema.SubGraphT()
        cut.name = b"main"
        cut.tensors = [source.tensors[old] for old in tensors]
        cut.operators = [_renumbered(source.operators[index], new) for index in nodes]
        cut.inputs = [new[old] for old in runtime if not graph.tensors[old].variable]
        cut.outputs = [new[old] for old in wanted]
        return self._packed(cut, source)

    def _packed(self, cut: Any, source: Any) -> bytes:
        import flatbuffers  # type: ignore[import-untyped]

        model = self._schema.ModelT()
        model.version = self._model.version
        model.operatorCodes = self._model.operatorCodes
        buffers = {tensor.buffer for tensor in cut.tensors}
        model.buffers = [
            buffer if index in buffers else self._schema.BufferT()
            for index, buffer in enumerate(self._model.buffers)
        ]
        # Nodes of control flow and composites name other graphs by number.
        model.subgraphs = [cut, *(g for g in self._model.subgraphs if g is not source)]
        if any(_calls_graphs(operator) for operator in cut.operators):
            model.buffers = self._model.buffers
        else:
            model.subgraphs = [cut]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _constant_makers(graph: OperatorGraph, node: int) -> set[int]:
    """Return the nodes that a node hangs on and that read nothing but constants."""
    producers = graph.producers()
    found: set[int] = set()
    for tensor in graph.nodes[node].inputs:
        maker = producers.get(tensor)
        if maker is None or maker in found:
            continue
        inputs = graph.inputs_of(graph.nodes[maker])
        if inputs and all(given is None or given.constant for given in inputs):
            found.add(maker)
    return found


def _given(tensors: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(tensor for tensor in tensors if tensor >= 0))


def _renumbered(operator: Any, new: dict[int, int]) -> Any:
    import copy

    changed = copy.copy(operator)
    changed.inputs = [new.get(index, -1) for index in _numbers(operator.inputs)]
    changed.outputs = [new.get(index, -1) for index in _numbers(operator.outputs)]
    changed.intermediates = []
    return changed


def _numbers(values: Any) -> list[int]:
    return [] if values is None else [int(value) for value in values]


def _calls_graphs(operator: Any) -> bool:
    options = [operator.builtinOptions, operator.builtinOptions2]
    return any("ubgraph" in name for option in options if option for name in vars(option))
