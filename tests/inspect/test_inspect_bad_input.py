"""What nobody would want to inspect, and what is unusual: told, never a crash, nothing left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inspected_models import (
    TOY,
    chain,
    long_chain,
    toy,
    with_graphs,
    without_graphs,
    without_operators,
)
from inspecting_command import Inspect, words


def test_custom_operators_are_told(inspect: Inspect, tmp_path: Path) -> None:
    model = chain(tmp_path / "m.tflite", "RELU", "MyOp")
    ended = inspect(model, "--delegate", "xnnpack", "--floor-runtime", "2.14")
    assert ended.status == 0, ended.errors
    assert "1 × MyOp: XNNPACK has no MyOp" in words(ended.output)
    # An app brings its custom operators itself: no runtime is too old for them.
    assert "Newer than" not in ended.output


def test_every_graph_and_signature_is_told(inspect: Inspect, tmp_path: Path) -> None:
    model, rules = with_graphs(tmp_path / "m.tflite", loop=False), toy(tmp_path)
    ended = inspect(model, "--rules", rules, "--delegate", "toy@1", "--json")
    assert ended.status == 0, ended.errors
    (artifact,) = json.loads(ended.output)["artifacts"]
    assert [graph["name"] for graph in artifact["graphs"]] == ["a", "b", "c"]
    shares = [graph["estimates"][0]["share"] for graph in artifact["graphs"]]
    assert shares == [0.5, 1.0, 1.0]
    text = inspect(model, "--rules", rules, "--delegate", "toy@1").output
    for name in "abc":
        assert f"Graph {name}: " in text


def test_a_floor_holds_for_all_graphs_together(inspect: Inspect, tmp_path: Path) -> None:
    model, rules = with_graphs(tmp_path / "m.tflite", loop=False), toy(tmp_path)
    assert inspect(model, "--rules", rules, "--floor", "toy@1=0.87").status == 0
    ended = inspect(model, "--rules", rules, "--floor", "toy@1=0.88")
    assert ended.status == 1
    assert "toy@1 takes 7 of 8 operators" in ended.errors


def test_control_flow_is_told(inspect: Inspect, tmp_path: Path) -> None:
    model = with_graphs(tmp_path / "m.tflite", loop=True)
    ended = inspect(model, "--delegate", "xnnpack")
    assert ended.status == 0, ended.errors
    assert "1 × WHILE: XNNPACK has no WHILE" in words(ended.output)
    assert "Graph subgraph 2: 3 operators" in ended.output


def test_a_graph_without_operators_is_no_success(inspect: Inspect, tmp_path: Path) -> None:
    model = without_operators(tmp_path / "m.tflite")
    named = inspect(model, "--delegate", "xnnpack", "--out", "page.html")
    assert named.status == 1
    assert "xnnpack@2.3 has nothing to take" in named.errors
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No operator of it costs anything when it runs" in page
    floored = inspect(model, "--floor", "xnnpack=0")
    assert floored.status == 1
    assert "no operator costs anything when it runs" in floored.errors


@pytest.mark.parametrize("content", ["cut short", "no model", "no graph"])
def test_damaged_files(inspect: Inspect, tmp_path: Path, content: str) -> None:
    model = tmp_path / "m.tflite"
    if content == "no graph":
        without_graphs(model)
    else:
        whole = chain(model, "CONV_2D", "RELU").read_bytes()
        model.write_bytes(whole[:300] if content == "cut short" else b"Hello, world!")
    ended = inspect(model, "--out", "page.html")
    assert ended.status == 2
    assert "is no whole TFLite model" in ended.errors
    assert ended.output == ""
    assert ended.left == ("m.tflite",)


def test_what_is_no_artifact(inspect: Inspect, tmp_path: Path) -> None:
    assert "There is no " in inspect(tmp_path / "none.tflite").errors
    (tmp_path / "empty").mkdir()
    ended = inspect(tmp_path / "empty")
    assert ended.status == 2
    assert "neither a .tflite file nor an .mlpackage folder" in ended.errors
    assert ended.left == ("empty",)


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "mobilekit.toml", "saved"])
def test_what_is_not_converted_yet(inspect: Inspect, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "saved":
        path.mkdir()
        (path / "saved_model.pb").write_bytes(b"")
    else:
        path.write_text("", encoding="utf-8")
    ended = inspect(path)
    assert ended.status == 2
    assert f"Convert it with `mobilekit convert {path}` and inspect the release." in ended.errors
    assert ended.left == (name,)


def test_a_release_without_artifacts(inspect: Inspect, tmp_path: Path) -> None:
    from mobilekit.release import write_manifest

    write_manifest(tmp_path, {})
    ended = inspect(tmp_path)
    assert ended.status == 2
    assert "holds no artifact" in ended.errors


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ('it adds images alone"', "it adds images alone", "toy.toml, line 21: it is no TOML"),
        ("inputs[0].rank", "inputs[0].__class__", "toy.toml, line 20: the condition"),
        ("require =", "requires =", "toy.toml, line 20: there is no key 'requires'"),
        ("levels = [1, 2]", "levels = []", "toy.toml, line 7: levels are numbers, one at least"),
        ('operators = ["ADD"]', 'operators = ["AD"]', "toy.toml, line 19: no [[operator]] lists"),
    ],
)
def test_a_mistake_in_a_table_of_rules_is_named_by_its_line(
    inspect: Inspect, tmp_path: Path, wrong: str, right: str, message: str
) -> None:
    rules = toy(tmp_path, TOY.replace(wrong, right))
    ended = inspect(chain(tmp_path / "m.tflite", "ADD"), "--rules", rules, "--out", "page.html")
    assert ended.status == 2
    assert message in words(ended.errors)
    assert ended.left == ("m.tflite", "toy.toml")


def test_a_page_that_cannot_be_written(inspect: Inspect, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    ended = inspect(chain(tmp_path / "m.tflite", "ADD"), "--out", "file/page.html")
    assert ended.status == 2
    assert "cannot be written" in ended.errors
    assert ended.left == ("file", "m.tflite")


def test_a_long_graph(inspect: Inspect, tmp_path: Path) -> None:
    model, rules = long_chain(tmp_path / "m.tflite", 2000), toy(tmp_path)
    ended = inspect(model, "--rules", rules, "--delegate", "toy@1", "--json", "--out", "page.html")
    assert ended.status == 0, ended.errors
    (coverage,) = json.loads(ended.output)["artifacts"][0]["graphs"][0]["estimates"]
    assert (coverage["nodes"], coverage["nodes_taken"], coverage["pieces"]) == (2000, 1500, 500)
    assert sum(run["nodes"] for run in coverage["runs"]) == 2000
    assert len(ended.output) < 600_000
    assert (tmp_path / "page.html").stat().st_size < 400_000
