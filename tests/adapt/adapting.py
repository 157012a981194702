"""Adapts a function's frozen graph, and runs it before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.adaptations.adapt import adapt_frozen
from mobilekit_converters.adaptations.adaptation import Adapted
from mobilekit_converters.adaptations.table import ADAPTATIONS
from mobilekit_converters.frozen import freeze, load_frozen
from mobilekit_converters.signature import Signature, TensorSpec


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one rewrite did to a graph: its record, the operations and the results, each twice.

    `ranks` are the most dimensions that a tensor had.
    """

    adapted: Adapted
    before: Counter[str]
    after: Counter[str]
    ranks: tuple[int, int]
    results: tuple[NDArray[np.generic], NDArray[np.generic]]

    @property
    def snr_db(self) -> float:
        old, new = (result.astype("f8") for result in self.results)
        noise = np.square(new - old).sum()
        return float("inf") if noise == 0 else float(10 * np.log10(np.square(old).sum() / noise))


def freeze_call(call: Callable[[Any], Any], shape: tuple[int, ...], folder: Path) -> Path:
    """Freeze a function of one float32 tensor `x` that returns one tensor `y`."""
    import tensorflow as tf

    result = call(tf.zeros(shape))
    signature = Signature(
        inputs=(TensorSpec(name="x", shape=shape, dtype="float32"),),
        outputs=(TensorSpec(name="y", shape=tuple(result.shape), dtype=result.dtype.name),),
    )
    freeze(lambda inputs: {"y": call(inputs["x"])}, signature, folder)
    return folder


def adapted(
    name: str,
    call: Callable[[Any], Any],
    shape: tuple[int, ...],
    folder: Path,
    delegates: Iterable[str] | None = None,
) -> Run:
    """Apply one rewrite to a function's graph, for all delegates that it is for."""
    adaptation = ADAPTATIONS[name]
    freeze_call(call, shape, folder / "before")
    model = adapt_frozen(
        folder / "before",
        [adaptation],
        adaptation.delegates if delegates is None else delegates,
        folder / "after",
    )
    graphs = [load_frozen(folder / side) for side in ("before", "after")]
    x = np.random.default_rng(3).normal(size=shape).astype("f4") * 2
    counts = [Counter(node.op for node in graph.graph_def().node) for graph in graphs]
    ranks = [max(map(_rank, graph.graph_def().node)) for graph in graphs]
    results = [np.asarray(graph.concrete_function()(x=_constant(x))["y"]) for graph in graphs]
    return Run(
        adapted=model.adaptations[0],
        before=counts[0],
        after=counts[1],
        ranks=(ranks[0], ranks[1]),
        results=(results[0], results[1]),
    )


def _constant(values: NDArray[np.generic]) -> Any:
    import tensorflow as tf

    return tf.constant(values)


def _rank(node: Any) -> int:
    shapes = node.attr["_output_shapes"].list.shape
    return max((len(shape.dim) for shape in shapes), default=0)
