"""What is told of one graph fits together, whatever is taken of it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspected_models import KINDS, TOY, chain, half, toy

from mobilekit.inspecting.answers import graph_coverage
from mobilekit.inspecting.judging import judge
from mobilekit.inspecting.questions import questions
from mobilekit.inspecting.results import InspectedArtifact, Inspection
from mobilekit.inspecting.text import inspection_text
from mobilekit.report.coverage import inspection_view
from mobilekit_converters.artifacts import read_graphs
from mobilekit_converters.errors import ToolMissingError
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.coverage import Coverage


@given(st.lists(st.sampled_from((*KINDS, "TANH")), min_size=1, max_size=40))
def test_runs_pieces_and_refusals_account_for_every_node(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rules = toy(Path(folder))
        (graph,) = read_graphs(chain(Path(folder) / "m.tflite", *names))
        found = graph_coverage(graph, questions(["toy@1"], [rules]))
    (coverage,) = found.estimates
    taken = [name in ("CONV_2D", "ADD", "RELU") for name in names]
    assert found.operators == tuple(names)
    covered = [node for run in coverage.runs for node in range(run.first, run.last + 1)]
    assert covered == list(range(len(names)))
    assert sum(run.nodes for run in coverage.runs) == coverage.nodes == len(names)
    assert all(
        (run.answer == "taken") == taken[node]
        for run in coverage.runs
        for node in range(run.first, run.last + 1)
    )
    assert coverage.nodes_taken == sum(taken)
    # In a chain every run is a piece, and each change of hands is a crossing.
    assert coverage.pieces == sum(run.answer == "taken" for run in coverage.runs)
    assert coverage.crossing_count == len(coverage.runs) - 1
    assert coverage.crossing_bytes == 1024 * coverage.crossing_count
    refused = {node for refusal in coverage.refusals for node in refusal.nodes}
    assert refused == {node for node, own in enumerate(taken) if not own}
    for refusal in coverage.refusals:
        assert sum(refusal.operators.values()) == len(refusal.nodes)


def test_what_costs_nothing_is_in_no_run_and_crosses_nothing(tmp_path: Path) -> None:
    (graph,) = read_graphs(half(tmp_path / "m.tflite"))
    found = graph_coverage(graph, questions(["toy@1"], [toy(tmp_path)]))
    (coverage,) = found.estimates
    assert found.free == (0, 4)
    assert [(run.first, run.last, run.nodes) for run in coverage.runs] == [
        (1, 1, 1),
        (2, 3, 2),
        (5, 5, 1),
    ]
    assert [crossing.tensor for crossing in coverage.crossings] == ["t4", "t8"]


def test_the_largest_crossings_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    (graph,) = read_graphs(chain(tmp_path / "m.tflite", *["RELU", "TANH"] * 5))
    found = graph_coverage(graph, questions(["toy"], [toy(tmp_path)]), most_crossings=3)
    (coverage,) = found.estimates
    assert len(coverage.crossings) == 3
    assert (coverage.crossing_count, coverage.crossing_bytes) == (9, 9 * 1024)


WARNING = """
[[warning]]
operators = ["RELU"]
reason = "its numbers drift"
remedy = "Use RELU6."
source = "the toy, line 9"
"""


def test_warnings_of_what_is_taken_are_told_and_keep_nothing_out(tmp_path: Path) -> None:
    (graph,) = read_graphs(chain(tmp_path / "m.tflite", "RELU", "ADD", "RELU"))
    found = graph_coverage(graph, questions(["toy"], [toy(tmp_path, TOY + WARNING)]))
    (coverage,) = found.estimates
    assert (coverage.share, coverage.refusals) == (1.0, ())
    (warning,) = coverage.warnings
    assert (warning.reason, warning.operators, warning.nodes) == (
        "its numbers drift",
        {"RELU": 2},
        (0, 2),
    )
    artifact = InspectedArtifact(file="m.tflite", format="tflite", bytes=1, graphs=(found,))
    text = inspection_text(Inspection(artifacts=(artifact,)))
    assert "toy@2 takes, with a warning:\n    2 × RELU: its numbers drift" in text
    (view,) = inspection_view(Inspection(artifacts=(artifact,)), "m").coverage.graphs
    assert view.table.rows[0].cells[0].text == "toy@2 takes it, with a warning"


class Compiler:
    """Stands in for a vendor's compiler that is here."""

    def missing(self) -> None:
        return None

    def ask(self, path: Path) -> tuple[Coverage, ...]:
        raise NotImplementedError


def test_a_delegate_without_a_table_is_asked_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ASKERS, "qualcomm", Compiler())
    (question,) = questions(["qualcomm"], measure=True)
    assert question.name == "qualcomm"
    (graph,) = read_graphs(chain(tmp_path / "m.tflite", "RELU", "ADD", "RELU"))
    said = Coverage(
        delegate="qualcomm",
        level=2.3,
        basis="compiled",
        place="its compiler",
        answers=(),
        macs=(0, 0, 0),
        counted=(2, 1),
    )
    found = graph_coverage(graph, [question], [said])
    assert found.estimates == ()
    (coverage,) = found.measured
    assert (coverage.nodes_taken, coverage.nodes, coverage.runs) == (2, 3, ())
    artifact = InspectedArtifact(file="m.tflite", format="tflite", bytes=1, graphs=(found,))
    assert "qualcomm  2 of 3  66.7 %" in inspection_text(Inspection(artifacts=(artifact,)))
    (view,) = inspection_view(Inspection(artifacts=(artifact,)), "m").coverage.graphs
    assert view.drawing is None
    assert view.sentences == (
        "qualcomm@2.3 was asked itself (its compiler): it takes 2 of 3 operators.",
    )
    nothing = graph_coverage(graph, [question], [replace(said, counted=(0, 3))])
    reasons, _ = judge([replace(artifact, graphs=(nothing,))], frozenset({question.name}))
    assert reasons == ("m.tflite: qualcomm@2.3 takes none of the 3 operators (it said so itself).",)


def test_a_delegate_without_a_table_is_not_guessed() -> None:
    with pytest.raises(ToolMissingError, match="qualcomm was not run, and there is no estimate"):
        questions(["qualcomm"])
