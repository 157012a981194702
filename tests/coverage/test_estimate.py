"""Estimates from a table of rules: levels, versions, reasons, what is free and what is cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilekit_converters.operator_graph import GraphNode, GraphTensor, OperatorGraph
from mobilekit_delegates.coverage.comparison import compare
from mobilekit_delegates.coverage.coverage import Answer, Coverage, Objection
from mobilekit_delegates.coverage.estimate import estimate
from mobilekit_delegates.rules.reader import read_table
from mobilekit_delegates.rules.table import Table

TABLE = """\
[table]
delegate = "mine"
title = "my delegate"
format = "tflite"
level = "version"
levels = [1, 2, 3]
source = "mine: takes.c"
meaning = "A guess."

[define]
first = "inputs[0]"
image = "first.rank == 4"

[[operator]]
names = ["RELU", "CONV_2D"]

[[operator]]
names = ["ADD"]
version = 2
since = 2
source = "mine: add.c"

[[operator]]
names = ["OLD"]
until = 1

[[rule]]
operators = ["*"]
require = "image"
reason = "it is no image"
source = "mine: all.c"
remedy = "reshape it"
adaptation = "mean_axes"

[[rule]]
operators = ["CONV_2D"]
when = "level < 3"
require = "stride_w == 1 and has(1) and not has(2)"
reason = "it strides or has a bias"
source = "mine: conv.c"
until = 2
"""

WHOLE = """
[[rule]]
operators = ["WHERE", "RELU"]
require = "operator == 'RELU' and first.dtype == 'float32'"
whole = true
reason = "a shape is open"
source = "mine: graph.c"
remedy = "fix it"
"""


def table(folder: Path, text: str = TABLE, **head: int) -> Table:
    path = folder / "mine.toml"
    lines = "".join(f"{key} = {value}\n" for key, value in head.items())
    path.write_text(text.replace('meaning = "A guess."\n', f'meaning = "A guess."\n{lines}'))
    read_table.cache_clear()
    return read_table(path)


def tensor(rank: int = 4, **more: object) -> GraphTensor:
    return GraphTensor(name="t", shape=(2,) * rank, dtype="float32", **more)  # type: ignore[arg-type]


def one(
    operator: str, *inputs: GraphTensor | None, version: int = 1, **options: object
) -> OperatorGraph:
    given = [given for given in inputs if given is not None]
    numbers = iter(range(len(given)))
    node = GraphNode(
        name="the node",
        operator=operator,
        inputs=tuple(-1 if given is None else next(numbers) for given in inputs),
        outputs=(len(given),),
        version=version,
        attributes=options,
    )
    return OperatorGraph(
        format="tflite",
        name="main",
        tensors=(*given, tensor()),
        nodes=(node,),
        inputs=(0,),
        outputs=(len(given),),
    )


def chain(*operators: str, ranks: tuple[int, ...] = ()) -> OperatorGraph:
    ranks = ranks or (4,) * (len(operators) + 1)
    return OperatorGraph(
        format="tflite",
        name="main",
        tensors=tuple(map(tensor, ranks)),
        nodes=tuple(
            GraphNode(name=f"n{index}", operator=operator, inputs=(index,), outputs=(index + 1,))
            for index, operator in enumerate(operators)
        ),
        inputs=(0,),
        outputs=(len(operators),),
    )


def reasons(coverage: Coverage) -> list[str]:
    return [objection.reason for answer in coverage.answers for objection in answer.objections]


def test_what_meets_every_rule_is_taken(tmp_path: Path) -> None:
    found = estimate(one("RELU", tensor()), table(tmp_path), 3)
    assert (found.answers, found.share, found.basis) == ((Answer(taken=True),), 1.0, "estimate")


def test_a_broken_rule_comes_with_its_source_and_remedy(tmp_path: Path) -> None:
    (answer,) = estimate(one("RELU", tensor(2)), table(tmp_path), 3).answers
    objection = Objection(
        reason="it is no image", source="mine: all.c", remedy="reshape it", adaptation="mean_axes"
    )
    assert answer == Answer(taken=False, objections=(objection,))


def test_all_broken_rules_are_named(tmp_path: Path) -> None:
    found = estimate(one("CONV_2D", tensor(2), tensor(), stride_w=2), table(tmp_path), 2)
    assert reasons(found) == ["it is no image", "it strides or has a bias"]


@pytest.mark.parametrize(
    ("inputs", "stride", "level", "taken"),
    [
        ((tensor(), tensor()), 1, 2, True),
        ((tensor(), tensor()), 2, 2, False),
        ((tensor(), tensor()), 2, 3, True),
        ((tensor(), tensor(), None), 1, 1, True),
        ((tensor(), tensor(), tensor()), 1, 1, False),
        ((tensor(), None), 1, 1, False),
    ],
)
def test_a_rule_holds_at_its_levels(
    tmp_path: Path, inputs: tuple[GraphTensor | None, ...], stride: int, level: float, taken: bool
) -> None:
    graph = one("CONV_2D", *inputs, stride_w=stride)
    assert estimate(graph, table(tmp_path), level).answers[0].taken is taken


@pytest.mark.parametrize(
    ("operator", "version", "level", "reason"),
    [
        ("ADD", 2, 2, None),
        ("ADD", 2, 1, "ADD is there from version 2 on, not at 1"),
        ("ADD", 3, 2, "it is version 3 of ADD, and 2 is the newest that is taken"),
        ("OLD", 1, 1, None),
        ("OLD", 1, 2, "OLD is there up to version 1, not at 2"),
        ("NEW", 1, 2, "my delegate has no NEW"),
    ],
)
def test_an_operator_is_there_at_its_levels_and_versions(
    tmp_path: Path, operator: str, version: int, level: float, reason: str | None
) -> None:
    found = estimate(one(operator, tensor(), version=version), table(tmp_path), level)
    assert reasons(found) == ([] if reason is None else [reason])


def test_a_condition_about_what_a_node_lacks_refuses_it(tmp_path: Path) -> None:
    """A rule that cannot be answered is not met: a node is never called taken by a slip."""
    graph = one("CONV_2D", tensor(), tensor())
    assert not estimate(graph, table(tmp_path), 2).answers[0].taken


def test_nodes_of_constants_are_free(tmp_path: Path) -> None:
    found = estimate(one("NEW", tensor(constant=True)), table(tmp_path), 2)
    assert found.answers == (Answer(taken=True, free=True),)
    assert (found.nodes, found.share) == (0, 0.0)


def test_a_delegate_that_keeps_one_part_cuts_the_others_off(tmp_path: Path) -> None:
    graph = chain("RELU", "NEW", "RELU", "RELU")
    every, largest = table(tmp_path), table(tmp_path, partitions=1)
    assert [answer.taken for answer in estimate(graph, every, 2).answers] == [
        True,
        False,
        True,
        True,
    ]
    found = estimate(graph, largest, 2)
    assert [answer.taken for answer in found.answers] == [False, False, True, True]
    assert found.answers[0].cut_off
    assert "outside of the one part that my delegate keeps" in reasons(found)[0]
    assert [(part.nodes, part.taken) for part in found.partitions] == [
        ((0, 1), False),
        ((2, 3), True),
    ]
    assert [crossing.consumer for crossing in found.crossings] == [2]


def test_a_rule_for_the_whole_graph_leaves_no_node(tmp_path: Path) -> None:
    rules = table(tmp_path, TABLE + WHOLE)
    assert estimate(chain("RELU", "RELU"), rules, 2).share == 1
    found = estimate(chain("RELU", "WHERE", "RELU"), rules, 2)
    assert found.nodes_taken == 0
    assert [answer.cut_off for answer in found.answers] == [True, False, True]
    assert reasons(found) == [
        "it takes nothing of a graph where a shape is open, as at n1",
        "my delegate has no WHERE",
        "a shape is open",
        "it takes nothing of a graph where a shape is open, as at n1",
    ]
    assert found.answers[0].objections[0].remedy == "fix it"


def test_an_estimate_and_a_measurement_are_compared_node_by_node() -> None:
    refused = Answer(taken=False, objections=(Objection(reason="why"),))
    guess = coverage(Answer(taken=True), Answer(taken=True), refused, Answer(taken=True, free=True))
    found = coverage(Answer(taken=True), refused, Answer(taken=True), refused)
    first, second = compare(guess, found)
    assert (first.node, first.estimate, first.measured) == (1, "taken", "refused: why")
    assert (second.node, second.estimate, second.measured) == (2, "refused: why", "taken")
    assert compare(found, found) == ()


def test_a_measurement_that_only_counts_is_compared_by_its_numbers() -> None:
    guess = coverage(Answer(taken=True), Answer(taken=False))
    assert compare(guess, coverage(counted=(1, 1))) == ()
    (whole,) = compare(guess, coverage(counted=(0, 2)))
    assert whole.node is None
    assert (whole.estimate, whole.measured) == ("1 of 2 nodes taken", "0 of 2 nodes taken")


def coverage(*answers: Answer, counted: tuple[int, int] | None = None) -> Coverage:
    return Coverage(
        delegate="mine",
        level=1,
        basis="measured",
        place="here",
        answers=answers,
        macs=(0,) * len(answers),
        counted=counted,
    )


@pytest.mark.parametrize(
    ("unpacks", "taken"), [("", 1), ('unpacks = ["int8"]\n', 1), ('unpacks = ["float16"]\n', 0)]
)
def test_what_a_delegate_does_not_look_through_changes_from_run_to_run(
    tmp_path: Path, unpacks: str, taken: int
) -> None:
    text = TABLE.replace('meaning = "A guess."\n', f'meaning = "A guess."\n{unpacks}')
    text += '[[rule]]\noperators = ["CONV_2D"]\nrequire = "inputs[1].fixed"\n'
    text += 'reason = "its weights change"\nsource = "mine: conv.c"\n'
    found = estimate(one("CONV_2D", tensor(), tensor(unpacked="int8")), table(tmp_path, text), 3)
    assert found.nodes_taken == taken
    assert reasons(found) == ["its weights change"] * (1 - taken)
