"""`mobilekit inspect` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inspected_models import chain, half, toy, vectors
from inspecting_command import Inspect, words
from tools import require_target

from mobilekit.release import write_manifest


def test_a_line_a_delegate_then_what_is_refused_by_rule(inspect: Inspect, tmp_path: Path) -> None:
    model, rules = vectors(tmp_path / "model.tflite"), toy(tmp_path)
    ended = inspect(model, "--rules", rules, "--delegate", "toy@1")
    assert ended.status == 0, ended.errors
    lines = [words(line) for line in ended.output.splitlines()]
    assert lines[0].endswith("4 operators, 0 MACs")
    assert "toy 1 of 4 25.0 % 1 piece 1.02 kB cross Toy version 1" in lines
    assert "toy@1 leaves 3 operators:" in lines
    text = words(ended.output)
    assert "2 × ADD: it adds images alone layers: t4, t5" in text
    assert "remedy: Reshape to four dimensions." in text
    assert "source: the toy, line 7" in text
    assert "by itself: mobilekit convert --change-function hard_swish" in text
    assert "1 × RESHAPE: Toy has no RESHAPE layers: t3" in text
    assert "crosses: 1.02 kB of t1" in text


def test_levels_are_told_apart(inspect: Inspect, tmp_path: Path) -> None:
    model, rules = chain(tmp_path / "m.tflite", "RELU", "LOGISTIC"), toy(tmp_path)
    old = inspect(model, "--rules", rules, "--delegate", "toy@1", "--delegate", "toy@2")
    assert "toy  1 of 2  50.0 %" in old.output
    assert "toy  2 of 2  100 %" in old.output
    assert "LOGISTIC is there from Toy version 2 on, not at 1" in old.output


def test_the_schema(inspect: Inspect, tmp_path: Path) -> None:
    model, rules = vectors(tmp_path / "model.tflite"), toy(tmp_path)
    ended = inspect(model, "--rules", rules, "--delegate", "toy@1", "--json")
    found: dict[str, Any] = json.loads(ended.output)
    assert next(iter(found)) == "schema"
    assert found["schema"] == "mobilekit/inspection/1"
    assert found.keys() == {"schema", "artifacts", "reasons", "warnings"}
    (artifact,) = found["artifacts"]
    assert artifact["file"] == "model.tflite"
    assert artifact["format"] == "tflite"
    assert artifact["bytes"] == model.stat().st_size
    (graph,) = artifact["graphs"]
    assert graph["operators"] == ["ADD", "RESHAPE", "ADD", "ADD"]
    assert graph["layers"] == ["t1", "t3", "t4", "t5"]
    (coverage,) = graph["estimates"]
    assert graph["measured"] == []
    assert coverage["delegate"] == "toy"
    assert coverage["level"] == 1
    assert coverage["basis"] == "estimate"
    assert (coverage["nodes"], coverage["nodes_taken"], coverage["share"]) == (4, 1, 0.25)
    assert coverage["macs_share"] is None
    assert coverage["pieces"] == 1
    assert coverage["crossings"] == [{"tensor": "t1", "bytes": 1024, "producer": 0, "consumer": 1}]
    assert coverage["runs"] == [
        {"answer": "taken", "first": 0, "last": 0, "nodes": 1, "piece": 0},
        {"answer": "refused", "first": 1, "last": 3, "nodes": 3, "piece": 1},
    ]
    assert coverage["refusals"][0] == {
        "reason": "it adds images alone",
        "source": "the toy, line 7",
        "remedy": "Reshape to four dimensions.",
        "adaptation": "hard_swish",
        "operators": {"ADD": 2},
        "nodes": [2, 3],
    }


def test_a_named_delegate_that_takes_nothing_fails(inspect: Inspect, tmp_path: Path) -> None:
    model, rules = chain(tmp_path / "m.tflite", "TANH"), toy(tmp_path)
    ended = inspect(model, "--rules", rules, "--delegate", "toy")
    assert ended.status == 1
    assert "FAILED: m.tflite: toy@2 does not take the one operator (an estimate)" in ended.errors
    assert "Toy has no TANH" in ended.errors
    assert "NOTHING" in ended.output


def test_an_unnamed_one_that_takes_nothing_is_told_loudly(inspect: Inspect, tmp_path: Path) -> None:
    model = chain(tmp_path / "m.tflite", "CONV_2D", dtype="int16")
    ended = inspect(model, "--json")
    assert ended.status == 0, ended.errors
    found = json.loads(ended.output)
    nothing = {
        coverage["delegate"]
        for coverage in found["artifacts"][0]["graphs"][0]["estimates"]
        if coverage["nodes_taken"] == 0
    }
    assert "gpu" in nothing
    assert len(found["warnings"]) == len(nothing)
    for name in nothing:
        assert f"warning: m.tflite: {name}@" in ended.errors


def test_floors(inspect: Inspect, tmp_path: Path) -> None:
    model, rules = vectors(tmp_path / "m.tflite"), toy(tmp_path)
    kept = inspect(model, "--rules", rules, "--floor", "toy=0.25")
    assert kept.status == 0, kept.errors
    assert "Floor of toy@2, 25.0 %: kept, 25.0 % estimated" in kept.output
    missed = inspect(model, "--rules", rules, "--floor", "toy@1=0.5")
    assert missed.status == 1
    assert (
        "m.tflite: toy@1 takes 1 of 4 operators, 25.0 % (estimated), and the floor is 50.0 %. What "
        "costs it: 2 × ADD (t4, t5): it adds images alone; 1 × RESHAPE (t3): Toy has no RESHAPE."
    ) in words(missed.errors)


def test_operators_that_are_newer_than_the_apps_runtime(inspect: Inspect, tmp_path: Path) -> None:
    model = chain(tmp_path / "m.tflite", "RELU", "GELU")
    ended = inspect(model, "--delegate", "xnnpack", "--floor-runtime", "2.4")
    assert ended.status == 0, ended.errors
    assert "Newer than TFLite 2.4, which cannot run the file: 1 × GELU, version 1" in words(
        ended.output
    )
    assert "layers: t2" in ended.output
    fresh = inspect(model, "--delegate", "xnnpack", "--floor-runtime", "2.19")
    assert "Newer than" not in fresh.output


def test_every_artifact_of_a_release(inspect: Inspect, tmp_path: Path) -> None:
    release, rules = tmp_path / "x.release", toy(tmp_path)
    (release / "models").mkdir(parents=True)
    chain(release / "models" / "tflite-fp32.tflite", "RELU")
    chain(release / "models" / "tflite-int8.tflite", "TANH")
    write_manifest(release, {})
    ended = inspect(release, "--rules", rules, "--delegate", "toy", "--floor", "toy=1")
    assert ended.status == 1
    assert "models/tflite-fp32.tflite: " in ended.output
    assert "models/tflite-int8.tflite: toy@2 does not take" in ended.errors
    assert "tflite-fp32" not in ended.errors


def test_the_real_xnnpack_stands_beside_the_estimate(inspect: Inspect, tmp_path: Path) -> None:
    model = chain(tmp_path / "m.tflite", "RELU", "TANH", "RELU")
    ended = inspect(model, "--delegate", "xnnpack", "--measure")
    assert ended.status == 0, ended.errors
    assert "Measured, by asking the delegates themselves:" in ended.output
    assert ended.output.count("3 of 3  100 %") == 2
    assert "DISAGREES" not in ended.output


def test_a_disagreement_is_shown(inspect: Inspect, tmp_path: Path) -> None:
    table = toy(tmp_path).read_text(encoding="utf-8").replace('"toy"', '"xnnpack"')
    rules = toy(
        tmp_path, table.replace("levels = [1, 2]", "levels = [2.3]").replace("= 2\n", "= 9\n")
    )
    model = chain(tmp_path / "m.tflite", "RELU", "LOGISTIC")
    ended = inspect(model, "--rules", rules, "--measure", "--delegate", "xnnpack")
    text = words(ended.output)
    assert "xnnpack@2.3 DISAGREES with its estimate on 1 × LOGISTIC:" in text
    assert "measured: taken layers: t2" in text


def test_the_real_gpu_stands_beside_the_estimate(inspect: Inspect, tmp_path: Path) -> None:
    require_target("gpu")
    model = half(tmp_path / "m.tflite")
    ended = inspect(model, "--delegate", "gpu", "--measure", "--json", "--floor", "gpu=0.5")
    found = json.loads(ended.output)["artifacts"][0]
    (measured,) = found["graphs"][0]["measured"]
    assert measured["basis"] == "measured"
    assert measured["nodes"] == 4
    assert 0 < measured["nodes_taken"] < 4
    (floor,) = found["floors"]
    assert floor["decided_by"] == "measured"
    assert ended.status == 1


def test_what_cannot_be_asked_says_so(inspect: Inspect, tmp_path: Path) -> None:
    model = chain(tmp_path / "m.tflite", "RELU")
    ended = inspect(model, "--delegate", "nnapi", "--measure")
    assert ended.status == 2
    assert "cannot be asked on a computer" in ended.errors
    beside = inspect(model, "--delegate", "nnapi", "--delegate", "xnnpack", "--measure")
    assert beside.status == 0, beside.errors
    assert "nnapi: Only a device with it can tell." in beside.output


def test_a_page(inspect: Inspect, tmp_path: Path) -> None:
    model, rules = vectors(tmp_path / "m.tflite"), toy(tmp_path)
    ended = inspect(model, "--rules", rules, "--delegate", "toy", "--out", "deep/page.html")
    assert ended.status == 0, ended.errors
    page = (tmp_path / "deep" / "page.html").read_text(encoding="utf-8")
    assert "<title>m.tflite · mobilekit inspect</title>" in page
    assert "it adds images alone → Reshape to four dimensions." in page
    assert "<script" not in page


def test_no_heavy_library_is_loaded(tmp_path: Path) -> None:
    model = chain(tmp_path / "m.tflite", "CONV_2D", "RELU")
    script = (
        "import sys\nfrom mobilekit.cli import commands\n"
        f"status = commands.main(['inspect', {str(model)!r}], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'coremltools', 'onnxruntime', 'pydantic', 'jinja2'}\n"
        "print(status, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--delegate", "gpuu"), "There is no delegate 'gpuu'. Did you mean 'gpu'? Known: "),
        (("--delegate", "qualcom"), "Did you mean 'qualcomm'? Known: xnnpack, "),
        (("--delegate", "x"), "where their compilers are: qualcomm, mediatek, google_tensor, sam"),
        (("--delegate", "gpu@"), "'gpu' is not known at LiteRT version ''. Known: 2.3."),
        (("--delegate", "nnapi@3"), "'nnapi' is not known at Android API level '3'. Known: 27, 28"),
        (("--delegate", "neural_engine"), "neural_engine runs Core ML packages, and there is none"),
        (("--floor", "gpu"), "'gpu' is not of the form DELEGATE=SHARE: gpu=0.95."),
        (("--floor", "gpu=2"), "a floor is a share of operators, from 0 to 1"),
        (("--floor", "gpu=nan"), "a floor is a share of operators, from 0 to 1"),
        (("--floor", "gup=1"), "There is no delegate 'gup'. Did you mean 'gpu'?"),
        (("--floor-runtime", "new"), "'new' is no version of a TFLite runtime."),
        (("--rules", "none.toml"), "cannot be read"),
    ],
)
def test_wishes_that_are_not_known(
    inspect: Inspect, tmp_path: Path, option: tuple[str, str], message: str
) -> None:
    model = chain(tmp_path / "m.tflite", "RELU")
    ended = inspect(model, *option, "--out", "page.html")
    assert ended.status == 2
    assert message in words(ended.errors)
    assert ended.output == ""
    assert ended.left == ("m.tflite",)
