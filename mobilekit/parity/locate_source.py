"""The source's own intermediate tensors, from its frozen graph, under its own layers' names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.frozen import FrozenModel
from mobilekit_converters.signature import Signature

# Scopes that freezing and SavedModels put around a model.
_WRAPPERS = re.compile(r"model|(Stateful)?PartitionedCall(_\d+)?")


@dataclass(frozen=True, kw_only=True)
class SourceNode:
    """A node of the frozen graph. `shape` is that of its first output; `place` counts the nodes in
    running order.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    place: int


class SourceGraph:
    """The frozen graph of a source, whose tensors can be looked at."""

    def __init__(self, frozen: FrozenModel, layers: Sequence[str] = ()) -> None:
        """Load the graph.

        Args:
            frozen: the frozen source.
            layers: its layers' names in running order, where they are known. TensorFlow adds
                numbers to scopes, and only with this list can they be told from those of names.
        """
        self._graph = frozen.graph_def()
        self._signature: Signature = frozen.signature
        self.nodes = {node.name: node for node in _in_running_order(self._graph)}
        self._layers = _layers_of_scopes(map(_scopes, self.nodes), layers)

    def layer(self, node: str) -> str:
        """Return the name of the layer that a node belongs to."""
        scopes = _scopes(node)
        known = [self._layers[scope] for scope in scopes if scope in self._layers]
        return known[-1] if known else _guessed(scopes)

    def end(self, name: str) -> SourceNode:
        """Return the node of an input, or the one that computes an output."""
        inputs = [spec.name for spec in self._signature.inputs]
        if name in inputs:
            return self.nodes[f"input_{inputs.index(name)}"]
        outputs = [spec.name for spec in self._signature.outputs]
        node = self.nodes[f"output_{outputs.index(name)}"]
        while node.operator == "Identity":
            node = self.nodes[node.inputs[0]]
        return node

    def input_name(self, node: SourceNode) -> str:
        """Return the signature's name of an input's node."""
        return self._signature.inputs[int(node.name.removeprefix("input_"))].name

    def behind(self, node: SourceNode, known: Iterable[str]) -> list[SourceNode]:
        """Return the nodes that lead from `known` ones to a node, itself included, in order.

        Constants are among them: folding leaves a layer's weights under its name where its
        operation went into another.
        """
        stop, found, waiting = set(known), {}, [node.name]
        while waiting:
            name = waiting.pop()
            if name not in found and (name == node.name or name not in stop):
                found[name] = self.nodes[name]
                waiting += self.nodes[name].inputs
        return sorted(found.values(), key=lambda item: item.place)

    def feeding(self, node: SourceNode, known: Iterable[str]) -> set[str]:
        """Return those of the `known` nodes that a node reads, through none that is known."""
        names = set(known) - {node.name}
        return {name for each in self.behind(node, names) for name in each.inputs if name in names}

    @property
    def size(self) -> int:
        """How many values one run computes."""
        nodes = (node for node in self.nodes.values() if node.operator != "Const")
        return sum(math.prod(node.shape) for node in nodes)

    def values(
        self, names: Sequence[str], batches: Sequence[Mapping[str, NDArray[np.generic]]]
    ) -> dict[str, NDArray[np.float32]]:
        """Compute tensors; each has the shape (batches, *the tensor's own)."""
        import tensorflow as tf

        with tf.Graph().as_default() as graph:
            tf.graph_util.import_graph_def(self._graph, name="")
        # TensorFlow's optimiser fuses away what is asked for here, such as the sigmoid of a swish.
        config = tf.compat.v1.ConfigProto()
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        with tf.compat.v1.Session(graph=graph, config=config) as session:
            runs = [
                session.run(
                    [f"{name}:0" for name in names],
                    {
                        f"input_{index}:0": batch[spec.name]
                        for index, spec in enumerate(self._signature.inputs)
                    },
                )
                for batch in batches
            ]
        return {
            name: np.stack([np.asarray(run[index], np.float32) for run in runs])
            for index, name in enumerate(names)
        }


def layer_names(source: Path) -> tuple[str, ...]:
    """Return the names of a Keras model's layers in order; nothing for what names no layers."""
    from mobilekit_converters.sources import keras_archive, keras_hdf5
    from mobilekit_converters.sources.hdf5 import is_hdf5

    if keras_archive.is_archive(source):
        return tuple(_layers_in(keras_archive.read_archive_config(source)))
    if source.is_file() and is_hdf5(source):
        return tuple(_layers_in(keras_hdf5.read_hdf5_config(source)))
    return ()


def _layers_in(config: Any) -> Iterator[str]:
    inner = config.get("config", {})
    for layer in inner.get("layers", ()) if isinstance(inner, dict) else ():
        name = layer.get("config", {}).get("name") or layer.get("name")
        if name:
            yield name
        yield from _layers_in(layer)


def _in_running_order(graph: Any) -> Iterator[SourceNode]:
    """Yield the nodes so that each comes after those that it reads."""
    waiting = {node.name: node for node in graph.node}
    done: set[str] = set()
    stack = [node.name for node in reversed(graph.node)]
    while stack:
        name = stack[-1]
        if name in done:
            stack.pop()
            continue
        node = waiting[name]
        inputs = tuple(text.lstrip("^").split(":")[0] for text in node.input)
        missing = [text for text in inputs if text not in done]
        if missing:
            stack += reversed(missing)
            continue
        stack.pop()
        done.add(name)
        shapes = node.attr["_output_shapes"].list.shape
        yield SourceNode(
            name=name,
            operator=node.op,
            inputs=inputs,
            shape=tuple(size.size for size in shapes[0].dim) if shapes else (),
            place=len(done),
        )


def _scopes(node: str) -> tuple[str, ...]:
    """Return the scopes around a node, without those that wrap every node and without its own."""
    scopes = node.split("/")
    while scopes and _WRAPPERS.fullmatch(scopes[0]):
        scopes = scopes[1:]
    return tuple(scopes[:-1])


def _guessed(scopes: Sequence[str]) -> str:
    """Return what is most likely a layer's scope: the one inside the model's own."""
    return scopes[min(1, len(scopes) - 1)] if scopes else "model"


def _layers_of_scopes(nodes: Iterable[Sequence[str]], layers: Sequence[str]) -> dict[str, str]:
    """Map scopes to layers, both in running order: each layer belongs to one scope.

    A scope is a layer's name, or that with numbers behind it, so that `re_lu_1` may belong to
    `re_lu` as well as to `re_lu_1`; the order tells which.
    """
    free = list(dict.fromkeys(layers))
    found: dict[str, str] = {}
    for scope in dict.fromkeys(scope for scopes in nodes for scope in scopes):
        for layer in free:
            if re.fullmatch(rf"{re.escape(layer)}(_\d+)*", scope):
                found[scope] = layer
                free.remove(layer)
                break
    return found
