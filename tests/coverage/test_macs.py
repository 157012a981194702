"""Multiply-accumulates, by hand and as published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from corpus_networks import published
from tools import without

from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.macs import macs

Shape = tuple[int, ...]


def count(operator: str, *shapes: Shape, output: Shape, **attributes: Any) -> int:
    tensors = tuple(
        GraphTensor(name="t", shape=shape, dtype="float32") for shape in (*shapes, output)
    )
    node = GraphNode(
        name="n",
        operator=operator,
        inputs=tuple(range(len(shapes))),
        outputs=(len(shapes),),
        attributes=attributes,
    )
    graph = OperatorGraph(
        format="tflite", name="main", tensors=tensors, nodes=(node,), inputs=(), outputs=()
    )
    return macs(graph, node)


@pytest.mark.parametrize(
    ("operator", "shapes", "output", "expected"),
    [
        ("CONV_2D", [(1, 8, 8, 4), (16, 3, 3, 4), (16,)], (1, 8, 8, 16), 8 * 8 * 16 * 3 * 3 * 4),
        ("CONV_2D", [(1, 8, 8, 4), (16, 3, 3, 2), (16,)], (1, 8, 8, 16), 8 * 8 * 16 * 3 * 3 * 2),
        ("CONV_2D", [(2, 8, 8, 4), (16, 3, 3, 4)], (2, 4, 4, 16), 2 * 4 * 4 * 16 * 36),
        ("CONV_3D", [(1, 4, 4, 4, 2), (3, 3, 3, 2, 5)], (1, 4, 4, 4, 5), 64 * 5 * 27 * 2),
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 4), (1, 3, 3, 8)], (1, 8, 8, 8), 8 * 8 * 8 * 9),
        ("TRANSPOSE_CONV", [(4,), (8, 3, 3, 4), (1, 8, 8, 4)], (1, 16, 16, 8), 8 * 8 * 4 * 8 * 9),
        ("FULLY_CONNECTED", [(2, 16), (8, 16), (8,)], (2, 8), 2 * 8 * 16),
        ("BATCH_MATMUL", [(2, 4, 8), (2, 8, 6)], (2, 4, 6), 2 * 4 * 6 * 8),
        ("conv", [(1, 4, 8, 8), (16, 4, 3, 3)], (1, 16, 8, 8), 8 * 8 * 16 * 36),
        ("linear", [(2, 16), (8, 16)], (2, 8), 2 * 8 * 16),
        ("ADD", [(1, 8), (1, 8)], (1, 8), 0),
        ("RELU", [(1, 8)], (1, 8), 0),
        ("CONV_2D", [(1, 8, 8, 4)], (1, 8, 8, 16), 0),
    ],
)
def test_a_node_takes(operator: str, shapes: list[Shape], output: Shape, expected: int) -> None:
    assert count(operator, *shapes, output=output) == expected


def test_a_transposed_first_matrix_sums_over_its_rows() -> None:
    assert count("BATCH_MATMUL", (2, 8, 4), (2, 8, 6), output=(2, 4, 6), adj_x=True) == 2 * 24 * 8
    assert count("matmul", (8, 4), (8, 6), output=(4, 6), transpose_x=True) == 24 * 8


@pytest.mark.parametrize(
    ("name", "millions"),
    # MLPerf Tiny Benchmark (Banbury et al. 2021) gives 12.5 and 2.7.
    [("pretrainedResnet", 12.5), ("pretrainedResnet_quant", 12.5), ("kws_ref_model", 2.66)],
)
def test_published_networks_take_what_was_published(name: str, millions: float) -> None:
    path: Path | None = published().get(name)
    if path is None:
        without("The reference models of MLPerf Tiny are not beside the checkout.")
    (graph,) = read_graphs(path)
    total = sum(macs(graph, node) for node in graph.nodes)
    assert total / 1e6 == pytest.approx(millions, rel=0.03)
