"""Which tensor of an artifact is which tensor of its source.

Converters keep the source's node names. TFLite joins those of all nodes that it fused, with
semicolons; Core ML replaces what it cannot hold by underscores and adds what was done to a tensor,
such as `_cast_fp16`. Nothing is matched by its values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.locate_source import SourceGraph, SourceNode
from mobilekit_delegates.tracing import Intermediate

# Operators that move, store or round values; what they give was computed before them.
_PASSING = frozenset({
    "QUANTIZE", "DEQUANTIZE", "CAST", "RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "IDENTITY",
})  # fmt: skip

# What coremltools appends to an operation's name when it changes layouts and types: an `x` to what
# goes back to channels last afterwards, `_nchw` to what was computed with channels first.
_SUFFIX = re.compile(
    r"(_cast_fp(16|32)|_to_fp(16|32)|x|_nchw|_to_(NHWC|NCHW)|_(de)?quantized?|_\d+)*"
)

# Core ML computes with channels first, TensorFlow with channels last.
_LAYOUTS: dict[int, tuple[tuple[int, ...], ...]] = {
    3: ((0, 2, 1),),
    4: ((0, 2, 3, 1), (0, 3, 1, 2)),
    5: ((0, 2, 3, 4, 1), (0, 4, 1, 2, 3)),
}


@dataclass(frozen=True, kw_only=True)
class Match:
    """An artifact's tensor and the source's node that computes the same.

    `layer` names the source's layers since the matches before it; `operator` is the artifact's one
    that computed the values.
    """

    tensor: Intermediate
    node: SourceNode
    layer: str
    operator: str


def match(traced: Sequence[Intermediate], source: SourceGraph) -> list[Match]:
    """Match what can be matched, in the artifact's running order; each source node once."""
    by_native_name = {_native(node.name): node for node in source.nodes.values()}
    matched: dict[str, Intermediate] = {}
    for tensor in traced:
        node = _node_of(tensor, source, by_native_name)
        if node is not None:
            matched.setdefault(node.name, tensor)
    operators = _computing_operators(traced)
    return [
        Match(
            tensor=tensor,
            node=source.nodes[name],
            layer=_layers(source, source.nodes[name], matched),
            operator=operators[id(tensor)],
        )
        for name, tensor in matched.items()
    ]


def count_tensors(traced: Sequence[Intermediate], matches: Sequence[Match]) -> int:
    """Count the tensors that are matched, and those others that are no copy in another form."""
    matched = {id(item.tensor) for item in matches}
    others = (tensor for tensor in traced if id(tensor) not in matched)
    return len(matches) + sum(tensor.operator.upper() not in _PASSING for tensor in others)


def aligned(values: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an artifact's values in the layout of the source's; both have the batches first.

    Where several layouts have the shape, the one with the smallest error is taken.
    """
    choices = list(_in_layout(values, reference.shape))
    if len(choices) == 1:
        return choices[0]
    with np.errstate(all="ignore"):
        errors = [np.nanmean(np.abs(choice - reference)) for choice in choices]
    return choices[int(np.argmin([math.inf if math.isnan(e) else e for e in errors]))]


def _node_of(
    tensor: Intermediate, source: SourceGraph, by_native_name: Mapping[str, SourceNode]
) -> SourceNode | None:
    if tensor.output or tensor.input:
        return source.end(tensor.output or tensor.input)
    nodes = [_node_of_name(name, source) for name in tensor.name.split(";")]
    nodes.append(_node_of_native_name(tensor.name, by_native_name))
    shape = tensor.values.shape[1:]
    fitting = [node for node in nodes if node is not None and _fits(shape, node.shape)]
    # Of all that was fused, the tensor holds what the last one gives.
    return max(fitting, key=lambda node: node.place, default=None)


def _node_of_name(name: str, source: SourceGraph) -> SourceNode | None:
    """Return the node of a name; TFLite numbers the names that it uses twice."""
    return source.nodes.get(name) or source.nodes.get(name.rstrip("0123456789"))


def _native(name: str) -> str:
    """Return a node's name as coremltools writes it."""
    return re.sub(r"[^A-Za-z0-9_]", "_", f"frozen/{name}")


def _node_of_native_name(name: str, known: Mapping[str, SourceNode]) -> SourceNode | None:
    """Return the node with the longest name that a name of Core ML begins with."""
    for end in range(len(name), 0, -1):
        if name[:end] in known and _SUFFIX.fullmatch(name[end:]):
            return known[name[:end]]
    return None


def _fits(shape: Sequence[int], reference: Sequence[int]) -> bool:
    """Say whether a tensor of a shape can be the source's in some layout."""
    empty = np.broadcast_to(np.float32(0), (1, *shape))
    return next(_in_layout(empty, (1, *reference)), None) is not None


def _in_layout(
    values: NDArray[np.float32], shape: tuple[int, ...]
) -> Iterator[NDArray[np.float32]]:
    """Yield the values in every layout that has a shape, their own first; batches come first."""
    if values.shape == shape:
        yield values
    for axes in _LAYOUTS.get(values.ndim - 1, ()):
        moved = values.transpose(0, *(axis + 1 for axis in axes))
        if moved.shape == shape:
            yield moved
    if values.shape != shape and _without_ones(values.shape) == _without_ones(shape):
        yield values.reshape(shape)


def _without_ones(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]


def _computing_operators(traced: Sequence[Intermediate]) -> dict[int, str]:
    """Map each tensor (by `id`) to the operator that computed its values."""
    found, last = {}, ""
    for tensor in traced:
        if tensor.operator.upper() not in _PASSING or not last:
            last = tensor.operator
        found[id(tensor)] = last
    return found


def _layers(source: SourceGraph, node: SourceNode, matched: Mapping[str, object]) -> str:
    """Name the layers that lead from the matches before a node to it."""
    nodes = source.behind(node, matched)
    if node.operator == "Placeholder":
        return f"input {source.input_name(node)}"
    names = list(dict.fromkeys(source.layer(n.name) for n in nodes if n.operator != "Placeholder"))
    return " + ".join(names) if len(names) < 4 else f"{names[0]} … {names[-1]}"
