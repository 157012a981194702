"""The choice among boxes that overlap, which detectors end with."""

from __future__ import annotations

import numpy as np

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op


@op("non_maximum_suppression", exact=True)
def non_maximum_suppression(graph: Graph, op: Op) -> list[str]:
    """The boxes of the highest scores that overlap none of a higher score by too much.

    A box has the class and the score of the highest of its scores. From iOS 17 on, the boxes are
    the last axis and there is neither a score's threshold nor a count of the boxes chosen.
    """
    last = op.opset in ("CoreML7", "CoreML8")
    boxes, scores = (_boxes_second(graph, op.tensor(n), last) for n in ("boxes", "scores"))
    score = graph.node("ReduceMax", scores, _list(graph, -1), keepdims=0)
    kept = _kept(graph, op, boxes, scores, score)
    most = op.integer("max_boxes")
    order, count = _highest(graph, score, kept, most)
    chosen = graph.node("Less", graph.constant(np.arange(most)), count)
    outputs = [_taken(graph, each, order, chosen) for each in (boxes, scores)]
    indices = graph.node("Where", chosen, order, graph.constant(-1))
    if last:
        return [*(graph.node("Transpose", each, perm=[0, 2, 1]) for each in outputs), indices]
    number = graph.node("Reshape", count, _list(graph, -1))
    return [*outputs, indices, number]


def _boxes_second(graph: Graph, value: str, last: bool) -> str:
    return graph.node("Transpose", value, perm=[0, 2, 1]) if last else value


def _kept(graph: Graph, op: Op, boxes: str, scores: str, score: str) -> str:
    """Whether each box is kept, `[batch, boxes]`; where all fall, the one of the highest score."""
    by_class = graph.node("Transpose", scores, perm=[0, 2, 1])
    if op.flag("per_class_suppression", False):
        own = graph.node("ArgMax", scores, axis=-1, keepdims=0)
        classes = graph.node("Shape", scores, start=2, end=3)
        places = graph.node(
            "Range",
            graph.constant(0, dtype="int64"),
            graph.node("Squeeze", classes),
            graph.constant(1, dtype="int64"),
        )
        column = graph.node("Unsqueeze", places, _list(graph, -1))
        is_own = graph.node("Equal", graph.node("Unsqueeze", own, _list(graph, 1)), column)
        by_class = graph.node("Where", is_own, by_class, graph.constant(-np.inf))
    else:
        by_class = graph.node("Unsqueeze", score, _list(graph, 1))
    lowest = float(np.finfo(np.float32).min)
    threshold = op.number("score_threshold") if op.has("score_threshold") else lowest
    selected = graph.node(
        "NonMaxSuppression",
        boxes,
        by_class,
        graph.constant([np.iinfo(np.int32).max], dtype="int64"),
        graph.constant([min(op.number("iou_threshold"), 1.0)]),
        graph.constant([threshold]),
        center_point_box=1,
    )
    points = graph.node("Gather", selected, graph.constant([0, 2], dtype="int64"), axis=1)
    number = graph.node("Shape", points, start=0, end=1)
    ones = graph.node("Expand", graph.constant(1), number)
    none = graph.node("Expand", graph.constant(0), graph.node("Shape", score))
    kept = graph.node("ScatterND", none, points, ones)
    highest = graph.node("ArgMax", score, axis=-1, keepdims=1)
    fallback = graph.node("ScatterElements", none, highest, _ones_like(graph, highest), axis=1)
    any_kept = graph.node("Greater", graph.node("ReduceMax", kept, _list(graph, -1)), _zero(graph))
    return graph.node("Greater", graph.node("Where", any_kept, kept, fallback), _zero(graph))


def _highest(graph: Graph, score: str, kept: str, most: int) -> tuple[str, str]:
    """The kept boxes in falling order, `most` indices for each batch, and `[batch, 1]` how many."""
    worst = graph.constant(-np.inf)
    ranked = graph.node("Where", kept, score, worst)
    # There may be fewer boxes than are asked for.
    pads = graph.constant([0, 0, 0, most], dtype="int64")
    ranked = graph.node("Pad", ranked, pads, worst, mode="constant")
    _, order = graph.nodes("TopK", ranked, _list(graph, most), count=2, axis=-1)
    number = graph.node("ReduceSum", graph.cast(kept, "int32"), _list(graph, -1), keepdims=1)
    return graph.cast(order, "int32"), graph.node("Min", number, graph.constant(most))


def _taken(graph: Graph, values: str, order: str, chosen: str) -> str:
    """The chosen rows of `[batch, boxes, width]` in order, and 0 behind them."""
    safe = graph.node("Where", chosen, order, graph.constant(0))
    points = graph.node("Unsqueeze", graph.cast(safe, "int64"), _list(graph, -1))
    rows = graph.node("GatherND", values, points, batch_dims=1)
    mask = graph.node("Unsqueeze", chosen, _list(graph, -1))
    return graph.node("Where", mask, rows, graph.constant(0.0))


def _ones_like(graph: Graph, value: str) -> str:
    return graph.node("Expand", graph.constant(1), graph.node("Shape", value))


def _zero(graph: Graph) -> str:
    return graph.constant(0)


def _list(graph: Graph, value: int) -> str:
    return graph.constant([value], dtype="int64")
