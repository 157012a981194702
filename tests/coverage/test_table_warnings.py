"""Warnings in tables of rules: of a node that is taken, what is to be known."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilekit_converters.errors import ProjectError
from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph
from mobilekit_delegates.coverage.estimate import estimate
from mobilekit_delegates.rules.reader import read_table

TABLE = """
[table]
delegate = "mine"
title = "Mine"
format = "coreml"
level = "version"
levels = [1, 2]
source = "me"
meaning = "A guess."

[[operator]]
names = ["softplus", "linear"]

[[rule]]
operators = ["*"]
require = "inputs[0].rank <= 4"
reason = "its rank is above 4"
source = "there"

[[warning]]
operators = ["softplus"]
reason = "it is 0 above 10.4"
source = "somewhere"
remedy = "keep it in fp32"

[[warning]]
operators = ["linear"]
require = "inputs[0].rank > 2"
reason = "it drifts"
source = "elsewhere"
adaptation = "dense_as_convolution"
until = 1
"""


def answers(tmp_path: Path, operator: str, rank: int, level: float) -> tuple[bool, list[str]]:
    path = tmp_path / "mine.toml"
    path.write_text(TABLE, "utf-8")
    graph = OperatorGraph(
        format="coreml",
        name="main",
        tensors=tuple(
            GraphTensor(name=name, shape=(1,) * rank, dtype="float16") for name in ("x", "y")
        ),
        nodes=(GraphNode(name="y", operator=operator, inputs=(0,), outputs=(1,)),),
        inputs=(0,),
        outputs=(1,),
    )
    (found,) = estimate(graph, read_table(path), level).answers
    return found.taken, [warning.reason for warning in found.warnings]


def test_a_warning_refuses_nothing(tmp_path: Path) -> None:
    assert answers(tmp_path, "softplus", 4, 2) == (True, ["it is 0 above 10.4"])


def test_a_warning_holds_where_its_condition_is_not_met_and_at_its_levels(tmp_path: Path) -> None:
    assert answers(tmp_path, "linear", 2, 1) == (True, ["it drifts"])
    assert answers(tmp_path, "linear", 3, 1) == (True, [])
    assert answers(tmp_path, "linear", 2, 2) == (True, [])


def test_what_is_refused_has_no_warnings(tmp_path: Path) -> None:
    assert answers(tmp_path, "softplus", 5, 2) == (False, [])


def test_a_mistake_in_a_warning_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(TABLE.replace('operators = ["softplus"]', 'operators = ["sofplus"]'), "utf-8")
    with pytest.raises(ProjectError, match=r"wrong.toml, line 21: .*'sofplus'.*softplus"):
        read_table(path)
