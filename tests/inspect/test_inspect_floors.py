"""Which floors a project file may set, and what decides whether they are met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspected_models import TOY, chain, half, toy, vectors

from mobilekit.inspecting.answers import graph_coverage
from mobilekit.inspecting.floors import (
    Told,
    check_floors,
    floor_rules,
    rules_for,
    told_by,
    untold_floors,
)
from mobilekit.inspecting.questions import own_delegates, questions
from mobilekit.inspecting.results import GraphCoverage
from mobilekit.project import parse_project
from mobilekit.results import Check, Status, VariantResult
from mobilekit.verdict import coverage_notes, reasons
from mobilekit_converters.artifacts import read_graphs
from mobilekit_converters.errors import ProjectError
from mobilekit_delegates.targets import Execution


def toy_graph(tmp_path: Path, model: Path, level: int = 2) -> GraphCoverage:
    (graph,) = read_graphs(model)
    return graph_coverage(graph, questions([f"toy@{level}"], [toy(tmp_path)]))


def toy_floors(tmp_path: Path, table: dict[str, Any]) -> Any:
    return floor_rules(table, known=own_delegates([toy(tmp_path)]))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"gup": 1.0}, "[coverage] gup: There is no delegate 'gup'. Did you mean 'gpu'?"),
        ({"nnapi@5": 1.0}, "[coverage] nnapi@5: 'nnapi' is not known at Android API level '5'."),
        ({"gpu": 95}, "[coverage] gpu = 95: a floor is a share of operators, from 0 to 1"),
        ({"gpu": -0.1}, "a floor is a share of operators"),
        ({"gpu": True}, "a floor is a share of operators"),
        ({"gpu": "all"}, "a floor is a share of operators"),
        ({"gpu": float("nan")}, "a floor is a share of operators"),
        ({"tflite-int8": 0.5}, "[coverage.tflite-int8]: give floors by delegate, such as gpu"),
        ({"tflite-int9": {"gpu": 1}}, "[coverage] tflite-int9: there is no such variant"),
        ({"tflite-int8": {"gup": 1}}, "[coverage.tflite-int8] gup: There is no delegate"),
        ({"coreml-fp16": {"gpu": 1}}, "[coverage.coreml-fp16] gpu: gpu never gets a coreml-fp16"),
    ],
)
def test_a_wrong_floor_is_named(table: dict[str, Any], message: str) -> None:
    document = {"model": {"source": "m.keras"}, "coverage": table}
    with pytest.raises(ProjectError) as error:
        parse_project(document, folder=Path(), origin="mobilekit.toml")
    assert str(error.value).startswith("mobilekit.toml: [coverage")
    assert message in str(error.value)


def test_floors_of_a_project() -> None:
    table = {"gpu": 1, "nnapi@29": 0.5, "tflite-int16x8": {"gpu": 0}}
    project = parse_project(
        {"model": {"source": "m.keras"}, "coverage": table}, folder=Path(), origin="x"
    )
    rules = floor_rules(project.coverage)

    def held(variant: str) -> dict[str, float]:
        return {
            rule.delegate.partition("@")[0]: rule.least
            for rule in rules_for(rules, variant, "tflite")
        }

    assert held("tflite-int8") == {"gpu": 1, "nnapi": 0.5}
    assert held("tflite-int16x8") == {"gpu": 0, "nnapi": 0.5}
    assert rules_for(rules, "coreml-fp16", "coreml") == ()


def test_an_estimate_below_its_floor_fails_with_what_costs_it(tmp_path: Path) -> None:
    graph = toy_graph(tmp_path, vectors(tmp_path / "m.tflite"))
    (floor,) = check_floors(toy_floors(tmp_path, {"toy": 0.5}), [graph])
    assert (floor.status, floor.share, floor.decided_by) == ("fail", 0.25, "estimate")
    assert [cost.operators for cost in floor.costs] == [{"ADD": 2}, {"RESHAPE": 1}]
    assert floor.costs[0].remedy == "Reshape to four dimensions."
    variant = VariantResult(
        name="tflite-fp32", description="", status="built", coverage=(graph,), floors=(floor,)
    )
    assert list(reasons((variant,))) == [f"tflite-fp32: {floor.reason}"]


@pytest.mark.parametrize(("taken", "status"), [(4, "pass"), (1, "fail")])
def test_what_was_measured_decides_and_the_estimate_stands_beside(
    tmp_path: Path, taken: int, status: str
) -> None:
    graph = toy_graph(tmp_path, vectors(tmp_path / "m.tflite"))
    told = {"toy": Told(nodes_taken=taken, nodes=4, place="a device")}
    (floor,) = check_floors(toy_floors(tmp_path, {"toy": 0.5}), [graph], told)
    assert (floor.status, floor.decided_by) == (status, "measured")
    assert (floor.share, floor.estimate) == (taken / 4, 0.25)
    assert ("(measured, a device; 25.0 % estimated)" in floor.reason) == (status == "fail")


def test_a_check_says_nothing_of_another_level(tmp_path: Path) -> None:
    graph = toy_graph(tmp_path, vectors(tmp_path / "m.tflite"), level=1)
    told = {"toy": Told(nodes_taken=4, nodes=4, place="a device")}
    (floor,) = check_floors(toy_floors(tmp_path, {"toy@1": 0.5}), [graph], told)
    assert (floor.status, floor.decided_by) == ("fail", "estimate")


def test_nodes_that_cost_nothing_do_not_count(tmp_path: Path) -> None:
    model = half(tmp_path / "m.tflite")
    graph = toy_graph(tmp_path, model)
    assert graph.free == (0, 4)
    (floor,) = check_floors(toy_floors(tmp_path, {"toy": 0.5}), [graph])
    assert (floor.share, floor.status) == (0.5, "pass")

    def told(taken: int | None) -> dict[str, Told]:
        execution = Execution(place="a device", nodes=6, nodes_taken=taken)
        check = Check(target="gpu", status="pass", execution=execution)
        return told_by([check, Check(target="cpu", status="pass")], [graph])

    # All, and the first convolution: the accelerator counts what unpacks weights as left then.
    assert told(6) == {"gpu": Told(nodes_taken=4, nodes=4, place="a device")}
    assert told(1) == {"gpu": Told(nodes_taken=1, nodes=4, place="a device")}
    assert told(None) == {}


def test_a_graph_with_nothing_to_take_meets_no_floor(tmp_path: Path) -> None:
    from inspected_models import without_operators

    graph = toy_graph(tmp_path, without_operators(tmp_path / "m.tflite"))
    (floor,) = check_floors(toy_floors(tmp_path, {"toy": 0.0}), [graph])
    assert floor.status == "fail"


def test_what_nobody_could_tell_meets_no_floor(tmp_path: Path) -> None:
    (floor,) = untold_floors(toy_floors(tmp_path, {"toy": 0.0}), "it is damaged")
    assert floor.status == "fail"
    assert "it is damaged" in floor.reason


def test_what_takes_nothing_and_floors_without_artifacts_are_notes(tmp_path: Path) -> None:
    graph = toy_graph(tmp_path, chain(tmp_path / "m.tflite", "TANH"))
    variant = VariantResult(name="tflite-fp32", description="", status="built", coverage=(graph,))
    notes = list(coverage_notes((variant,), floor_rules({"neural_engine": 1.0})))
    assert notes[0].startswith("tflite-fp32: toy@2 does not take the one operator")
    assert notes[1].startswith("The floor of neural_engine@")
    assert notes[1].endswith("was not checked: no variant for it was made.")


@pytest.mark.parametrize(("least", "status"), [(0.0, "pass"), (0.5, "fail")])
def test_a_floor_of_nothing_silences_nobody(tmp_path: Path, least: float, status: str) -> None:
    graph = toy_graph(tmp_path, chain(tmp_path / "m.tflite", "TANH"))
    floors = check_floors(toy_floors(tmp_path, {"toy": least}), [graph])
    assert [floor.status for floor in floors] == [status]
    variant = VariantResult(
        name="tflite-fp32", description="", status="built", coverage=(graph,), floors=floors
    )
    # A floor that is not kept is a reason against the release, which a note need not repeat.
    assert len(list(coverage_notes((variant,), ()))) == (1 if status == "pass" else 0)


@pytest.mark.parametrize("target", ["toy", "toy-fp32", "adb:1/toy"])
@pytest.mark.parametrize("status", ["pass", "fail"])
def test_a_check_that_fails_where_the_table_warns_is_told_the_remedy(
    tmp_path: Path, target: str, status: Status
) -> None:
    warning = (
        '\n[[warning]]\noperators = ["RELU"]\nreason = "it drifts"\nremedy = "Use RELU6"\n'
        'adaptation = "split_groups"\nsource = "toy 1"\n'
    )
    rules = toy(tmp_path, TOY + warning)
    (graph,) = read_graphs(chain(tmp_path / "m.tflite", "RELU"))
    variants = tuple(
        VariantResult(
            name=name,
            description="",
            status="built",
            coverage=(graph_coverage(graph, questions(["toy"], [rules])),),
            checks=(Check(target=target, status=status),),
        )
        for name in ("tflite-fp32", "tflite-fp16")
    )
    assert list(coverage_notes(variants, ())) == (
        [
            "tflite-fp32, tflite-fp16 on toy: of 1 × RELU its table warns: it drifts. Remedy: "
            "Use RELU6; mobilekit convert --adapt gpu,nnapi (split_groups, where it fits)."
        ]
        if status == "fail"
        else []
    )
