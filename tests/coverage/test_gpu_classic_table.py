"""The classic GPU delegate's table: both of its runtimes, and nothing that came after them."""

from __future__ import annotations

from pathlib import Path

import pytest
from one_op import Op, T, write

from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.delegates import delegate_at


@pytest.mark.parametrize("level", ["@1.4", "@2.17", ""])
def test_both_runtimes_take_the_same(tmp_path: Path, level: str) -> None:
    def taken(name: str) -> bool:
        op = Op(name=name, inputs=(0,), outputs=(1,))
        (graph,) = read_graphs(write(tmp_path / "m.tflite", [T(), T()], [op]))
        (answer,) = delegate_at(f"gpu_classic{level}").estimate(graph).answers
        return answer.taken

    assert taken("RELU_N1_TO_1")
    assert not taken("RELU_0_TO_1")


def test_the_newer_runtime_is_meant_where_none_is_named() -> None:
    assert delegate_at("gpu_classic").level == 2.17
